"""Turns a gift wholesaler's invoices (UCI Online Retail) into movements, by rules in order.

The order of the rules is part of their meaning. Every line is either a movement or counted under
the reason why it is none; duplicates are real lines and stay.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from api.importing.batches import join_texts, json_instants, json_texts, movement_ids
from api.importing.columns import (
    Column,
    Table,
    as_instants,
    as_integers,
    as_text,
    is_zero,
    read_columns,
)

LocationBy = Literal["warehouse", "country"]

WAREHOUSE: Final = "warehouse"

NAMED_MAX: Final = 5
"""Unreadable lines that are named; the rest is most likely more of the same."""

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "invoice": ("InvoiceNo", "Invoice"),
    "sku": ("StockCode", "stock_code"),
    "quantity": ("Quantity",),
    "at": ("InvoiceDate", "invoice_ts"),
    "price": ("UnitPrice", "Price"),
    "customer": ("CustomerID", "Customer ID"),
    "country": ("Country",),
    "row": ("row_no",),
}
_WORDS: Final = {"sku": "SKU", "location": "country", "at": "date"}
_OPTIONAL: Final = {"country", "row"}
_KINDS: Final = ("sale", "return", "adjust_in", "adjust_out")
_SALE, _RETURN, _ADJUST_IN, _ADJUST_OUT = range(4)
_HEADS: Final = (
    '","type":"sale","sku":',
    '","type":"return","to_bucket":"sellable","sku":',
    '","type":"adjust","reason":"adjustment_in","sku":',
    '","type":"adjust","reason":"adjustment_out","sku":',
)
_AMOUNTS: Final = (',"quantity":', ',"quantity":', ',"delta":', ',"delta":')


class Read(msgspec.Struct, frozen=True):
    """What a file amounts to: movements in columns, and how many lines are none, and why.

    `movements` has document, id, sku, location, stock (a number per location and SKU), delta, at
    and body. `kinds` counts movements by kind, `skipped` left-out lines by reason. `unreadable`
    names the first of those that cannot be read: the row, counted from 1, and why.
    """

    movements: Any
    kinds: dict[str, int]
    skipped: dict[str, int]
    unreadable: tuple[tuple[int, str], ...] = ()


def read_online_retail(path: Path, location_by: LocationBy = WAREHOUSE) -> Read:
    """Read a file in either of its two spellings and apply the rules."""
    return apply_rules(read_columns(path, _COLUMNS, _OPTIONAL), location_by)


def apply_rules(table: Table, location_by: LocationBy = WAREHOUSE) -> Read:
    """Turn invoice lines into movements, in row order."""
    rows = pa.array(range(1, table.num_rows + 1), pa.int64())
    lines = _normalised(_in_row_order(table.append_column("line", rows)), location_by)
    reasons = _reasons_to_skip(lines)
    kept = lines.filter(pc.is_null(reasons))
    kinds = _kinds(kept)
    names = pc.take(pa.array(_KINDS), kinds)
    unreadable = pc.fill_null(pc.equal(reasons, "unreadable"), False)
    why = named(lines, unreadable, _why)
    return Read(_movements(kept, kinds), counts(names), counts(reasons), why)


def _in_row_order(table: Table) -> Table:
    rows = as_integers(table["row"])
    return table if rows.null_count else table.take(pc.sort_indices(rows))


def _normalised(table: Table, location_by: LocationBy) -> Table:
    places = table["country"] if location_by == "country" else pa.array([WAREHOUSE])
    location = as_text(places)
    if location_by != "country":
        location = pc.take(location, pa.repeat(pa.scalar(0), table.num_rows))
    invoice = pc.utf8_upper(as_text(table["invoice"]))
    return pa.table(
        {
            "invoice": invoice,
            "id": movement_ids(invoice),
            "line": table["line"],
            "sku": pc.utf8_normalize(pc.utf8_upper(as_text(table["sku"])), "NFC"),
            "location": pc.utf8_normalize(location, "NFC"),
            "quantity": as_integers(table["quantity"]),
            "at": as_instants(table["at"]),
            "free": is_zero(table["price"].combine_chunks()),
            "anonymous": pc.is_null(as_text(table["customer"])),
        }
    )


def _reasons_to_skip(lines: Table) -> Column:
    """Per line, why it is no movement, or null. The first reason that holds is the one named."""
    invoice, sku, quantity = lines["invoice"], lines["sku"], lines["quantity"]
    stock = pc.match_substring_regex(sku, r"^[0-9]{5}")
    credit = pc.starts_with(invoice, "C")
    debt = pc.starts_with(invoice, "A")
    no_return = pc.and_(credit, pc.greater_equal(quantity, 0))
    non_stock = pc.or_kleene(pc.invert(stock), pc.or_kleene(debt, no_return))
    adjusts = pc.and_(lines["free"], lines["anonymous"])
    below = pc.less(quantity, 0)
    negative_sale = pc.and_(below, pc.invert(pc.or_(credit, adjusts)))
    conditions = {
        "unreadable": _unreadable(lines),
        "non_stock": non_stock,
        "no_quantity": pc.equal(quantity, 0),
        "negative_sale": negative_sale,
    }
    columns = {name: pc.fill_null(mask, False) for name, mask in conditions.items()}
    cases = pa.StructArray.from_arrays(
        [mask.combine_chunks() for mask in columns.values()], names=list(columns)
    )
    return pc.case_when(cases, *map(pa.scalar, columns), pa.scalar(None, pa.string()))


def _unreadable(lines: Table) -> Column:
    """A line that lacks a value, or whose names the service would not take."""
    lacking = pc.is_null(lines["invoice"])
    for name in ("sku", "location", "quantity", "at"):
        lacking = pc.or_(lacking, pc.is_null(lines[name]))
    key = pc.match_substring_regex(lines["invoice"], r"^[A-Za-z0-9._~:@+-]{1,50}$")
    code = r"^(?:[^\p{C}\p{Z}]| ){1,64}$"
    sku = pc.match_substring_regex(lines["sku"], code)
    location = pc.match_substring_regex(lines["location"], code)
    return pc.or_kleene(lacking, pc.invert(pc.and_kleene(key, pc.and_kleene(sku, location))))


def _why(line: dict[str, Any]) -> str:
    """What a line that cannot be read lacks."""
    for name in ("invoice", "sku", "location", "quantity", "at"):
        if line[name] is None:
            return f"it has no readable {_WORDS.get(name, name)}"
    return "its invoice, SKU or country is longer than a name, or holds what no name does"


def _kinds(kept: Table) -> Column:
    credit = pc.starts_with(kept["invoice"], "C")
    adjusts = pc.and_(kept["free"], kept["anonymous"])
    direction = pc.if_else(pc.less(kept["quantity"], 0), _ADJUST_OUT, _ADJUST_IN)
    return pc.if_else(credit, _RETURN, pc.if_else(adjusts, direction, _SALE))


def _movements(kept: Table, kinds: Column) -> Table:
    quantity = kept["quantity"]
    sells = pc.equal(kinds, _SALE)
    returns = pc.equal(kinds, _RETURN)
    delta = pc.if_else(pc.or_(sells, returns), pc.negate(quantity), quantity)
    amount = pc.if_else(returns, delta, quantity)  # A return of 3 was written as -3.
    body = join_texts(
        '{"movement_id":"',  # An id needs no escapes: its characters were checked.
        kept["id"].combine_chunks(),
        pc.take(pa.array(_HEADS), kinds),
        json_texts(kept["sku"].combine_chunks()),
        ',"location":',
        json_texts(kept["location"].combine_chunks()),
        pc.take(pa.array(_AMOUNTS), kinds),
        pc.cast(amount, pa.string()),
        ',"occurred_at":',
        json_instants(kept["at"].combine_chunks()),
        "}",
    )
    return pa.table(
        {
            "document": kept["invoice"],
            "id": kept["id"],
            "sku": kept["sku"],
            "location": kept["location"],
            "stock": stock_numbers(kept["location"], kept["sku"]),
            "delta": delta,
            "at": kept["at"],
            "body": body,
        }
    )


def stock_numbers(location: Column, sku: Column) -> Column:
    """A small number per location and SKU: equal where both are equal."""
    # The separator cannot be part of either name: control characters are refused.
    both = join_texts(location, "\x1f", sku)
    coded = both.combine_chunks() if isinstance(both, pa.ChunkedArray) else both
    return pc.cast(pc.dictionary_encode(coded).indices, pa.int64())


def named(
    lines: Table, left_out: Column, why: Callable[[dict[str, Any]], str]
) -> tuple[tuple[int, str], ...]:
    """The first lines that were left out: which, and why."""
    if "line" not in lines.column_names:
        rows = pa.array(range(1, lines.num_rows + 1), pa.int64())
        lines = lines.append_column("line", rows)
    return tuple(
        (line["line"], why(line)) for line in lines.filter(left_out).slice(0, NAMED_MAX).to_pylist()
    )


def counts(values: Column) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    counted = pc.value_counts(pc.drop_null(values)).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counted, key=lambda r: -r["counts"])}
