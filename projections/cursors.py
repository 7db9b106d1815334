"""Cursors: where a page ended and what the question was pinned to, opaque to the caller.

Each is sealed with the question it was given out by: it goes on with that question and no other,
and one that was altered is none. No secret is needed for that, for whoever makes one up may ask
the question itself.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

Place = TypeVar("Place", bound=msgspec.Struct)

_SEAL_BYTES: Final = 8


class BadCursor(ValueError):
    """The cursor was not given out by this question."""


def encode(place: msgspec.Struct, *question: object) -> str:
    """Make a cursor. `question`: what was asked for, but for its clocks, which a place keeps."""
    raw = msgspec.msgpack.encode(place)
    return urlsafe_b64encode(raw + _seal(raw, question)).decode().rstrip("=")


def decode(cursor: str, kind: type[Place], *question: object) -> Place:
    """Read a cursor of the same question back, refusing anything else with `BadCursor`."""
    try:
        sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        raw = sealed[:-_SEAL_BYTES]
        if sealed[-_SEAL_BYTES:] != _seal(raw, question):
            raise BadCursor(BadCursor.__doc__)
        return msgspec.msgpack.decode(raw, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursor(BadCursor.__doc__) from error


def _seal(raw: bytes, question: tuple[object, ...]) -> bytes:
    return blake2b(msgspec.msgpack.encode(question) + raw, digest_size=_SEAL_BYTES).digest()
