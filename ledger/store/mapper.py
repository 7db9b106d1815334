"""Stored rows to recorded events and back: JSON bodies, topics that are the events' own tags."""

from typing import Any, Final, get_args

import msgspec

from ledger.domain.events import AnyEvent
from ledger.recorded import Body, Meta, Recorded
from ledger.store.upcasts import UPCASTS, Upcast


class UnknownEvent(Exception):
    """The ledger holds an event that this version of the software does not know.

    A newer version wrote it. Upgrade before reading on: guessing would corrupt every answer.
    """


def tag_of(kind: type) -> str:
    """The permanent tag of an event class."""
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined]


EVENT_TYPES: Final[dict[str, type]] = {tag_of(kind): kind for kind in get_args(AnyEvent)}
"""Every current tag and its class."""

TOPICS: Final[dict[type, str]] = {kind: tag for tag, kind in EVENT_TYPES.items()}
"""Every event class and its tag."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Body).decode


class Mapper:
    """Turns bodies into bytes and rows into `Recorded`; refuses what it does not know."""

    def __init__(self, upcasts: dict[str, Upcast] = UPCASTS) -> None:
        """Take the upcasting steps; tests bring their own."""
        self._upcasts = upcasts

    @staticmethod
    def encode(meta: Meta, event: AnyEvent) -> bytes:
        """The bytes of one event row."""
        return _encode(Body(meta, event))

    def body(self, topic: str, state: bytes) -> Body:
        """Read one event row's bytes, raising `UnknownEvent` for a tag from the future."""
        if topic in EVENT_TYPES:
            return _decode(state)
        return self._upcast(topic, state)

    def recorded(
        self,
        position: int,
        stream: str,
        version: int,
        topic: str,
        state: bytes,
        recorded_at: int,
    ) -> Recorded:
        """Read one event row. `recorded_at` is in microseconds since 1970."""
        body = self.body(topic, state)
        return Recorded(position, stream, version, topic, recorded_at, body.meta, body.event)

    def _upcast(self, topic: str, state: bytes) -> Body:
        if topic not in self._upcasts:
            raise UnknownEvent(f"{topic!r} is not an event this version knows; upgrade first")
        raw: dict[str, Any] = msgspec.json.decode(state)
        event, tag = raw["event"], topic
        while tag not in EVENT_TYPES:
            step = self._upcasts.get(tag)
            if step is None:
                raise UnknownEvent(f"{tag!r}, from {topic!r}, is not an event this version knows")
            event = step(event)
            tag = event["type"]
        return Body(msgspec.convert(raw["meta"], Meta), msgspec.convert(event, EVENT_TYPES[tag]))
