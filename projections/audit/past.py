"""Row for row: history, against the fingerprints the auditor took while he folded the log."""

from typing import Any, Final

from ledger.domain.laws import Breach
from ledger.domain.values import stock_stream
from projections.audit.books import StockBook
from projections.audit.checker import Checker
from projections.audit.fingerprints import EPISODES_MASK, ROW, episode_hash, fingerprints_of_stocks
from projections.audit.log import LOWEST, Source
from projections.audit.transfers import WayBook

_COLUMNS: Final = (
    *("stock", "position", "part", "occurred_at", "effective_at"),
    *("d_sellable", "d_quarantine", "d_damaged", "d_returned", "d_blocked", "d_reserved"),
    *("sellable", "quarantine", "damaged", "returned", "blocked", "reserved"),
)
_EPISODE: Final = ("from_position", "to_position", "reservation_id", "quantity", "expires_at")


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
        seen: dict[tuple[str, str], int] = {}
        for page in self._source.pages("history_stocks", ("", ""), key=slice(1, 3)):
            for stock, location, sku in page:
                seen[location, sku] = stock
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
        pages = self._source.pages("history", (LOWEST, LOWEST, LOWEST))
        values, compared = fingerprints_of_stocks(ROW, pages, self._head)
        for stock, book in self._books.items():
            if values.pop(stock, b"") != book.trail.value:
                self._differing[stock] = book
        self._strangers("history", {stock for stock, value in values.items() if value})
        return compared

    def _episodes(self) -> int:
        sums: dict[int, int] = {}
        compared = 0
        for page in self._source.pages("history_holds", (LOWEST, LOWEST)):
            compared += len(page)
            for stock, *episode in page:
                if episode[0] <= self._head:
                    value = episode_hash(self._as_of_head(tuple(episode)))
                    sums[stock] = (sums.get(stock, 0) + value) & EPISODES_MASK
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
        self._source.fold_stream(again.take_all, stock_stream(book.location, book.sku), self._head)
        where = f"of {book.sku!r} at {book.location!r}"
        traced = again.stocks.get((book.location, book.sku))
        if traced is None:
            self._found(book.first, f"history {where}: every event of it stands in another stream")
            return
        rows = traced.trail.traced or {}
        of_stock = self._source.of_stock
        stored = {
            (row[1], row[2]): row for row in of_stock("history", book.first, self._head, keys=3)
        }
        for key in sorted(rows.keys() | stored.keys()):
            # The stock's number is where its first event stands; a shift there is said elsewhere.
            self._differ(f"history {where}", _COLUMNS, key[0], stored.get(key), rows.get(key))
        episodes = traced.trail.all_episodes(traced.holds.values())
        kept = {
            episode[0]: self._as_of_head(tuple(episode))
            for _, *episode in of_stock("history_holds", book.first, self._head, keys=2)
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
