"""Late rows of a stock: added up beforehand where there are many, one by one where there are few.

State at business time E as known at K needs the sum of the late rows with `occurred_at` ≤ E that
stand after the last row with `effective_at` ≤ E and not after K: a rectangle, by place in the
ledger and by business time. Sums over the cells of a grid fill its middle, whatever the order in
which facts arrived; rows are read at its edges only.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from projections.history.projection import HistoryRow

Cell: TypeAlias = tuple[int, int, int, int]
"""A stock, a level, a piece of the ledger, a piece of business time."""


class Grid(NamedTuple):
    """How much of the ledger and of time a cell covers, as powers of two; two sizes of each.

    The small ones bound the rows read at the edges, the large ones the cells read in between.
    """

    few: int = 1_024  # Late rows of a stock that are never worth a sum: a page of their index.
    chunk: int = 12  # 4,096 positions.
    chunks: int = 18  # 64 of those.
    span: int = 36  # Microseconds: 19 hours.
    spans: int = 41  # 32 of those: 25 days.

    @property
    def sizes(self) -> dict[str, int]:
        """What a question has to know of it."""
        return {"chunk": self.chunk, "chunks": self.chunks, "span": self.span, "spans": self.spans}


GRID: Final = Grid()


class Crowd(Struct, gc=False):
    """How many late rows a stock has, as long as they are few, and since when they are many."""

    rows: int = 0
    last: int = 0  # The position of the latest of them.
    crowded_from: int | None = None
    lateness: int = 0  # Microseconds: the most by which one of many late rows was late.


class Sums(NamedTuple):
    """Of stocks with many late rows: since when and how late at most, where that is new; cells."""

    crowded: dict[int, tuple[int, int]]
    cells: dict[Cell, list[int]]


def late_rows(rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """Those whose fact had happened before another one that was recorded earlier."""
    return [row for row in rows if row[3] < row[4]]


def add_up(late: Iterable[HistoryRow], crowds: dict[int, Crowd], grid: Grid) -> Sums:
    """Count late rows in; `crowds` moves on with them. Rows of one position stay together."""
    sums = Sums({}, {})
    for row in late:
        _, stock, position, occurred_at, effective_at = row[:5]
        crowd = crowds[stock]
        if crowd.crowded_from is None:
            if crowd.rows < grid.few or position == crowd.last:
                crowd.rows += 1
                crowd.last = position
                continue
            crowd.crowded_from = position
        if effective_at - occurred_at > crowd.lateness:
            crowd.lateness = effective_at - occurred_at
            sums.crowded[stock] = (crowd.crowded_from, crowd.lateness)
        deltas = row[5:11]
        for level, (chunk, span) in enumerate(
            (
                (grid.chunk, grid.span),
                (grid.chunk, grid.spans),
                (grid.chunks, grid.span),
                (grid.chunks, grid.spans),
            )
        ):
            cell = (stock, level, position >> chunk, occurred_at >> span)
            known = sums.cells.get(cell)
            if known is None:
                sums.cells[cell] = list(deltas)
            else:
                for place, delta in enumerate(deltas):
                    known[place] += delta
    return sums
