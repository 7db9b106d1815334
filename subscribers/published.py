"""The published schemas: JSON Schema per payload and one AsyncAPI 3 document, from the types.

`python -m subscribers.published` writes them to `subscribers/schemas/`; a test compares.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from subscribers import messages
from subscribers.checkpoints import SUBJECT as CHECKPOINTS
from subscribers.messages import CloudEvent
from subscribers.streams import STREAMS

FOLDER: Final = Path(__file__).parent / "schemas"

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CHANNELS: Final = (
    ("stockEvents", "inventory.events.{location}.{sku}.{verb}", "stock"),
    ("documentEvents", "inventory.documents.{kind}.{id}.{verb}", "document"),
    ("stockStates", "inventory.stock.{location}.{sku}", "state"),
    ("conflicts", "inventory.conflicts.{kind}.{location}.{sku}", "conflict"),
    ("availableToSell", "inventory.ats.{channel}.{sku}", "ats"),
    ("availableToSellByLocation", "inventory.ats.{channel}.{sku}.{location}", "ats"),
)
_DEAD_LETTERS: Final = "inventory.dlq.{consumer}"
_SYNC: Final = "inventory.channels.{channel}.sync"
SYNC_PARTS: Final[dict[str, type[msgspec.Struct]]] = {
    "syncRequest": messages.SyncRequest,
    "syncAnswer": messages.SyncAnswer,
}
"""A question and its answer: plain JSON, without an envelope."""
CHECKPOINT: Final = "inventory.checkpoint"
"""The one message that is no event: a text that others sign and read as well."""
_CHECKPOINT_HEADERS: Final = (
    messages.MESSAGE_ID,
    messages.POSITION,
    messages.GENERATION,
    messages.SHARD,
)
_CHECKPOINT: Final = {
    "name": CHECKPOINT,
    "title": "Checkpoint",
    "summary": "A signed note (C2SP tlog-checkpoint) about the ledger up to Ledger-Position.",
    "contentType": "text/plain; charset=utf-8",
    "headers": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in _CHECKPOINT_HEADERS},
        "required": list(_CHECKPOINT_HEADERS),
    },
    "payload": {"type": "string"},
}
_ENCODING: Final = "Every UTF-8 byte other than `A-Za-z0-9_-` is written as `%` and two hex digits."


def documents() -> dict[str, str]:
    """File name -> text of everything published."""
    schemas = {f"{name}.json": _payload_schema(name) for name in messages.DATA_TYPES}
    schemas |= {f"{_file(name)}.json": _plain_schema(kind) for name, kind in SYNC_PARTS.items()}
    return {
        name: _text(document)
        for name, document in (schemas | {"asyncapi.json": _asyncapi()}).items()
    }


def write(folder: Path = FOLDER) -> list[str]:
    """Write all of them; the names of the files."""
    folder.mkdir(exist_ok=True)
    texts = documents()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(texts)


def _text(document: dict[str, Any]) -> str:
    ordered = msgspec.json.encode(document, order="deterministic")
    return msgspec.json.format(ordered, indent=2).decode() + "\n"


def _payload_schema(name: str) -> dict[str, Any]:
    """The envelope with the data of one type in its place, everything it needs inside."""
    kind = messages.DATA_TYPES[name]
    (envelope, data), parts = msgspec.json.schema_components(
        (CloudEvent, kind), ref_template="#/$defs/{name}"
    )
    body = parts.pop("CloudEvent")
    del envelope
    properties = body["properties"] | {
        "data": data,
        "type": {"const": name},
        "specversion": {"const": "1.0"},
        "datacontenttype": {"const": "application/json"},
    }
    return {
        "$schema": _DIALECT,
        "$id": f"urn:inventory-ledger:{name}",
        "title": kind.__name__,
        "description": (kind.__doc__ or "").strip(),
        "type": "object",
        "properties": properties,
        "required": body["required"],
        "$defs": parts,
    }


def _asyncapi() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "inventory-ledger",
            "version": "1",
            "description": "What the ledger tells, over NATS JetStream.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(subject, about) for name, subject, about in _CHANNELS}
        | {
            "checkpoints": _channel(CHECKPOINTS, "checkpoint"),
            "deadLetters": _channel(_DEAD_LETTERS, "letter"),
        }
        | _sync_channels(),
        "operations": {
            f"tell{name[0].upper()}{name[1:]}": _operation("send", name)
            for name in (*(name for name, _, _ in _CHANNELS), "checkpoints")
        }
        | {
            "receiveDeadLetters": _operation("receive", "deadLetters"),
            "answerSync": _answering(),
        },
        "components": {
            "messages": {_key(name): _message(name) for name in messages.DATA_TYPES}
            | {_key(CHECKPOINT): _CHECKPOINT}
            | {name: _plain_message(name) for name in SYNC_PARTS},
            "schemas": {"LedgerHeaders": _headers()},
        },
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _answering() -> dict[str, Any]:
    """A channel asks on its own subject; the answer goes to the request's own inbox."""
    part = "#/channels/sync/messages"
    return _operation("receive", "sync") | {
        "summary": "Makes the channel's durable anew, the last value of every SKU first.",
        "messages": [{"$ref": f"{part}/syncRequest"}],
        "reply": {
            "address": {"location": "$message.header#/replyTo"},
            "channel": {"$ref": "#/channels/syncAnswers"},
            "messages": [{"$ref": "#/channels/syncAnswers/messages/syncAnswer"}],
        },
    }


def _sync_channels() -> dict[str, Any]:
    def carrying(name: str, channel: dict[str, Any]) -> dict[str, Any]:
        return channel | {"messages": {name: {"$ref": f"#/components/messages/{name}"}}}

    asked = {
        "address": _SYNC,
        "description": "A request over plain NATS; kept nowhere.",
        "parameters": {"channel": {"description": _ENCODING}},
    }
    answered = {"address": None, "description": "The inbox that a request names."}
    return {
        "sync": carrying("syncRequest", asked),
        "syncAnswers": carrying("syncAnswer", answered),
    }


def _channel(subject: str, about: str) -> dict[str, Any]:
    parameters = [part.strip("{}") for part in subject.split(".") if part.startswith("{")]
    names = [name for name in (*messages.DATA_TYPES, CHECKPOINT) if about in _told_on(name)]
    prefix = subject.split("{", maxsplit=1)[0]
    stream = next(s for s in STREAMS if any(t.startswith(prefix) for t in s.subjects or ()))
    return {
        "address": subject,
        "description": f"Kept in {stream.name}: {stream.description}.",
        "parameters": {name: {"description": _ENCODING} for name in parameters},
        "messages": {_key(name): {"$ref": f"#/components/messages/{_key(name)}"} for name in names},
    }


def _told_on(name: str) -> tuple[str, ...]:
    if name == CHECKPOINT:
        return ("checkpoint",)
    of_values = {
        messages.StockState.TYPE: "state",
        messages.AtsState.TYPE: "ats",
        messages.DeadLetter.TYPE: "letter",
    }
    if name in of_values:
        return (of_values[name],)
    kind = name.split(".")[1]
    return {"stock": ("stock",), "conflict": ("document", "conflict")}.get(kind, ("document",))


def _message(name: str) -> dict[str, Any]:
    kind = messages.DATA_TYPES[name]
    return {
        "name": name,
        "title": kind.__name__,
        "summary": (kind.__doc__ or "").strip(),
        "contentType": "application/cloudevents+json",
        "headers": {"$ref": "#/components/schemas/LedgerHeaders"},
        "payload": {"$ref": f"./{name}.json"},
    }


def _plain_message(name: str) -> dict[str, Any]:
    kind = SYNC_PARTS[name]
    return {
        "name": name,
        "title": kind.__name__,
        "summary": (kind.__doc__ or "").strip(),
        "contentType": "application/json",
        "payload": {"$ref": f"./{_file(name)}.json"},
    }


def _plain_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    (root,), parts = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    del root
    return {
        "$schema": _DIALECT,
        "$id": f"urn:inventory-ledger:{_file(kind.__name__)}",
        **parts[kind.__name__],
    }


def _file(name: str) -> str:
    """`syncRequest` is described in `inventory.sync.request`."""
    return f"inventory.sync.{name[len('sync') :].lower()}"


def _headers() -> dict[str, Any]:
    names = (
        messages.MESSAGE_ID,
        messages.POSITION,
        messages.GENERATION,
        messages.SHARD,
        messages.TRACE,
    )
    optional = (messages.HASH, messages.THROUGH, messages.TOLD)
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in (*names, *optional)},
        "required": list(names),
    }


def _key(name: str) -> str:
    """A key AsyncAPI allows in a reference without escaping."""
    return name.removeprefix("inventory.").replace(".", "_")


if __name__ == "__main__":
    write()
