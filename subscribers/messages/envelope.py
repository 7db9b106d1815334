"""The envelope of every payload, and its bytes."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field

from subscribers.messages.base import Timestamp
from subscribers.messages.registry import DATA_TYPES


class CloudEvent(Struct, frozen=True):
    """The envelope of every payload: CloudEvents 1.0 in JSON, with the ledger's extensions.

    `id` is `<generation>:<shard>:<position>`; `streamversion` is the place in the stream that
    `subject` names; `ruleversion` is 0 where no channel rule took part.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Timestamp
    datacontenttype: str
    position: int
    streamversion: int
    recordedat: Timestamp
    correlationid: str
    causationid: str
    ruleversion: int
    data: Any


class _Envelope(Struct):
    """The envelope as read: unknown attributes are ignored, missing extensions have defaults."""

    id: str
    source: str
    type: str
    subject: str = ""
    time: str = ""
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    position: int = 0
    streamversion: int = 0
    recordedat: str = ""
    correlationid: str = ""
    causationid: str = ""
    ruleversion: int = 0
    data: Raw = field(default_factory=lambda: Raw(b"null"))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Envelope).decode
_decode_data: Final = {name: msgspec.json.Decoder(kind).decode for name, kind in DATA_TYPES.items()}


def encode(event: CloudEvent) -> bytes:
    """The payload of one message."""
    return _encode(event)


def decode(payload: bytes) -> CloudEvent:
    """Read a payload; data of a type this version does not know stays plain JSON values."""
    raw = _decode(payload)
    read = _decode_data.get(raw.type, msgspec.json.decode)
    return CloudEvent(
        raw.specversion,
        raw.id,
        raw.source,
        raw.type,
        raw.subject,
        raw.time,
        raw.datacontenttype,
        raw.position,
        raw.streamversion,
        raw.recordedat,
        raw.correlationid,
        raw.causationid,
        raw.ruleversion,
        read(raw.data),
    )
