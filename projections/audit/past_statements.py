"""Row for row: the tables of statements, against the auditor's own accounts."""

from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import msgspec

from ledger.domain.laws import Breach
from ledger.domain.values import stock_stream
from projections.audit import statements, wire, wire_base
from projections.audit.checker import Checker
from projections.audit.fingerprints import Fingerprint
from projections.audit.log import PAGE_ROWS, Source
from projections.audit.statements import (
    ENTRY,
    FANOUT,
    MASK,
    NETWORK,
    Account,
    AccountBooks,
    Blocks,
    Cell,
    cell_hash,
)

_ENTRY: Final = (
    *("book", "position", "leg", "kind", "place", "number", "occurred_at", "quantity"),
)
_LOWEST: Final = -(2**63)


class PastStatements:
    """Compares the tables of statements; what lies beyond the checked position is ignored.

    Entries are compared with the log; sums of stocks with the entries, which then are what the
    log says; sums of locations and of the network with the log again.
    """

    def __init__(self, source: Source, checker: Checker) -> None:
        """Take the books as they stand."""
        self._source = source
        self._checker = checker
        self._head = checker.place.position
        self._books = checker.accounts
        self._books.fill(self._head)
        self._by_number = {one.number: one for one in self._books.accounts.values()}
        self._sums = dict(self._books.sums)
        self._differing: list[Account] = []

    def compare(self) -> int:
        """Compare everything; the number of rows compared."""
        rows = self._kinds() + self._names() + self._entries()
        for account in self._differing:
            self._explain(account)
        return rows + self._cells()

    def _kinds(self) -> int:
        expected = {number: name for name, number in self._books.kinds.items()}
        seen: set[int] = set()
        last = 0
        while page := self._source.all("statement_kinds", (last, PAGE_ROWS)):
            last = page[-1][0]
            for number, *name in page:
                seen.add(number)
                due = expected.get(number)
                if due != tuple(name) and not (due is None and number > len(expected)):
                    self._found(1, f"statement_kinds says {number} is {name}, the events {due}")
        for number in sorted(expected.keys() - seen):
            self._found(1, f"statement_kinds has no {number}: {expected[number]}")
        return len(seen)

    def _names(self) -> int:
        expected = {key: (one.number, one.place) for key, one in self._books.accounts.items()}
        expected |= {(location, ""): (n, n) for location, n in self._books.places.items()}
        seen: set[tuple[str, str]] = set()
        after: tuple[str, str] = ("", "")
        while page := self._source.all("statement_books", (*after, PAGE_ROWS)):
            after = page[-1][0], page[-1][1]
            for location, sku, book, place in page:
                seen.add((location, sku))
                due = expected.get((location, sku))
                if due != (book, place) and not (due is None and abs(book) > self._head):
                    what = f"statement_books numbers {location!r}/{sku!r} {(book, place)}, "
                    self._found(due[0] if due else book, f"{what}its first event {due}")
        for key in sorted(expected.keys() - seen):
            self._found(expected[key][0], f"statement_books has no {key}")
        return len(seen)

    def _entries(self) -> int:
        """Entries come stock by stock, in ledger order: as they were fingerprinted."""
        after = (_LOWEST, _LOWEST, -1)
        compared = 0
        trails: dict[int, Fingerprint] = {}
        blocks, own = 0, Blocks()
        while page := self._source.all("statement_entries", (*after, PAGE_ROWS)):
            compared += len(page)
            for book, rows in groupby(page, itemgetter(0)):
                if book != after[0]:
                    blocks, own = 0, Blocks()
                trail = trails.setdefault(book, Fingerprint())
                for row in rows:
                    if row[1] > self._head:
                        break
                    trail.add(ENTRY.pack(*row))
                    own.add(book, row[3], row[6], row[7])
                    blocks += 1
                    if blocks % statements.STOCK_BLOCK == 0:
                        own.fill(blocks // statements.STOCK_BLOCK, self._sum)
                after = (book, 0, 0)
            after = page[-1][:3]
        values = {book: trail.value for book, trail in trails.items()}
        for account in self._by_number.values():
            if values.pop(account.number, b"") != account.trail.value:
                self._differing.append(account)
        for book in sorted(book for book, value in values.items() if value):
            self._found(book, f"statement_entries has rows of {book}, which no event explains")
        return compared

    def _sum(self, cell: Cell) -> None:
        self._sums[cell[0]] = (self._sums.get(cell[0], 0) + cell_hash(cell)) & MASK

    def _cells(self) -> int:
        after = (_LOWEST, -1, -1, -1, -1)
        compared = 0
        found: dict[int, int] = {}
        while page := self._source.all("statement_cells", (*after, PAGE_ROWS)):
            after = page[-1][:5]
            compared += len(page)
            for cell in page:
                if self._full(cell):
                    found[cell[0]] = (found.get(cell[0], 0) + cell_hash(cell)) & MASK
        said = {account.number for account in self._differing}
        for book in sorted((self._sums.keys() | found.keys()) - said):
            if self._sums.get(book, 0) != found.get(book, 0):
                self._explain_cells(book)
        return compared

    def _full(self, cell: Cell) -> bool:
        """Whether its block was full where the log has been read to."""
        book, level, block = cell[:3]
        width: int = FANOUT**level
        if book <= NETWORK:
            return (block + 1) * statements.PLACE_BLOCK * width <= self._head
        account = self._by_number.get(book)
        if account is None:
            return book <= self._head
        return (block + 1) * statements.STOCK_BLOCK * width <= account.entries

    def _explain(self, account: Account) -> None:
        """Keep accounts of one stock again, and say which entries differ."""
        again = Checker()
        again.accounts.kinds, again.accounts.places = self._books.kinds, self._books.places
        key = (account.location, account.sku)
        traced = again.accounts.accounts[key] = Account(*key, account.number, account.place)
        traced.rows = {}
        self._source.fold_stream(again.take_all, stock_stream(*key), self._head)
        stored = {
            (row[1], row[2]): row
            for row in self._source.all("entries_of_book", (account.number, self._head))
        }
        table = f"statement_entries of {account.sku!r} at {account.location!r}"
        for at in sorted(traced.rows.keys() | stored.keys()):
            self._differ(table, at[0], stored.get(at), traced.rows.get(at))

    def _differ(self, table: str, position: int, row: Any, expected: Any) -> None:
        if row is None:
            self._found(position, f"{table} has no row for this event")
        elif expected is None:
            self._found(position, f"{table} has a row that no event explains")
        elif row != expected:
            what = ", ".join(
                f"{column} is {value!r}, the events say {due!r}"
                for column, value, due in zip(_ENTRY, row, expected, strict=True)
                if value != due
            )
            self._found(position, f"{table}: {what}")

    def _explain_cells(self, book: int) -> None:
        """Add up one book again, keeping every sum, and say which differ."""
        if book > NETWORK:
            due: set[Cell] = set()
            own = Blocks()
            entries = self._source.all("entries_of_book", (book, self._head))
            for number, row in enumerate(entries, start=1):
                own.add(book, row[3], row[6], row[7])
                own.fill(number // statements.STOCK_BLOCK, due.add)
        else:
            due = self._refold(book)
        stored = {cell for cell in self._source.all("cells_of_book", (book,)) if self._full(cell)}
        for cell in sorted(stored - due):
            self._found(self._head, f"statement_cells holds {_named(cell)}, which is not so")
        for cell in sorted(due - stored):
            self._found(self._head, f"statement_cells does not hold {_named(cell)}")

    def _refold(self, book: int) -> set[Cell]:
        again = AccountBooks()
        due = again.cells[book] = set()
        for after in range(0, self._head, PAGE_ROWS):
            until = min(after + PAGE_ROWS, self._head)
            for row in self._source.all("rows", (after, until)):
                with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    body = wire.decode(row[4])
                    if isinstance(body.event, wire_base.Stock):
                        again.take(body.event, body.meta.reason, row[0])
        again.fill(self._head)
        return due

    def _found(self, position: int, what: str) -> None:
        # A location's number is negative; where it comes from is a position all the same.
        self._checker.found([Breach(12, abs(position), f"projection {what}")])


def _named(cell: Cell) -> str:
    book, level, block, day, kind, quantity, entries = cell
    where = f"book {book}, block {block} of level {level}, day {day}, kind {kind}"
    return f"{quantity} units in {entries} entries of {where}"
