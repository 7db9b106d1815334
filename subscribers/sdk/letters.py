"""The letter a subscriber leaves about a message it gives up on."""

from typing import Final, NamedTuple

from msgspec import structs

from subscribers import messages
from subscribers.messages import CloudEvent, DeadLetter
from subscribers.sdk.desk import Value
from subscribers.sdk.source import Garbled

_SOURCE: Final = "inventory-ledger/sdk"
_CARRIED: Final = (messages.POSITION, messages.GENERATION, messages.SHARD, messages.TRACE)
_REASON_CHARACTERS_MAX: Final = 2_000


class Letter(NamedTuple):
    """A dead letter ready to send."""

    headers: dict[str, str]
    payload: bytes


def letter_of(
    value: Value | Garbled, consumer: str, session: str, attempts: int, reason: str
) -> Letter:
    """The letter about a message: the same again when it has to be sent again.

    The session is part of its id: a letter that was replayed and removed must not make the
    server take the next subscriber's letter about the same message for a repetition.
    """
    generation = value.headers.get(messages.GENERATION, "")
    letter_id = f"{consumer}:{session}:{generation}:{value.sequence}"
    data = DeadLetter(
        consumer=consumer,
        reason=reason[:_REASON_CHARACTERS_MAX],
        attempts=attempts,
        subject=value.subject,
        sequence=value.sequence,
        headers=value.headers,
        payload=value.payload,
    )
    about = value.event if isinstance(value, Value) else _unreadable(value)
    envelope = structs.replace(
        about,
        id=letter_id,
        source=_SOURCE,
        type=DeadLetter.TYPE,
        subject=consumer,
        streamversion=0,
        causationid=about.id,
        data=data,
    )
    carried = {name: value.headers[name] for name in _CARRIED if name in value.headers}
    return Letter({messages.MESSAGE_ID: letter_id} | carried, messages.encode(envelope))


def _unreadable(garbled: Garbled) -> CloudEvent:
    """What is known of a message whose envelope nobody can read."""
    return CloudEvent(
        specversion="1.0",
        id="",
        source=_SOURCE,
        type="",
        subject=garbled.subject,
        time=garbled.time,
        datacontenttype="application/json",
        position=0,
        streamversion=0,
        recordedat=garbled.time,
        correlationid="",
        causationid="",
        ruleversion=0,
        data=None,
    )
