"""Whole columns in PostgreSQL's binary form, packed in one step each.

A driver adapts value by value; at some ten values an event that alone would cost more than
the rest of the projection. Here a column is one join.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any, Final

from psycopg.abc import AdaptContext
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

_HEADER: Final = Struct("!iiIii").pack
_INT8: Final = Struct("!iq").pack
_LENGTH: Final = Struct("!i").pack
_NULL: Final = _LENGTH(-1)
_INT8_OID: Final = 20
_TEXT_OID: Final = 25

_EPOCH_OFFSET: Final = 946_684_800_000_000  # 2000-01-01, PostgreSQL's epoch, in microseconds.


class Int8Array(bytes):
    """A `bigint[]`, ready to send."""


class TextArray(bytes):
    """A `text[]`, ready to send."""


def int8s(values: Sequence[int | None]) -> Int8Array:
    """Pack a column of integers."""
    cells = b"".join([_NULL if v is None else _INT8(8, v) for v in values])
    return Int8Array(_array(_INT8_OID, len(values), cells, nulls=True))


def texts(values: Iterable[str | None]) -> TextArray:
    """Pack a column of texts."""
    cells: list[bytes] = []
    count = 0
    for value in values:
        count += 1
        if value is None:
            cells.append(_NULL)
        else:
            raw = value.encode()
            cells.append(_LENGTH(len(raw)))
            cells.append(raw)
    return TextArray(_array(_TEXT_OID, count, b"".join(cells), nulls=True))


def _array(oid: int, count: int, cells: bytes, *, nulls: bool) -> bytes:
    if not count:
        return Struct("!iiI").pack(0, 0, oid)
    return _HEADER(1, int(nulls), oid, count, 1) + cells


class InstantLoader(Loader):
    """Reads a timestamp as microseconds since 1970, never through a datetime."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        """Shift from the server's epoch to ours."""
        return int.from_bytes(bytes(data), "big", signed=True) + _EPOCH_OFFSET


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        """The value is in its final form already."""
        return bytes(obj)


class _Int8ArrayDumper(_PackedDumper):
    oid = 1016


class _TextArrayDumper(_PackedDumper):
    oid = 1009


def register(context: AdaptContext) -> None:
    """Teach a connection to send packed columns."""
    context.adapters.register_dumper(Int8Array, _Int8ArrayDumper)
    context.adapters.register_dumper(TextArray, _TextArrayDumper)
