"""Writes returns with their lines, and the lines of orders: one statement for each table."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from psycopg import Cursor

from ledger.domain.events import ReturnAuthorised, SkuQuantity
from ledger.domain.return_ import CustomerReturn, ReturnLine
from projections.batch import Batch
from projections.returns.projection import (
    OrderLine,
    OrderLines,
    Return,
    Returns,
    fold_orders,
    fold_returns,
    needed_orders,
    needed_returns,
    of_orders,
    of_returns,
)
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_amounts: Final = msgspec.json.Decoder(dict[str, int]).decode
_NUMBERS: Final = ("authorised", "received", "waived")
_MAPS: Final = ("grades", "dispositions", "at")


class ReturnsView:
    """Keeps `returns`, `return_lines` and `order_lines` at the runner's position."""

    name = "returns"
    tables = ("returns", "return_lines", "order_lines")
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE) -> None:
        """Write to the tables of one schema."""
        self._sql = statements(__package__ or "", schema)

    @property
    def remembered(self) -> int:
        """Nothing, beyond what is held back within its own limit."""
        return 0

    def forget(self) -> None:
        """Nothing is remembered between batches."""

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch makes of the returns and orders it touches."""
        if events := of_returns(batch):
            known = self._load(cursor, sorted(needed_returns(events)))
            changed = fold_returns(events, known)
            self._write(cursor, [changed[key] for key in sorted(changed)])
        if events := of_orders(batch):
            wanted = sorted(needed_orders(events))
            lines = fold_orders(events, self._load_orders(cursor, wanted))
            self._write_orders(cursor, [lines[key] for key in sorted(lines)])

    # --- returns ------------------------------------------------------------------------------

    def _load(self, cursor: Cursor[Any], wanted: list[str]) -> Returns:
        if not wanted:
            return {}
        ids = texts(wanted)
        cursor.execute(self._sql["load_lines"], (ids,))
        lines: dict[str, list[ReturnLine]] = {}
        for return_id, *line in cursor:
            lines.setdefault(return_id, []).append(line_of(line))
        cursor.execute(self._sql["load_returns"], (ids,))
        return {row[0]: return_of(row, lines.get(row[0], [])) for row in cursor}

    def _write(self, cursor: Cursor[Any], rows: list[Return]) -> None:
        documents = [row.document for row in rows]
        cursor.execute(
            self._sql["save_returns"],
            (
                texts([document.return_id for document in documents]),
                texts([document.order for document in documents]),
                texts([document.status for document in documents]),
                int8s([document.version for document in documents]),
                int8s([row.authorised_at for row in rows]),
                int8s([row.authorised_position for row in rows]),
                int8s([row.closed_at for row in rows]),
                int8s([row.position for row in rows]),
            ),
        )
        lines = [
            (row, place, line)
            for row in rows
            for place, line in enumerate(row.document.lines.values())
        ]
        cursor.execute(
            self._sql["save_lines"],
            (
                texts([row.document.return_id for row, _, _ in lines]),
                int8s([place for _, place, _ in lines]),
                texts([line.sku for _, _, line in lines]),
                int8s([row.authorised_position for row, _, _ in lines]),
                *(int8s([getattr(line, name) for _, _, line in lines]) for name in _NUMBERS),
                *(texts([_text(getattr(line, name)) for _, _, line in lines]) for name in _MAPS),
            ),
        )

    # --- orders -------------------------------------------------------------------------------

    def _load_orders(self, cursor: Cursor[Any], wanted: list[tuple[str, str]]) -> OrderLines:
        columns = (texts([order for order, _ in wanted]), texts([sku for _, sku in wanted]))
        cursor.execute(self._sql["load_orders"], columns)
        return {(row[0], row[1]): OrderLine(*row) for row in cursor}

    def _write_orders(self, cursor: Cursor[Any], rows: list[OrderLine]) -> None:
        cursor.execute(
            self._sql["save_orders"],
            (
                texts([row.order_ref for row in rows]),
                texts([row.sku for row in rows]),
                int8s([row.sold for row in rows]),
                int8s([row.returned for row in rows]),
                texts([row.conflict_id for row in rows]),
                int8s([row.first_position for row in rows]),
                int8s([row.position for row in rows]),
            ),
        )


def line_of(row: Any) -> ReturnLine:
    """A line from its columns: SKU, three amounts, three maps of amounts."""
    sku, authorised, received, waived, grades, dispositions, at = row
    return ReturnLine(
        sku=sku,
        authorised=authorised,
        received=received,
        waived=waived,
        grades=_amounts(grades),
        dispositions=_amounts(dispositions),
        at=_amounts(at),
    )


def return_of(row: Any, lines: list[ReturnLine]) -> Return:
    """A return from its columns and its lines."""
    return_id, order, status, version, at, position, closed_at, last = row
    authorised = ReturnAuthorised(
        occurred_at=at,
        return_id=return_id,
        lines=tuple(SkuQuantity(sku=one.sku, quantity=one.authorised) for one in lines),
        order=order,
    )
    document = CustomerReturn(
        return_id=return_id,
        version=version,
        authorised=authorised,
        lines={line.sku: line for line in lines},
        closed=status == "closed",
    )
    return Return(document, at, position, closed_at, last)


def _text(amounts: Mapping[str, int]) -> str:
    return msgspec.json.encode(amounts).decode()
