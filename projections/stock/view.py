"""Writes the present: one statement for the stocks, one for the soft holds."""

from typing import Any, Final

from psycopg import Cursor

from ledger.domain.values import PHYSICAL_BUCKETS
from projections.batch import Batch
from projections.statements import LIVE, statements
from projections.stock.projection import Changes, HoldChange, HoldKey, fold
from projections.wire import int8s, texts

_PLACES: Final = range(len(PHYSICAL_BUCKETS) + 1)


class StockView:
    """Keeps `stock` and `stock_holds` at the position the runner has read to."""

    name = "stock"
    tables = ("stock", "stock_holds")
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE) -> None:
        """Write to the tables of one schema."""
        self._sql = statements(__package__ or "", schema)

    def forget(self) -> None:
        """Nothing is remembered between batches."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch adds up to."""
        if not batch.effects:
            return
        changes = fold(batch)
        self._write_stocks(cursor, changes)
        # A hold that came and went within the batch leaves no trace.
        holds = {key: hold for key, hold in changes.holds.items() if not _passed(hold)}
        if holds:
            self._write_holds(cursor, holds)

    def _write_stocks(self, cursor: Cursor[Any], changes: Changes) -> None:
        keys, rows = sorted(changes.stocks), changes.stocks
        ordered = [rows[key] for key in keys]
        cursor.execute(
            self._sql["add_to_stocks"],
            (
                texts([location for location, _ in keys]),
                texts([sku for _, sku in keys]),
                *(int8s([row.sums[place] for row in ordered]) for place in _PLACES),
                int8s([row.version for row in ordered]),
                int8s([row.position for row in ordered]),
                int8s([row.effective_at for row in ordered]),
            ),
        )

    def _write_holds(self, cursor: Cursor[Any], holds: dict[HoldKey, HoldChange]) -> None:
        keys = sorted(holds)
        ordered = [holds[key] for key in keys]
        cursor.execute(
            self._sql["change_holds"],
            (
                *(texts([key[place] for key in keys]) for place in range(3)),
                int8s([hold.delta for hold in ordered]),
                int8s([int(hold.placed) for hold in ordered]),
                int8s([int(hold.gone) for hold in ordered]),
                int8s([hold.expires_at for hold in ordered]),
            ),
        )


def _passed(hold: HoldChange) -> bool:
    return hold.placed and (hold.gone or hold.delta <= 0)
