"""An export as one Parquet file.

A Parquet file is whole or unreadable: its index is at its end. So rows are first written to parts
in a directory beside it, each whole; a killed export loses the part it was at. At the end the parts
are joined, one row group at a time, and the joined file takes its name at once. Asked for more
than it holds, a finished file is the first part of the next one.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from api.exporting.ledger import SHARD, CannotExport, Ledger, Span
from api.exporting.output import check, compare, fsync_directory, lock
from projections.audit.row import Row

FORMAT: Final = "inventory-ledger/export/v1"

PART_EVENTS: Final = 50_000
"""Rows of a part, and of a row group: a second's work, and what readers split theirs by."""

PART_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bodies of a part, wherever bodies are large: a part is in memory as a whole."""

_COMPRESSION: Final = "zstd"

# Bodies hardly ever repeat as a whole: looking for that, or for the least of them, is wasted.
_REPEATING: Final = ["stream", "topic"]
_GROWING: Final = ["position", "version", "recorded_at"]
_ENCODINGS: Final = {
    **dict.fromkeys(_GROWING, "DELTA_BINARY_PACKED"),
    "shard": "PLAIN",
    "state": "PLAIN",
}

_JOINED: Final = "joined"
_WRITING: Final = ".writing"

SCHEMA: Final = pa.schema(
    [
        pa.field(name, kind, nullable=False, metadata={"comment": comment})
        for name, kind, comment in (
            ("shard", pa.int16(), "The part of the ledger: 0"),
            ("position", pa.int64(), "Place in the ledger: 1, 2, 3 and so on, without a gap"),
            ("stream", pa.string(), "What the event is about: kind and percent-encoded ids"),
            ("version", pa.int64(), "Place in the stream: 1, 2, 3 and so on, without a gap"),
            ("topic", pa.string(), "The kind of event and the version of its form"),
            ("recorded_at", pa.timestamp("us", tz="UTC"), "When it was recorded; never decreases"),
            ("state", pa.binary(), "The stored body, byte for byte: JSON in UTF-8"),
        )
    ]
)


class Held(Struct, frozen=True):
    """What a whole file says it holds."""

    path: Path
    ledger: str
    span: Span


def columns(rows: list[Row]) -> pa.RecordBatch:
    """Rows as columns."""
    return pa.record_batch(
        [
            pa.array([SHARD] * len(rows), pa.int16()),
            pa.array([row.position for row in rows], pa.int64()),
            pa.array([row.stream for row in rows], pa.string()),
            pa.array([row.version for row in rows], pa.int64()),
            pa.array([row.topic for row in rows], pa.string()),
            pa.array([row.recorded_at for row in rows], pa.timestamp("us", tz="UTC")),
            pa.array([row.state for row in rows], pa.binary()),
        ],
        schema=SCHEMA,
    )


def held(path: Path) -> Held:
    """What a file says of itself. Raises CannotExport where it is no export."""
    try:
        found = pq.read_schema(path).metadata or {}
        words = {name: found[f"inventory-ledger.{name}".encode()].decode() for name in _WORDS}
        span = Span(int(words["first"]), int(words["last"]))
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise CannotExport(
            f"{path} is no export of a ledger ({error}): name another file"
        ) from error
    if words["format"] != FORMAT:
        raise CannotExport(f"{path} has the format {words['format']}, this version knows {FORMAT}")
    return Held(path, words["ledger"], span)


_WORDS: Final = ("format", "ledger", "first", "last")


class ParquetFile:
    """A file that is made of parts, and has its name when it is whole."""

    def __init__(self, path: Path, *, part_events: int = PART_EVENTS) -> None:
        """Make the directory of its parts. Raises CannotExport while another export is in it."""
        self._path = path
        self._part_events = part_events
        self._directory = path.with_name(f"{path.name}.parts")
        self._directory.mkdir(exist_ok=True)
        self._lock = os.open(self._directory, os.O_RDONLY)
        try:
            lock(self._lock, path)
        except CannotExport:
            os.close(self._lock)
            raise
        self._name = ""
        self._held: list[Held] = []
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def resume(self, ledger: Ledger, span: Span) -> int:
        """Find the parts that follow one upon the other; the last row must be the ledger's."""
        self._name = ledger.name
        self._held = list(self._found(span))
        if not self._held:
            return span.first - 1
        whole = Span(span.first, self._held[-1].span.last)
        check(self._path, whole, span)
        if whole.events:
            compare(ledger, self._path, [_last_row(self._held[-1].path)])
        return whole.last

    def write(self, page: list[Row]) -> None:
        """Add rows; every so many become a part."""
        for start in range(0, len(page), self._part_events):
            self._waiting.append(columns(page[start : start + self._part_events]))
            self._rows += self._waiting[-1].num_rows
            if self._rows >= self._part_events or self._bytes >= PART_BYTES_MAX:
                self._part()

    def finish(self, span: Span) -> None:
        """Join the parts, give the file its name, and remove them."""
        if self._rows:
            self._part()
        if [one.path for one in self._held] != [self._path]:
            joined = self._directory / _JOINED
            if len(self._held) == 1:
                joined = self._held[0].path
            else:
                self._join(joined, span)
            joined.replace(self._path)
            fsync_directory(self._path.parent)
        rmtree(self._directory)

    def close(self) -> None:
        """Let go of the directory; parts stay for the next attempt."""
        with suppress(OSError):  # There are parts, or it went with them.
            self._directory.rmdir()
        os.close(self._lock)

    def _found(self, span: Span) -> Iterator[Held]:
        """The file, if it is there, and the parts that go on from it."""
        last = span.first - 1
        paths = sorted(self._directory.glob("*.parquet"))
        if self._path.exists():
            paths.insert(0, self._path)
        for path in paths:
            one = held(path)
            if one.ledger != self._name and one.span.events:
                raise CannotExport(f"{path} is of another ledger: name another file")
            if path == self._path:
                check(path, one.span, span)
            elif one.span.last <= last:
                continue  # A join was cut short after the file had got its name.
            elif one.span.first != last + 1:
                raise CannotExport(
                    f"{path} begins at position {one.span.first}, not at {last + 1}: remove "
                    f"{self._directory} or name another file"
                )
            last = one.span.last
            yield one

    @property
    def _bytes(self) -> int:
        return sum(batch.nbytes for batch in self._waiting)

    def _part(self) -> None:
        table = pa.Table.from_batches(self._waiting, SCHEMA)
        positions = table.column("position")
        span = Span(positions[0].as_py(), positions[-1].as_py())
        path = self._directory / f"{span.first:019d}.parquet"
        with self._writer(path, span) as writer:
            writer.write_table(table, row_group_size=table.num_rows)
        self._held.append(Held(path, self._name, span))
        self._waiting, self._rows = [], 0

    def _join(self, path: Path, span: Span) -> None:
        with self._writer(path, span) as writer:
            for one in self._held:
                with pq.ParquetFile(one.path) as part:
                    for group in range(part.num_row_groups):
                        writer.write_table(part.read_row_group(group))

    def _writer(self, path: Path, span: Span) -> "_WholeFile":
        words = {"format": FORMAT, "ledger": self._name, "first": span.first, "last": span.last}
        named = {f"inventory-ledger.{name}": str(word) for name, word in words.items()}
        return _WholeFile(path, SCHEMA.with_metadata(named))


class _WholeFile:
    """Writes a Parquet file that has its name only once it is whole and survives."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._path = path
        self._writing = path.with_name(path.name + _WRITING)
        self._file = self._writing.open("wb")
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression=_COMPRESSION,
            use_dictionary=_REPEATING,
            column_encoding=_ENCODINGS,
            write_statistics=[*_REPEATING, *_GROWING],
        )

    def __enter__(self) -> Any:
        return self._writer

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            self._writer.close()
            if kind is not None:
                return
            self._file.flush()
            os.fsync(self._file.fileno())
        self._writing.replace(self._path)


def _last_row(path: Path) -> Row:
    with pq.ParquetFile(path) as file:
        table = file.read_row_group(file.num_row_groups - 1)
    values = table.slice(table.num_rows - 1)
    _, position, stream, version, topic, _, state = (c[0].as_py() for c in values.columns)
    recorded_at = values.column("recorded_at")[0].value
    return Row(position, stream, version, topic, state, recorded_at)
