"""The level over time as a plot of blocks: kept in columns, however long the history is."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from msgspec import Struct

from ledger.domain.values import Instant

ROWS: Final = 8
"""Enough to tell a slope from a step, few enough to leave the screen to the lines."""

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_SHADE: Final = "░"


class Column(Struct):
    """The lowest, highest and last level within a stretch of time."""

    low: int
    high: int
    last: int


class Levels:
    """Levels in order of time, kept in so many columns at most.

    A column begins a microsecond wide; whenever they run out, neighbours become one.
    """

    def __init__(self, columns_max: int) -> None:
        """Twice as many as will be drawn lose nothing that could be seen."""
        self.start: Instant = 0
        self.end: Instant = 0
        self._columns_max = columns_max
        self._width = 1
        self._found: dict[int, Column] = {}
        self._before = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest level, zero among them."""
        columns = self._found.values()
        lows, highs = [c.low for c in columns], [c.high for c in columns]
        return min(0, self._before, *lows), max(0, self._before, *highs)

    def add(self, at: Instant, level: int, before: int) -> None:
        """The level from an instant on, and what it had been before it."""
        if not self._found:
            self.start, self.end, self._before = at, at, before
        self.end = max(at, self.end)
        while (place := (self.end - self.start) // self._width) >= self._columns_max:
            self._halve()
        column = self._found.get(place)
        if column is None:
            self._found[place] = Column(level, level, level)
        else:
            column.low, column.high = min(column.low, level), max(column.high, level)
            column.last = level

    def _halve(self) -> None:
        self._width *= 2
        found, self._found = self._found, {}
        for place, column in found.items():
            into = self._found.setdefault(place // 2, column)
            into.low, into.high = min(into.low, column.low), max(into.high, column.high)
            into.last = column.last

    def drawn(self, count: int) -> list[Column]:
        """So many columns; where nothing happened the level went on."""
        kept = self._all()
        return [
            _together(kept[start : max(start + 1, end)])
            for start, end in pairwise(place * len(kept) // count for place in range(count + 1))
        ]

    def _all(self) -> list[Column]:
        columns: list[Column] = []
        level = self._before
        for place in range((self.end - self.start) // self._width + 1):
            found = self._found.get(place)
            if found is None:
                columns.append(Column(level, level, level))
                continue
            low, high = found.low, found.high
            if place:  # It began with the level before it.
                low, high = min(low, level), max(high, level)
            columns.append(Column(low, high, found.last))
            level = found.last
        return columns


def _together(columns: list[Column]) -> Column:
    low, high = min(column.low for column in columns), max(column.high for column in columns)
    return Column(low, high, columns[-1].last)


def plot(levels: Levels, labels: tuple[str, str], width: int, rows: int = ROWS) -> Iterator[str]:
    """Lines of a plot: the level's range on the left, the two times below.

    Blocks reach to the lowest level of their column, the shade above them to its highest.
    """
    bottom, top = levels.range
    top = max(bottom + 1, top)
    marks = {rows - 1: f"{top:,}", 0: f"{bottom:,}"}
    if bottom < 0 < top:
        marks.setdefault(min(rows - 1, -bottom * rows // (top - bottom)), "0")
    margin = max(map(len, marks.values()))
    columns = levels.drawn(max(1, width - margin - 2))
    for row in reversed(range(rows)):
        cells = "".join(_cell(column, row, bottom, top, rows) for column in columns)
        yield f"{marks.get(row, ''):>{margin}} ┤{cells}".rstrip()
    yield f"{'':>{margin}} └{'─' * len(columns)}"
    start, end = labels
    gap = max(1, len(columns) - len(start) - len(end))
    yield f"{'':>{margin}}  {start}{' ' * gap}{end}"


def _cell(column: Column, row: int, bottom: int, top: int, rows: int) -> str:
    eighths = (column.low - bottom) * rows * 8 // (top - bottom) - row * 8
    if row == 0 and column.low > bottom:
        eighths = max(1, eighths)  # A little is not nothing.
    if eighths > 0:
        return _EIGHTHS[min(8, eighths)]
    reach = (column.high - bottom) * rows * 8 // (top - bottom) - row * 8
    return _SHADE if reach > 0 or (row == 0 and column.high > bottom) else " "
