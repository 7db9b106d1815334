"""Our own words in columns: a file whose lines already are movements (`--format movements`).

A column has the name of the field of `POST /v1/movements`, and one more, `document`, says what is
recorded as a whole and makes the idempotency keys: a delivery note, a till roll, an order.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from api.importing.batches import join_texts, json_instants, json_texts, movement_ids
from api.importing.columns import Column, Table, as_moments, as_text, read_columns
from api.importing.online_retail import Read, counts, named

_DOCUMENT: Final = r"^[A-Za-z0-9._~:@+-]{1,50}$"
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
    at, written = as_moments(table["occurred_at"])
    texts["location"] = pc.utf8_normalize(texts["location"], "NFC")
    texts["sku"] = pc.utf8_normalize(texts["sku"], "NFC")
    lines = pa.table({**texts, "at": at, "time": written})
    lines = lines.append_column("id", movement_ids(lines["document"]))
    readable = pc.match_substring_regex(lines["document"], _DOCUMENT)
    lacking = pc.invert(pc.fill_null(readable, False))
    for name in _NAMES:
        lacking = pc.or_(lacking, pc.is_null(lines[name]))
    lacking = pc.or_(lacking, _is_no_time(lines))
    kept = lines.filter(pc.invert(lacking)).combine_chunks()
    left_out = lines.num_rows - kept.num_rows
    columns = {name: kept[name] for name in ("document", "id", "sku", "location", "at")}
    movements = pa.table({**columns, "body": _bodies(kept)})
    skipped = {"unreadable": left_out} if left_out else {}
    return Read(movements, counts(kept["type"]), skipped, named(lines, lacking, _why))


def _is_no_time(lines: Table) -> Column:
    return pc.and_(pc.is_null(lines["at"]), pc.is_valid(lines["time"]))


def _why(line: dict[str, Any]) -> str:
    """What a line that was left out lacks."""
    for name in ("document", *_NAMES):
        if line[name] is None:
            return f"it has no {name}"
    if re.match(_DOCUMENT, line["document"]) is None:
        return f"document {line['document']!r} is not up to 50 of A-Z a-z 0-9 . _ ~ : @ + -"
    return f"occurred_at {line['time']!r} is no RFC 3339 time with an offset"


def _bodies(kept: Table) -> Column:
    parts: list[Column] = ['{"movement_id":"', _array(kept["id"]), '"']
    for name in _NAMES:
        parts += [f',"{name}":', json_texts(_array(kept[name]))]
    for name in _NUMBERS:
        parts.append(_field(name, _numbers(_array(kept[name]))))
    for name in _TEXTS:
        parts.append(_field(name, json_texts(_array(kept[name]))))
    # A time of another offset, or with a fraction, goes out as it stands.
    written = _array(kept["time"])
    stands = pc.invert(pc.match_substring_regex(written, r"^[^.]*(\.0+)?([Zz]|\+00:00)$"))
    times = pc.if_else(
        pc.fill_null(stands, False), json_texts(written), json_instants(_array(kept["at"]))
    )
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
