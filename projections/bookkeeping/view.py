"""Writes statements: entries by one insert a batch, sums of what became full by one a level."""

from collections import defaultdict
from typing import Any, Final

from psycopg import Cursor

from ledger.domain.events import PeriodClosed
from ledger.recorded import Recorded
from projections.batch import Batch
from projections.bookkeeping import blocks
from projections.bookkeeping.blocks import NETWORK, filled
from projections.bookkeeping.projection import Book, Changes, State, fold, take_sums, touched
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

REMEMBERED_MAX: Final = 200_000
"""Stocks, and kinds: some 50 MB each; beyond it they are read again when they are next needed."""

_PERIODS: Final = frozenset[type]((PeriodClosed,))


class StatementsView:
    """Keeps the tables of statements at the runner's position."""

    name = "statements"
    tables = (
        "statement_books",
        "statement_kinds",
        "statement_entries",
        "statement_cells",
        "statement_periods",
    )
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE, *, fresh: bool = False) -> None:
        """Write to the tables of one schema; `fresh`: they are empty, so what is unknown is new."""
        self._sql = statements(__package__ or "", schema)
        self._state = State()
        self._complete = fresh
        self._placed = fresh  # Whether the sums of the block that is not yet full are in memory.

    def forget(self) -> None:
        """Read again what will be needed: the tables are not as this view left them."""
        self._state = State()
        self._complete = self._placed = False

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    @property
    def remembered(self) -> int:
        """How many stocks, kinds and sums are in memory."""
        return len(self._state.stocks) + len(self._state.kinds) + len(self._state.sums)

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write a batch."""
        before, last = batch.recorded[0].position - 1, batch.recorded[-1].position
        self._bound()
        if not self._placed:
            self._load_sums(cursor, before)
        if not self._complete:
            self._load(cursor, batch)
        changes = fold(batch, self._state)
        self._write(cursor, changes)
        if periods := batch.of(_PERIODS):
            _write_periods(cursor, self._sql["insert_periods"], periods)
        self._fill_stocks(cursor, changes)
        self._fill_places(cursor, before, last)

    def _bound(self) -> None:
        if len(self._state.stocks) > REMEMBERED_MAX:
            self._state.stocks.clear()
            self._complete = False
        if len(self._state.kinds) > REMEMBERED_MAX:
            self._state.kinds.clear()
            self._complete = False

    def _load_sums(self, cursor: Cursor[Any], position: int) -> None:
        size = blocks.SIZES.place
        cursor.execute(self._sql["load_sums"], (position // size * size,))
        take_sums(self._state, cursor)
        self._placed = True

    def _load(self, cursor: Cursor[Any], batch: Batch) -> None:
        state = self._state
        if not state.kinds:
            cursor.execute(self._sql["count_kinds"])
            state.kinds_total = (cursor.fetchone() or (0,))[0]
        stocks, kinds = touched(batch)
        unknown = sorted(stocks - state.stocks.keys())
        if unknown:
            columns = (texts([k[0] for k in unknown]), texts([k[1] for k in unknown]))
            cursor.execute(self._sql["load_stocks"], columns)
            for location, sku, *book in cursor:
                state.stocks[location, sku] = Book(*book)
        places = sorted({location for location, _ in unknown} - state.places.keys())
        if places:
            cursor.execute(self._sql["load_places"], (texts(places),))
            state.places.update(cursor.fetchall())
        if asked := sorted(kinds - state.kinds.keys()):
            cursor.execute(self._sql["load_kinds"], tuple(map(texts, zip(*asked, strict=True))))
            state.kinds.update((tuple(name), kind) for kind, *name in cursor)

    def _write(self, cursor: Cursor[Any], changes: Changes) -> None:
        if changes.books:
            numbers = list(changes.books.values())
            cursor.execute(
                self._sql["insert_books"],
                (
                    texts([location for location, _ in changes.books]),
                    texts([sku for _, sku in changes.books]),
                    int8s([number for number, _ in numbers]),
                    int8s([place for _, place in numbers]),
                ),
            )
        if changes.kinds:
            names = map(texts, zip(*changes.kinds, strict=True))
            cursor.execute(self._sql["insert_kinds"], (int8s(list(changes.kinds.values())), *names))
        if changes.entries:
            columns = zip(*changes.entries, strict=True)
            cursor.execute(self._sql["insert_entries"], tuple(int8s(column) for column in columns))
        if changes.cells:
            columns = zip(*changes.cells, strict=True)
            cursor.execute(self._sql["insert_cells"], tuple(int8s(column) for column in columns))

    def _fill_stocks(self, cursor: Cursor[Any], changes: Changes) -> None:
        """Sum the entries of stocks whose blocks became full."""
        size = blocks.SIZES.stock
        full: list[tuple[int, int, int, int]] = []
        above: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, (book, before) in changes.grown.items():
            if before // size == book.entries // size:
                continue
            for level, first, until in filled(before, book.entries, size):
                if level:
                    above[level].extend((number, block) for block in range(first, until))
                else:
                    full.append((number, first, until, book.entries))
        if full:
            columns = (int8s(column) for column in zip(*full, strict=True))
            cursor.execute(self._sql["fill_stocks"], (size, *columns))
        for level, merged in sorted(above.items()):
            self._merge(cursor, level, merged)

    def _fill_places(self, cursor: Cursor[Any], before: int, last: int) -> None:
        """Sum what locations and the network have in lower blocks, where a larger one is full."""
        for level, first, until in filled(before, last, blocks.SIZES.place):
            if level:
                cursor.execute(self._sql["list_places"])
                places = [NETWORK, *(place for (place,) in cursor)]
                merged = [(place, block) for place in places for block in range(first, until)]
                self._merge(cursor, level, merged)

    def _merge(self, cursor: Cursor[Any], level: int, merged: list[tuple[int, int]]) -> None:
        columns = (int8s(column) for column in zip(*merged, strict=True))
        cursor.execute(self._sql["merge_blocks"], (level, level - 1, *columns))


def _write_periods(cursor: Cursor[Any], statement: bytes, periods: list[Recorded]) -> None:
    events = [one.event for one in periods if isinstance(one.event, PeriodClosed)]
    cursor.execute(
        statement,
        (
            texts(event.period_id for event in events),
            texts(event.location for event in events),
            int8s([event.starts_at for event in events]),
            int8s([event.ends_at for event in events]),
            int8s([event.known_position for event in events]),
            texts(event.follows for event in events),
            int8s([event.occurred_at for event in events]),
            int8s([one.position for one in periods]),
        ),
    )
