"""The sums of late rows, against the rows of history, which are compared with the events before."""

from typing import Final

from ledger.domain.laws import Breach
from projections.audit.checker import Checker
from projections.audit.log import PAGE_ROWS, Source

FEW: Final = 1_024
"""Late rows of a stock that are in no sum; the first later position begins its crowd."""

LEVELS: Final = ((12, 36), (12, 41), (18, 36), (18, 41))
"""By level: which power of two of positions, and of microseconds, a cell covers."""

_STRANGERS: Final = (("strange_sums", "history_late_sums"), ("strange_crowds", "history_crowds"))


class PastLate:
    """Compares who has many late rows, and what they add up to."""

    def __init__(self, source: Source, checker: Checker) -> None:
        """Read through one connection; report to the auditor."""
        self._source = source
        self._checker = checker

    def compare(self) -> int:
        """Compare everything; the number of stocks looked at."""
        after: tuple[str, str] = ("", "")
        seen = 0
        while page := self._source.all("crowds", (*after, PAGE_ROWS, FEW - 1)):
            seen += len(page)
            after = page[-1][1], page[-1][2]
            for stock, location, sku, kept, kept_late, due, late in page:
                name = f"{sku!r} at {location!r}"
                self._crowd(stock, name, kept, due)
                if kept == due and kept_late != late:
                    what = f"history_crowds has {name} late by {kept_late}, its rows by {late} µs"
                    self._found(due, what)
        for question, table in _STRANGERS:
            for (stock,) in self._source.all(question):
                self._found(stock, f"{table} knows stock {stock}, which has no crowd")
        return seen

    def _crowd(self, stock: int, name: str, kept: int | None, due: int | None) -> None:
        if kept != due:
            what = f"history_crowds has {name} from {kept}, its late rows say from {due}"
            self._found(due or kept or stock, what)
        elif kept is not None:
            for level, (chunk, span) in enumerate(LEVELS):
                cells = (chunk, span, stock, kept, stock, level)
                for position, *cell, expected, found, count in self._source.all("late_sums", cells):
                    what = f"history_late_sums of {name}, level {level}, cell {cell}: "
                    what += f"{found}, the rows say {expected} ({count} cells of this level differ)"
                    self._found(position or kept, what)

    def _found(self, position: int, what: str) -> None:
        self._checker.found([Breach(12, abs(position), f"projection {what}")])
