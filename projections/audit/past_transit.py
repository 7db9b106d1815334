"""Row for row: the history of what was on its way, against the auditor's fingerprints."""

from typing import Any, Final

from ledger.domain.laws import Breach
from projections.audit.checker import Checker
from projections.audit.fingerprints import ON_THE_WAY, fingerprints_of_stocks
from projections.audit.log import LOWEST, Source
from projections.audit.transfers import WayBook
from projections.audit.wire import TOPICS
from projections.audit.wire_transfers import OfTransfer

_COLUMNS: Final = (*("stock", "position", "occurred_at", "effective_at", "delta", "quantity"),)
_TOPICS: Final = [topic for kind, topic in TOPICS.items() if issubclass(kind, OfTransfer)]

RANGE_EVENTS: Final = 100_000
"""Looked through by one question for the few that are about transfers."""


class PastTransit:
    """Compares a table of history; what lies beyond the checked position is ignored."""

    def __init__(self, source: Source, checker: Checker) -> None:
        """Take the books as they stand."""
        self._source = source
        self._checker = checker
        self._head = checker.place.position
        self._ways = checker.transit.ways
        self._differing: dict[tuple[str, str], WayBook] = {}

    def compare(self) -> int:
        """Compare everything; the number of rows compared."""
        rows = self._rows()
        if self._differing:
            self._explain()
        return rows

    def _rows(self) -> int:
        """Rows come stock by stock, in ledger order: as they were fingerprinted."""
        pages = self._source.pages("history_in_transit", (LOWEST, LOWEST))
        values, compared = fingerprints_of_stocks(ON_THE_WAY, pages, self._head)
        for key, book in self._ways.items():
            if values.pop(book.number, b"") != book.print.value:
                self._differing[key] = book
        for stranger in sorted(number for number, value in values.items() if value):
            what = f"history_in_transit has rows of {stranger}, which no event explains"
            self._found(stranger, what)
        return compared

    def _explain(self) -> None:
        """Fold the events of transfers again, keeping the rows of what differs."""
        again = Checker()
        for key, book in self._differing.items():
            traced = again.transit.ways[key] = WayBook(book.number)
            traced.rows = {}
        for start in range(0, self._head, RANGE_EVENTS):
            ends = min(start + RANGE_EVENTS, self._head)
            again.take_all(self._source.rows("rows_of_topics", (start, ends, _TOPICS)))
        for key in self._differing:
            book = again.transit.ways[key]
            stored = {
                row[1]: row
                for row in self._source.of_stock(
                    "history_in_transit", book.number, self._head, keys=2
                )
            }
            rows = book.rows or {}
            for position in sorted(rows.keys() | stored.keys()):
                self._differ(key, position, stored.get(position), rows.get(position))

    def _differ(self, key: tuple[str, str], position: int, row: Any, expected: Any) -> None:
        table = f"history_in_transit of {key[1]!r} to {key[0]!r}"
        if row is None:
            self._found(position, f"{table} has no row for this event")
        elif expected is None:
            self._found(position, f"{table} has a row that no event explains")
        elif row != expected:
            what = ", ".join(
                f"{column} is {value!r}, the events say {due!r}"
                for column, value, due in zip(_COLUMNS, row, expected, strict=True)
                if value != due
            )
            self._found(position, f"{table}: {what}")

    def _found(self, position: int, what: str) -> None:
        self._checker.found([Breach(12, abs(position), f"projection {what}")])
