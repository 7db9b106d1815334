"""Statements as tables, for those who add up with other tools: CSV and Parquet."""

import csv
import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from api.schemas.statements import CounterAnswer, LineAnswer, StatementItem, StatementsAnswer
from ledger.domain.values import PHYSICAL_BUCKETS

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"

_COLUMNS: Final = (
    *("sku", "location", "section", "counter", "from_bucket", "to_bucket", "type", "reason"),
    *("quantity", "entries"),
)
_NUMBERS: Final = frozenset({"quantity", "entries"})

Row = dict[str, Any]


def rows(answer: StatementsAnswer) -> Iterator[Row]:
    """A row for each level and each line; the sections `counter` and `prior_period` add up.

    `quantity` is what a row adds to what is on hand, in a move what changed its condition.
    """
    for item in answer.items:
        about: Row = {"sku": item.sku, "location": item.location}
        for row in _of_item(item):
            yield dict.fromkeys(_COLUMNS) | about | row


def _of_item(item: StatementItem) -> Iterator[Row]:
    for bucket in PHYSICAL_BUCKETS:
        yield {
            "section": "opening",
            "to_bucket": bucket,
            "quantity": getattr(item.opening, bucket),
        }
    if item.prior_period is not None:
        yield from _counters("prior_period", item.prior_period.counters)
        yield from _lines("prior_period_move", None, item.prior_period.moves)
    yield from _counters("counter", item.counters)
    yield from _lines("move", None, item.moves)
    for bucket in PHYSICAL_BUCKETS:
        yield {
            "section": "closing",
            "to_bucket": bucket,
            "quantity": getattr(item.closing, bucket),
        }


def _counters(section: str, counters: list[CounterAnswer]) -> Iterator[Row]:
    for counter in counters:
        yield from _lines(section, counter.counter, counter.lines)


def _lines(section: str, counter: str | None, lines: list[LineAnswer]) -> Iterator[Row]:
    for line in lines:
        yield {
            "section": section,
            "counter": counter,
            "from_bucket": line.from_bucket,
            "to_bucket": line.to_bucket,
            "type": line.type,
            "reason": line.reason,
            "quantity": line.quantity,
            "entries": line.entries,
        }


def pins(answer: StatementsAnswer) -> dict[str, str]:
    """What the table was made from, in words."""
    told = {
        "from": answer.start,
        "to": answer.end,
        "known_at_position": str(answer.known_at_position),
        "settled": str(answer.settled).lower(),
        "position": str(answer.position),
    }
    return told if answer.next_cursor is None else told | {"next_cursor": answer.next_cursor}


def as_csv(answer: StatementsAnswer) -> bytes:
    """With a line of names first."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows(answer))
    return out.getvalue().encode()


def as_parquet(answer: StatementsAnswer) -> bytes:
    """Text and 64-bit integers; what it was made from is in the file's own metadata.

    The library is loaded when first asked for: it is as large as all else in the process.
    """
    pa, pa_parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    fields = [(name, pa.int64() if name in _NUMBERS else pa.string()) for name in _COLUMNS]
    schema = pa.schema(fields, metadata=pins(answer))
    out = io.BytesIO()
    table = pa.Table.from_pylist(list(rows(answer)), schema=schema)
    pa_parquet.write_table(table, out, compression="zstd")
    return out.getvalue()
