"""Cursors: where a page ended and what the question was pinned to, opaque to the caller."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

Place = TypeVar("Place", bound=msgspec.Struct)


class BadCursor(ValueError):
    """The cursor was not given out by this question."""


def encode(place: msgspec.Struct) -> str:
    """Make a cursor."""
    return urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def decode(cursor: str, kind: type[Place]) -> Place:
    """Read a cursor back, refusing anything else with `BadCursor`."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        return msgspec.msgpack.decode(raw, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursor(BadCursor.__doc__) from error
