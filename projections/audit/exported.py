"""The rows of an export, as files hold them: JSON lines or Parquet, in the order of positions."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from projections.audit.row import Row

Read: TypeAlias = Callable[[int], None]
"""Told how many more bytes of the files have been read."""

_BATCH_ROWS: Final = 2_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAGIC: Final = b"PAR1"
_COLUMNS: Final = ("shard", "position", "stream", "version", "topic", "recorded_at", "state")


class BadExport(ValueError):
    """A file, or a place in one, cannot be read as an export."""


class NoExport(BadExport):
    """A file does not even begin as an export does."""


class _Line(Struct, frozen=True, gc=False):
    shard: int
    position: int
    stream: str
    version: int
    topic: str
    recorded_at: datetime
    state: msgspec.Raw  # The bytes as they are stored: they are what is attested.


_decode: Final = msgspec.json.Decoder(_Line).decode


def in_order(paths: Sequence[Path]) -> list[Path]:
    """The files by the first position in each: a shell puts 10 before 9. Raises NoExport."""

    def first(path: Path) -> int:
        try:
            for _, row in rows(path, lambda _: None):
                return row.position
        except BadExport as problem:
            raise NoExport(f"{path} is no export of a ledger: {problem}") from problem
        return 0

    return sorted(paths, key=first)


def rows(path: Path, read: Read) -> Iterator[tuple[int, Row]]:
    """Every row of a file with its shard; raises BadExport at the first that cannot be read."""
    with path.open("rb") as file:
        is_parquet = file.read(len(_MAGIC)) == _MAGIC
    return _parquet(path, read) if is_parquet else _lines(path, read)


def _lines(path: Path, read: Read) -> Iterator[tuple[int, Row]]:
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = _decode(text)
                if line.recorded_at.tzinfo is None:
                    raise ValueError("recorded_at names no zone")
            except (ValueError, RecursionError) as error:
                raise BadExport(f"line {number} of {path} cannot be read: {error}") from error
            at = (line.recorded_at - _EPOCH) // _MICROSECOND
            names = (line.stream, line.version, line.topic, bytes(line.state))
            yield line.shard, Row(line.position, *names, at)
            read(len(text))


def _parquet(path: Path, read: Read) -> Iterator[tuple[int, Row]]:
    size = path.stat().st_size
    try:
        with pq.ParquetFile(path) as file:
            total = max(1, file.metadata.num_rows)
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS)):
                yield from _batch(batch)
                read(size * batch.num_rows // total)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise BadExport(f"{path} cannot be read: {error}") from error


def _batch(batch: Any) -> Iterator[tuple[int, Row]]:
    shards, positions, streams, versions, topics, times, states = (
        batch.column(name) for name in _COLUMNS
    )
    instants = times.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    columns = (positions, streams, versions, topics, states, instants)
    for shard, *row in zip(shards.to_pylist(), *(c.to_pylist() for c in columns), strict=True):
        if None in row:
            raise BadExport(f"a row has an empty field: {row[:4]}")
        yield shard, Row(*row)
