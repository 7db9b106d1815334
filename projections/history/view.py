"""Writes history: rows by one insert, episodes of holds by one insert and one update a batch."""

from typing import Any, Final

from psycopg import Cursor

from projections.batch import Batch
from projections.history import late
from projections.history.late import Crowd
from projections.history.projection import (
    Changes,
    HistoryRow,
    OpenHold,
    State,
    StockState,
    WayState,
    fold,
    touched_holds,
    touched_stocks,
)
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

STOCKS_REMEMBERED_MAX: Final = 200_000
"""Some 60 MB; beyond it the last row of a stock is read again when it is next needed."""

HOLDS_REMEMBERED_MAX: Final = 200_000
"""Some 60 MB likewise, for open soft holds."""


class HistoryView:
    """Keeps the tables of history at the runner's position."""

    name = "history"
    tables = (
        "history_stocks",
        "history",
        "history_holds",
        "history_in_transit",
        "history_crowds",
        "history_late_sums",
    )
    late_tables = ("history",)

    def __init__(self, schema: str = LIVE, *, fresh: bool = False) -> None:
        """Write to the tables of one schema; `fresh`: they are empty, so what is unknown is new."""
        self._sql = statements(__package__ or "", schema)
        self._state = State()
        self._crowds: dict[int, Crowd] = {}
        self._complete = fresh

    def forget(self) -> None:
        """Read again what will be needed: the tables are not as this view left them."""
        self._state = State()
        self._crowds.clear()
        self._complete = False

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write the rows of a batch."""
        if not batch.effects:
            return
        if not self._complete:
            self._bound()
            self._load(cursor, batch)
        changes = fold(batch, self._state)
        if changes.stocks:
            self._write_stocks(cursor, changes)
        if changes.rows:
            self._write_rows(cursor, changes)
        self._write_holds(cursor, changes)
        if changes.ways:
            self._write_ways(cursor, changes)

    @property
    def remembered(self) -> int:
        """How many stocks, holds, ways and crowds are in memory."""
        state = self._state
        return len(state.stocks) + len(state.holds) + len(state.ways) + len(self._crowds)

    def _bound(self) -> None:
        if len(self._state.stocks) > STOCKS_REMEMBERED_MAX:
            self._state.stocks.clear()
        if len(self._state.holds) > HOLDS_REMEMBERED_MAX:
            self._state.holds.clear()
        if len(self._state.ways) > STOCKS_REMEMBERED_MAX:
            self._state.ways.clear()
        if len(self._crowds) > STOCKS_REMEMBERED_MAX:
            self._crowds.clear()

    def _load(self, cursor: Cursor[Any], batch: Batch) -> None:
        stocks, holds = self._state.stocks, self._state.holds
        unknown = sorted(touched_stocks(batch) - stocks.keys())
        if unknown:
            locations, skus = texts([k[0] for k in unknown]), texts([k[1] for k in unknown])
            cursor.execute(self._sql["load_stocks"], (locations, skus))
            for location, sku, stock, *balances in cursor:
                stocks[location, sku] = StockState(stock, tuple(balances))
        wanted = sorted(touched_holds(batch, stocks) - holds.keys())
        if wanted:
            numbers, ids = int8s([k[0] for k in wanted]), texts([k[1] for k in wanted])
            cursor.execute(self._sql["load_holds"], (numbers, ids))
            for stock, reservation_id, *hold in cursor:
                holds[stock, reservation_id] = OpenHold(*hold)
        ends = {stocks[key].stock for _, key, _ in batch.ways if key in stocks}
        if asked := sorted(ends - self._state.ways.keys()):
            cursor.execute(self._sql["load_ways"], (int8s(asked),))
            for stock, *way in cursor:
                self._state.ways[stock] = WayState(*way)

    def _write_stocks(self, cursor: Cursor[Any], changes: Changes) -> None:
        cursor.execute(
            self._sql["insert_stocks"],
            (
                texts([location for location, _ in changes.stocks]),
                texts([sku for _, sku in changes.stocks]),
                int8s(list(changes.stocks.values())),
            ),
        )

    def _write_rows(self, cursor: Cursor[Any], changes: Changes) -> None:
        rows = late.late_rows(changes.rows)
        if rows:
            self._load_crowds(cursor, rows)
            self._add_up(cursor, rows)
        columns = zip(*changes.rows, strict=True)
        cursor.execute(self._sql["insert_history"], tuple(int8s(column) for column in columns))

    def _load_crowds(self, cursor: Cursor[Any], rows: list[HistoryRow]) -> None:
        """Learn how many late rows stocks had before these."""
        unknown = sorted({row[1] for row in rows} - self._crowds.keys())
        if self._complete:
            self._crowds.update((stock, Crowd()) for stock in unknown)
        elif unknown:
            cursor.execute(self._sql["load_crowds"], (int8s(unknown), late.GRID.few))
            for stock, crowded_from, count, lateness in cursor:
                self._crowds[stock] = Crowd(count, 0, crowded_from, lateness)

    def _add_up(self, cursor: Cursor[Any], rows: list[HistoryRow]) -> None:
        """Count late rows in; those of a crowd are added up."""
        sums = late.add_up(rows, self._crowds, late.GRID)
        if sums.crowded:
            crowds = [(stock, *crowd) for stock, crowd in sums.crowded.items()]
            columns = tuple(int8s(column) for column in zip(*crowds, strict=True))
            cursor.execute(self._sql["save_crowds"], columns)
        if sums.cells:
            cells = [(*cell, *deltas) for cell, deltas in sorted(sums.cells.items())]
            columns = tuple(int8s(column) for column in zip(*cells, strict=True))
            cursor.execute(self._sql["add_to_late_sums"], columns)

    def _write_holds(self, cursor: Cursor[Any], changes: Changes) -> None:
        if changes.ended:
            columns = zip(*changes.ended, strict=True)
            cursor.execute(self._sql["end_holds"], tuple(int8s(column) for column in columns))
        if changes.episodes:
            new = list(changes.episodes.values())
            cursor.execute(
                self._sql["insert_holds"],
                (
                    int8s([one.stock for one in new]),
                    texts([one.reservation_id for one in new]),
                    int8s([one.from_position for one in new]),
                    int8s([one.to_position for one in new]),
                    int8s([one.quantity for one in new]),
                    int8s([one.expires_at for one in new]),
                ),
            )

    def _write_ways(self, cursor: Cursor[Any], changes: Changes) -> None:
        columns = zip(*changes.ways, strict=True)
        cursor.execute(self._sql["insert_in_transit"], tuple(int8s(column) for column in columns))
