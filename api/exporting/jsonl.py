"""An export as JSON lines: a row a line, its body as it is stored."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Raw, Struct

from api.exporting.ledger import SHARD, CannotExport, Ledger, Span
from api.exporting.output import check, compare, lock
from api.schemas.fields import rfc3339, time_of
from ledger.domain.refusals import Malformed
from projections.audit.row import Row

_BLOCK_BYTES: Final = 64 * 1024
_BEGINNING: Final = b'{"shard":'


class Line(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One row of the ledger; `state` are the very bytes of the stored body."""

    shard: int
    position: int
    stream: str
    version: int
    topic: str
    recorded_at: str
    state: Raw


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Line).decode
_is_json: Final = msgspec.json.Decoder(Raw).decode


def lines(rows: Iterable[Row]) -> bytes:
    """Rows as lines. Raises CannotExport for a body that would break its line."""
    parts: list[bytes] = []
    recorded_at, at = -1, ""
    for row in rows:
        if not _fits_a_line(row.state):
            raise CannotExport(
                f"the body at position {row.position} is no JSON on one line: run "
                "`inventory-ledger verify`; --format parquet takes it as it is"
            )
        if row.recorded_at != recorded_at:  # What was recorded together shares its time.
            recorded_at, at = row.recorded_at, rfc3339(row.recorded_at)
        state = Raw(row.state)
        line = Line(SHARD, row.position, row.stream, row.version, row.topic, at, state)
        parts.append(_encode(line))
    return b"\n".join([*parts, b""])


def _fits_a_line(state: bytes) -> bool:
    try:
        _is_json(state)
        if not state.isascii():  # The reader of JSON passes over what is in a text.
            state.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return b"\n" not in state


def row_of(line: bytes) -> Row:
    """The row that a line tells. Raises ValueError."""
    try:
        found = _decode(line)
        if found.shard != SHARD:
            raise ValueError(f"shard {found.shard}")
        at = time_of(found.recorded_at, "recorded_at")
    except (msgspec.MsgspecError, Malformed) as error:
        raise ValueError(str(error)) from error
    state = bytes(found.state)
    return Row(found.position, found.stream, found.version, found.topic, state, at)


class JsonLinesStream:
    """Standard output: begun anew every time."""

    def __init__(self, stream: BinaryIO) -> None:
        """Take the stream."""
        self._stream = stream

    def resume(self, ledger: Ledger, span: Span) -> int:  # noqa: ARG002 - as a file would
        """Nothing is there."""
        return span.first - 1

    def write(self, page: list[Row]) -> None:
        """Add lines."""
        self._stream.write(lines(page))

    def finish(self, span: Span) -> None:  # noqa: ARG002 - as a file would
        """Let go of what waits."""
        self._stream.flush()

    def close(self) -> None:
        """The stream belongs to somebody else."""


class JsonLinesFile:
    """A file that grows line by line; a torn last line is cut, and it goes on from there."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises CannotExport while another export writes it."""
        self._path = path
        self._file: Any = path.open("a+b", buffering=0)
        try:
            lock(self._file.fileno(), path)
        except CannotExport:
            self._file.close()
            raise

    def resume(self, ledger: Ledger, span: Span) -> int:
        """Compare the first line and the last whole one with the ledger, and cut the rest off."""
        size = self._file.seek(0, os.SEEK_END)
        last, end = self._last_line(size)
        if size > end:
            self._file.seek(end)
            if not self._file.read(len(_BEGINNING)).startswith(_BEGINNING[: size - end]):
                raise self._foreign("it does not end like an export")
        after = span.first - 1
        if end:
            self._file.seek(0)
            held = [self._row(next(iter(self._file))), self._row(last)]
            after = held[1].position
            check(self._path, Span(held[0].position, after), span)
            compare(ledger, self._path, held)
        if size > end:
            self._file.truncate(end)
        return after

    def write(self, page: list[Row]) -> None:
        """Add lines."""
        data = memoryview(lines(page))
        while data:
            data = data[self._file.write(data) :]

    def finish(self, span: Span) -> None:  # noqa: ARG002 - every line says for itself where it is
        """Make it survive."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _last_line(self, size: int) -> tuple[bytes, int]:
        """The last whole line, and where it ends; looked for from the end, block by block."""
        tail, start = b"", size
        while start and tail.count(b"\n") < 2:
            step = min(_BLOCK_BYTES + len(tail), start)
            start -= step
            self._file.seek(start)
            tail = self._file.read(step) + tail
        whole, newline, _ = tail.rpartition(b"\n")
        return whole.rpartition(b"\n")[2], start + len(whole) + len(newline)

    def _row(self, line: bytes) -> Row:
        try:
            return row_of(line)
        except ValueError as error:
            raise self._foreign(str(error)) from error

    def _foreign(self, why: str) -> CannotExport:
        return CannotExport(f"{self._path} is no export of a ledger ({why}): name another file")
