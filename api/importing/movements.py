"""Our own words in columns: a file whose lines already are movements (`--format movements`).

A column has the name of the field of `POST /v1/movements`, and one more, `document`, says what is
recorded as a whole and makes the idempotency keys: a delivery note, a till roll, an order.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from api.importing.batches import join_texts, json_instants, json_texts, movement_ids
from api.importing.columns import Column, Table, as_instants, as_text, read_columns
from api.importing.online_retail import Read, counts

_NAMES: Final = ("type", "sku", "location")
_NUMBERS: Final = ("quantity", "delta", "expected_on_hand", "counted")
_TEXTS: Final = (
    "reference",
    "reason",
    "source",
    "channel",
    "order",
    "reservation_id",
    "of",
    "replaces",
    "uom",
    "bucket",
    "from_bucket",
    "to_bucket",
    "unit_cost",
    "currency",
)
_OPTIONAL: Final = {*_NUMBERS, *_TEXTS, "occurred_at"}
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    name: (name,) for name in ("document", *_NAMES, *_NUMBERS, *_TEXTS, "occurred_at")
}


def read_movements(path: Path) -> Read:
    """Read a file of movements, in row order; a line without its names is left out."""
    return apply_columns(read_columns(path, _COLUMNS, _OPTIONAL))


def apply_columns(table: Table) -> Read:
    """Turn columns into movements."""
    texts = {name: as_text(table[name]) for name in _COLUMNS if name != "occurred_at"}
    times = as_text(table["occurred_at"])
    texts["location"] = pc.utf8_normalize(texts["location"], "NFC")
    texts["sku"] = pc.utf8_normalize(texts["sku"], "NFC")
    lines = pa.table({**texts, "at": as_instants(table["occurred_at"]), "time": times})
    lines = lines.append_column("id", movement_ids(lines["document"]))
    readable = pc.match_substring_regex(lines["document"], r"^[A-Za-z0-9._~:@+-]{1,50}$")
    lacking = pc.invert(pc.fill_null(readable, False))
    for name in _NAMES:
        lacking = pc.or_(lacking, pc.is_null(lines[name]))
    kept = lines.filter(pc.invert(lacking)).combine_chunks()
    left_out = lines.num_rows - kept.num_rows
    columns = {name: kept[name] for name in ("document", "id", "sku", "location", "at")}
    movements = pa.table({**columns, "body": _bodies(kept)})
    return Read(movements, counts(kept["type"]), {"unreadable": left_out} if left_out else {})


def _bodies(kept: Table) -> Column:
    parts: list[Column] = ['{"movement_id":"', _array(kept["id"]), '"']
    for name in _NAMES:
        parts += [f',"{name}":', json_texts(_array(kept[name]))]
    for name in _NUMBERS:
        parts.append(_field(name, _numbers(_array(kept[name]))))
    for name in _TEXTS:
        parts.append(_field(name, json_texts(_array(kept[name]))))
    # A time we do not understand goes out as it stands, for the service to judge.
    times = pc.coalesce(json_instants(_array(kept["at"])), json_texts(_array(kept["time"])))
    parts.append(_field("occurred_at", times))
    return join_texts(*parts, "}")


def _numbers(texts: Column) -> Column:
    """Integers as they stand; decimals, and whatever else there is, as a string: the service
    counts them in the SKU's units, or says why it cannot.
    """
    integer = pc.match_substring_regex(texts, r"^-?(0|[1-9][0-9]{0,17})$")
    return pc.if_else(integer, texts, json_texts(texts))


def _field(name: str, values: Column) -> Column:
    """`,"name":value`, or nothing where there is no value."""
    return pc.fill_null(join_texts(f',"{name}":', values), "")


def _array(column: Column) -> Column:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
