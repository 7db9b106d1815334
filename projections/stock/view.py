"""Writes the present: a statement each for stocks, soft holds and what is on its way."""

from typing import Any, Final

from psycopg import Cursor

from ledger.domain.values import PHYSICAL_BUCKETS
from projections.batch import Batch
from projections.statements import LIVE, statements
from projections.stock.projection import (
    Changes,
    HoldChange,
    HoldKey,
    StockKey,
    fold,
)
from projections.wire import int8s, texts

_PLACES: Final = range(len(PHYSICAL_BUCKETS) + 1)


class StockView:
    """Keeps `stock` and `stock_holds` at the position the runner has read to."""

    name = "stock"
    tables = ("stock", "stock_holds")
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE, *, held_back_max: int = 0) -> None:
        """Write to the tables of one schema; a rebuild may hold back net changes for a while."""
        self._sql = statements(__package__ or "", schema)
        self._held_back_max = held_back_max
        self._changes = Changes()

    @property
    def remembered(self) -> int:
        """Nothing, beyond what is held back within its own limit."""
        return 0

    def forget(self) -> None:
        """Drop what is held back: it belonged to a transaction that failed."""
        self._changes = Changes()

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch adds up to, or hold it back for the next one."""
        fold(batch, self._changes)
        held_back = self._changes
        size = len(held_back.stocks) + len(held_back.holds) + len(held_back.ways)
        if size > self._held_back_max:
            self.finish(cursor)

    def finish(self, cursor: Cursor[Any]) -> None:
        """Write what is held back."""
        changes, self._changes = self._changes, Changes()
        if changes.stocks:
            self._write_stocks(cursor, changes)
        if changes.holds:
            self._write_holds(cursor, changes.holds)
        if changes.ways:
            self._write_ways(cursor, changes.ways)

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

    def _write_ways(self, cursor: Cursor[Any], ways: dict[StockKey, int]) -> None:
        keys = sorted(ways)
        cursor.execute(
            self._sql["add_to_ways"],
            (
                texts([location for location, _ in keys]),
                texts([sku for _, sku in keys]),
                int8s([ways[key] for key in keys]),
            ),
        )
