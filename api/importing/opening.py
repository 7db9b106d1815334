"""What must have been on the shelves before the first line of a file.

A sales history starts in the middle of a shop's life. Without opening stock every first sale
would break the zero level; the opening is recorded first, a minute before the earliest line.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from api.importing.batches import join_texts, json_instants, json_texts, movement_ids
from api.importing.columns import (
    Column,
    Table,
    UnreadableFile,
    as_integers,
    as_moments,
    as_text,
    read_columns,
)

DOCUMENT: Final = "opening"
"""What the openings' movement ids are made of: `opening:1`, `opening:2`, …"""

_MINUTE_US: Final = 60_000_000
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "sku": ("sku", "StockCode"),
    "location": ("location",),
    "quantity": ("quantity", "on_hand"),
    "at": ("occurred_at",),
}


def least_opening(movements: Table) -> Table:
    """Per stock, the fewest units that keep its level from falling below zero, row after row.

    That is the deepest point of the running sum, turned upside down. Stocks that never dip need
    none and are left out.
    """
    rows = pa.table(
        {
            "stock": movements["stock"],
            "row": pa.array(range(movements.num_rows), pa.int64()),
            "delta": movements["delta"],
        }
    ).sort_by([("stock", "ascending"), ("row", "ascending")])
    rows = rows.append_column("sum", pc.cumulative_sum(rows["delta"]))
    per_stock = rows.group_by("stock", use_threads=False).aggregate(
        [("sum", "min"), ("sum", "first"), ("delta", "first"), ("row", "first")]
    )
    before = pc.subtract(per_stock["sum_first"], per_stock["delta_first"])
    lowest = pc.subtract(per_stock["sum_min"], before)
    named = movements.select(["location", "sku"]).take(per_stock["row_first"])
    opening = named.append_column("quantity", pc.negate(lowest))
    return opening.filter(pc.greater(opening["quantity"], 0))


def read_opening(path: Path, location: str) -> Table:
    """Opening stock from a file with sku, quantity and, where wanted, location and occurred_at."""
    table = read_columns(path, _COLUMNS, {"location", "at"})
    at, written = as_moments(table["at"])
    if at.null_count > written.null_count:
        raise UnreadableFile(
            f"{path.name}: every occurred_at is an RFC 3339 time with an offset, or empty"
        )
    columns = {
        "location": pc.fill_null(as_text(table["location"]), location),
        "sku": pc.utf8_upper(as_text(table["sku"])),
        "quantity": as_integers(table["quantity"]),
        "at": at,
    }
    opening = pa.table(columns)
    bad = opening["sku"].null_count + opening["quantity"].null_count
    if bad or pc.any(pc.less(opening["quantity"], 0)).as_py():
        raise UnreadableFile(f"{path.name}: every line needs a SKU and a quantity of 0 or more")
    return opening.filter(pc.greater(opening["quantity"], 0))


def opening_movements(opening: Table, movements: Table) -> Table:
    """The movements that record an opening, in the columns of the movements they come before."""
    opening = opening.sort_by([("location", "ascending"), ("sku", "ascending")])
    at = _instants(opening, movements)
    document = pa.repeat(pa.scalar(DOCUMENT), opening.num_rows)
    ids = movement_ids(document)
    body = join_texts(
        '{"movement_id":"',
        ids,
        '","type":"opening","sku":',
        json_texts(opening["sku"].combine_chunks()),
        ',"location":',
        json_texts(opening["location"].combine_chunks()),
        ',"quantity":',
        pc.cast(opening["quantity"], pa.string()),
        ',"occurred_at":',
        json_instants(at),
        "}",
    )
    return pa.table(
        {
            "document": document,
            "id": ids,
            "sku": opening["sku"],
            "location": opening["location"],
            "delta": opening["quantity"],
            "at": at,
            "body": body,
        }
    )


def _instants(opening: Table, movements: Table) -> Column:
    first = pc.min(movements["at"])
    if not first.is_valid:
        raise UnreadableFile(
            "there is no movement that the opening stock could come before;"
            " import with --opening none"
        )
    before = pa.scalar(first.cast(pa.int64()).as_py() - _MINUTE_US).cast(pa.timestamp("us"))
    if "at" in opening.column_names:
        return pc.fill_null(opening["at"].combine_chunks(), before)
    return pa.repeat(before, opening.num_rows)
