"""Row for row: history, against the fingerprints the auditor took while he folded the log."""

from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from ledger.domain.laws import Breach
from ledger.domain.values import stock_stream
from projections.audit.books import KEY, MASK, StockBook, episode_hash
from projections.audit.checker import Checker, Row
from projections.audit.log import Source
from projections.audit.rows import PAGE_ROWS
from projections.audit.transfers import WayBook

_COLUMNS: Final = (
    *("stock", "position", "part", "occurred_at", "effective_at"),
    *("d_sellable", "d_quarantine", "d_damaged", "d_returned", "d_blocked", "d_reserved"),
    *("sellable", "quarantine", "damaged", "returned", "blocked", "reserved"),
)
_EPISODE: Final = ("from_position", "to_position", "reservation_id", "quantity", "expires_at")

_LOWEST: Final = -(2**63)


class Past:
    """Compares the three tables of history; what lies beyond the checked position is ignored."""

    def __init__(self, source: Source, checker: Checker) -> None:
        """Take the books as they stand."""
        self._source = source
        self._checker = checker
        self._head = checker.place.position
        self._books = {book.first: book for book in checker.stocks.values()}
        self._differing: dict[int, StockBook] = {}

    def compare(self) -> int:
        """Compare everything; the number of rows compared."""
        rows = self._stocks() + self._rows() + self._episodes()
        for book in self._differing.values():
            self._explain(book)
        return rows

    def _stocks(self) -> int:
        after: tuple[str, str] = ("", "")
        seen: dict[tuple[str, str], int] = {}
        while page := self._source.all("history_stocks", (*after, PAGE_ROWS)):
            for stock, location, sku in page:
                seen[location, sku] = stock
            after = page[-1][1], page[-1][2]
        ways = self._checker.transit.ways
        numbers = {key: way.number for key, way in ways.items()}
        numbers |= {key: book.first for key, book in self._checker.stocks.items()}
        for key, number in numbers.items():
            if seen.get(key) != number:
                what = f"history_stocks numbers {key} {seen.get(key)}, its first event {number}"
                self._found(number, what)
        for key, stock in seen.items():
            if abs(stock) <= self._head and key not in numbers:
                self._found(stock, f"history_stocks knows {key}, which no event explains")
        return len(seen)

    def _rows(self) -> int:
        """Rows come stock by stock, in ledger order: as they were fingerprinted."""
        after = (_LOWEST, _LOWEST, _LOWEST)
        values: dict[int, int] = {}
        compared = 0
        while page := self._source.all("history", (*after, PAGE_ROWS)):
            after = page[-1][:3]
            compared += len(page)
            for stock, rows in groupby(page, itemgetter(0)):
                value = values.get(stock, KEY)
                for row in rows:
                    if row[1] <= self._head:
                        value = hash((value, row))
                values[stock] = value
        for stock, book in self._books.items():
            if values.pop(stock, KEY) != book.trail.value:
                self._differing[stock] = book
        self._strangers("history", {s for s, value in values.items() if value != KEY})
        return compared

    def _episodes(self) -> int:
        after = (_LOWEST, _LOWEST)
        sums: dict[int, int] = {}
        compared = 0
        while page := self._source.all("history_holds", (*after, PAGE_ROWS)):
            after = page[-1][:2]
            compared += len(page)
            for stock, *episode in page:
                if episode[0] <= self._head:
                    value = episode_hash(self._as_of_head(tuple(episode)))
                    sums[stock] = (sums.get(stock, 0) + value) & MASK
        for stock, book in self._books.items():
            if sums.pop(stock, 0) != book.trail.sum_with(book.holds.values()):
                self._differing[stock] = book
        self._strangers("history_holds", set(sums))
        return compared

    def _as_of_head(self, episode: Any) -> Any:
        until = episode[1]
        if until is not None and until > self._head:
            return episode[0], None, *episode[2:]
        return episode

    def _strangers(self, table: str, stocks: set[int]) -> None:
        for stock in sorted(stocks):
            self._found(stock, f"{table} has rows of stock {stock}, which no event explains")

    def _explain(self, book: StockBook) -> None:
        """Fold one stock again, keeping every row, and say which ones differ."""
        again = Checker(traced=True)
        if book.first < 0:
            again.transit.ways[book.location, book.sku] = WayBook(book.first)
        stream = stock_stream(book.location, book.sku)
        for row in self._source.all("rows_of_stream", (stream, self._head)):
            again.take(Row(*row))
        where = f"of {book.sku!r} at {book.location!r}"
        traced = again.stocks.get((book.location, book.sku))
        if traced is None:
            self._found(book.first, f"history {where}: every event of it stands in another stream")
            return
        rows = traced.trail.traced or {}
        stored = {
            (row[1], row[2]): row
            for row in self._source.all("history_of_stock", (book.first, self._head))
        }
        for key in sorted(rows.keys() | stored.keys()):
            # The stock's number is where its first event stands; a shift there is said elsewhere.
            self._differ(f"history {where}", _COLUMNS, key[0], stored.get(key), rows.get(key))
        episodes = traced.trail.all_episodes(traced.holds.values())
        kept = {
            episode[0]: self._as_of_head(episode)
            for episode in self._source.all("holds_of_stock", (book.first, self._head))
        }
        for at in sorted(episodes.keys() | kept.keys()):
            self._differ(f"history_holds {where}", _EPISODE, at, kept.get(at), episodes.get(at))

    def _differ(
        self, table: str, columns: tuple[str, ...], position: int, row: Any, expected: Any
    ) -> None:
        if row is None:
            self._found(position, f"{table} has no row for this event")
        elif expected is None:
            self._found(position, f"{table} has a row that no event explains")
        elif row != expected:
            what = ", ".join(
                f"{column} is {value!r}, the events say {due!r}"
                for column, value, due in zip(columns, row, expected, strict=True)
                if value != due
            )
            self._found(position, f"{table}: {what}")

    def _found(self, position: int, what: str) -> None:
        # A stock's number may be negative; where it comes from is a position all the same.
        self._checker.found([Breach(12, abs(position), f"projection {what}")])
