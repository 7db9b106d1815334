"""A ledger's rows as an export holds them: JSON lines and Parquet."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.servers import Database

_ROWS = (
    "select shard, position, stream, version, topic, recorded_at at time zone 'UTC', state"
    " from ledger.events order by position"
)
NAMES = ("shard", "position", "stream", "version", "topic", "recorded_at", "state")
SCHEMA = pa.schema(
    [
        ("shard", pa.int16()),
        ("position", pa.int64()),
        ("stream", pa.string()),
        ("version", pa.int64()),
        ("topic", pa.string()),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("state", pa.binary()),
    ]
)


def rows_of(database: Database) -> list[dict[str, Any]]:
    """Every row."""
    rows = [dict(zip(NAMES, row, strict=True)) for row in database.execute(_ROWS)]
    for row in rows:
        row["recorded_at"] = row["recorded_at"].replace(tzinfo=UTC)
        row["state"] = bytes(row["state"])
    return rows


def write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """An export of some rows, in the format of the file's name."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), path, row_group_size=200)
    else:
        path.write_bytes(b"".join(line(row) for row in rows))
    return path


def line(row: dict[str, Any]) -> bytes:
    """One row as a line of JSON: the state as it is stored, byte for byte."""
    at: datetime = row["recorded_at"]
    told = {**row, "recorded_at": f"{at.isoformat(timespec='microseconds')[:26]}Z"}
    return msgspec.json.encode({**told, "state": msgspec.Raw(row["state"])}) + b"\n"
