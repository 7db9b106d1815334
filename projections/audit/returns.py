"""How the auditor reads returns and orders, and checks them against the stocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ledger.domain import laws
from ledger.domain.laws import Breach
from projections.audit import wire, wire_counts
from projections.audit import wire_returns as w
from projections.audit.books import RETURNED_BEYOND_SOLD

if TYPE_CHECKING:
    from projections.audit.checker import Checker

FATES: Final = {
    "restock": "sellable",
    "refurbish": "quarantine",
    "repackage": "quarantine",
    "resale_hold": "quarantine",
    "damaged": "damaged",
    "return_to_vendor": "supplier",
    "scrap": "scrap",
    "recycle": "scrap",
    "donate": "scrap",
    "liquidate": "scrap",
    "return_to_customer": "customer",
}
"""Where units end up; what is not here moves nothing."""


class ReturnLineBook:
    """One SKU of a return."""

    __slots__ = ("at", "authorised", "fates", "grades", "received", "waived")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.authorised = 0
        self.received = 0
        self.waived = 0
        self.grades: dict[str, int] = {}
        self.fates: dict[str, int] = {}
        self.at: dict[str, int] = {}


class ReturnBook:
    """One return."""

    __slots__ = ("authorised_at", "closed_at", "first", "last", "lines", "order", "version")

    def __init__(self, event: w.Authorised, first: int) -> None:
        """Begin with what may come."""
        self.first = first
        self.last = first
        self.version = 0
        self.order = event.order
        self.authorised_at = event.occurred_at
        self.closed_at: int | None = None
        self.lines: dict[str, ReturnLineBook] = {}

    def line(self, sku: str) -> ReturnLineBook:
        """The book of one SKU, begun where it is first named."""
        return self.lines.setdefault(sku, ReturnLineBook())

    @property
    def status(self) -> str:
        """Where it stands, from what is left on its pages."""
        if self.closed_at is not None:
            return "closed"
        pages = self.lines.values()
        here = sum(sum(page.at.values()) for page in pages)
        came = sum(page.received for page in pages)
        due = sum(max(0, page.authorised - page.received - page.waived) for page in pages)
        seen = sum(sum(page.grades.values()) for page in pages)
        if any(page.fates for page in pages):
            waits = here > 0 or (came == 0 and due > 0)
            return "partially_dispositioned" if waits else "dispositioned"
        if seen:
            return "inspected" if seen == came else "partially_inspected"
        if came:
            return "partially_received" if due else "received"
        return "authorised"


class OrderBook:
    """One SKU of an order."""

    __slots__ = ("conflict", "first", "last", "returned", "sold")

    def __init__(self, first: int) -> None:
        """Begin with nothing."""
        self.first = first
        self.last = first
        self.sold = 0
        self.returned = 0
        self.conflict: w.OrderConflict | None = None


class ReturnsBooks:
    """The auditor's books of returns and orders, and what is still to be told of this item.

    `told` adds up what the stocks say moved for a return or an order and takes off what the
    documents say; once an item is complete nothing may be left.
    """

    def __init__(self) -> None:
        """Begin before the first event."""
        self.returns: dict[str, ReturnBook] = {}
        self.orders: dict[tuple[str, str], OrderBook] = {}
        self.told: dict[tuple[str, ...], int] = {}
        self.taken_back: set[str] = set()  # SKUs of which something was voided or corrected.

    def tell(self, units: int, *what: str) -> None:
        """Units moved, by the stock; by a document, with the opposite sign."""
        self.told[what] = self.told.get(what, 0) + units


# --- what the stocks say ------------------------------------------------------------------------


def _sold(checker: Checker, event: wire.Sold | wire.HoldFulfilled, position: int) -> None:
    del position
    if event.order is not None:
        checker.paper.tell(event.quantity, "sold", event.order, event.sku)


def _returned(checker: Checker, event: wire.Returned, position: int) -> None:
    del position
    books = checker.paper
    if event.return_id is not None:
        books.tell(event.quantity, "came", event.return_id, event.location, event.sku)
    if event.order is not None:
        books.tell(event.quantity, "returned", event.order, event.sku)


def _dispositioned(checker: Checker, event: wire.StockDispositioned, position: int) -> None:
    books = checker.paper
    key = (event.return_id, event.location, event.sku, event.disposition)
    books.tell(event.quantity, "left", *key)
    _sent_where_it_says(checker, event, position)
    document = books.returns.get(event.return_id)
    if event.to_bucket == "customer" and document and document.order is not None:
        books.tell(-event.quantity, "returned", document.order, event.sku)


def _taken_back(
    checker: Checker, event: wire.Voided | wire_counts.Corrected, position: int
) -> None:
    del position
    checker.paper.taken_back.add(event.sku)


STOCK_NOTES: Final[dict[type, Callable[[Checker, Any, int], None]]] = {
    wire.Sold: _sold,
    wire.HoldFulfilled: _sold,
    wire.Returned: _returned,
    wire.StockDispositioned: _dispositioned,
    wire.Voided: _taken_back,
    wire_counts.Corrected: _taken_back,
}
"""What a stock's event says of a return or an order; most say nothing."""


def _sent_where_it_says(checker: Checker, event: wire.StockDispositioned, position: int) -> None:
    target = FATES.get(event.disposition)
    if event.to_bucket != target:
        what = f"{event.disposition} sends units to {target}, not to {event.to_bucket}"
        checker.found([Breach(4, position, what)])


# --- returns ------------------------------------------------------------------------------------


def take_return(checker: Checker, event: w.Return, position: int) -> None:
    """Enter one event of a return into the books."""
    books = checker.paper
    book = books.returns.get(event.return_id)
    if isinstance(event, w.Authorised):
        if book is not None:
            checker.found([Breach(4, position, f"return {event.return_id!r} authorised twice")])
            return
        book = books.returns[event.return_id] = ReturnBook(event, position)
        for line in event.lines:
            book.line(line.sku).authorised += line.quantity
    elif book is None:
        checker.found([Breach(4, position, f"return {event.return_id!r} was never authorised")])
        return
    elif book.closed_at is not None:
        checker.found([Breach(4, position, f"return {event.return_id!r} is closed")])
    book.version += 1
    book.last = position
    _enter(checker, book, event)
    for sku, page in book.lines.items():
        checker.found(
            laws.return_adds_up(
                position,
                f"return {event.return_id!r}, {sku!r}",
                received=page.received,
                waived=page.waived,
                inspected=sum(page.grades.values()),
                dispositioned=sum(page.fates.values()),
                left=list(page.at.values()),
                closed=book.closed_at is not None,
            )
        )


def _enter(checker: Checker, book: ReturnBook, event: w.Return) -> None:
    tell = checker.paper.tell
    match event:
        case w.Arrived():
            for came in event.lines:
                tell(-came.quantity, "came", event.return_id, event.location, came.sku)
                page = book.line(came.sku)
                page.received += came.quantity
                _shift(page.at, event.location, came.quantity)
        case w.Inspected():
            for seen in event.lines:
                _shift(book.line(seen.sku).grades, seen.grade, seen.quantity)
        case w.Dispositioned():
            for fate in event.lines:
                page = book.line(fate.sku)
                _shift(page.fates, fate.disposition, fate.quantity)
                if fate.location is None:
                    _waive(checker, page, fate)
                    continue
                _shift(page.at, fate.location, -fate.quantity)
                if fate.disposition in FATES:
                    key = (event.return_id, fate.location, fate.sku, fate.disposition)
                    tell(-fate.quantity, "left", *key)
        case w.Closed():
            book.closed_at = event.occurred_at
        case _:
            pass  # Of the authorisation everything is entered when the book begins.


def _waive(checker: Checker, page: ReturnLineBook, fate: w.FateLine) -> None:
    """Units nobody received: none that moves, and no more than were still to come."""
    awaited = page.authorised - page.received - page.waived
    if fate.quantity > awaited or fate.disposition in FATES:
        what = f"{fate.quantity} of {fate.sku!r} {fate.disposition} unreceived, {awaited} awaited"
        checker.found([Breach(4, checker.place.position, what)])
    page.waived += fate.quantity


def _shift(amounts: dict[str, int], name: str, units: int) -> None:
    amounts[name] = amounts.get(name, 0) + units
    if not amounts[name]:
        del amounts[name]


# --- orders -------------------------------------------------------------------------------------


def take_order(checker: Checker, event: w.Order, position: int) -> None:
    """Enter one event of an order into the books, and judge the conflict over it."""
    books = checker.paper
    key = (event.order, event.sku)
    book = books.orders.get(key)
    if book is None:
        book = books.orders[key] = OrderBook(position)
    book.last = position
    if isinstance(event, w.OrderSold):
        book.sold += event.delta
        books.tell(-event.delta, "sold", *key)
    else:
        book.returned += event.delta
        books.tell(-event.delta, "returned", *key)
    if event.conflict is not None:
        change = event.conflict
        before = 0 if book.conflict is None else book.conflict.short
        checker.found(
            laws.conflict_change_is_one(
                position, change.conflict_id, before=before, after=change.short
            )
        )
        checker.claims[change.conflict_id] = change.short
        book.conflict = change if change.short else None
    excess = max(0, book.returned - max(0, book.sold))
    short = 0 if book.conflict is None else book.conflict.short
    checker.found(
        laws.conflicts_are_open(
            position,
            f"{RETURNED_BEYOND_SOLD} on order {event.order!r}",
            expected={event.sku: excess},
            found={event.sku: short},
        )
    )


def judge(checker: Checker) -> None:
    """After an item: stocks and documents told the same.

    What was taken back names a movement, not its order: its SKU is left out for orders.
    """
    books = checker.paper
    for what, units in books.told.items():
        of_order = what[0] in ("sold", "returned")
        if units and not (of_order and what[-1] in books.taken_back):
            named = " ".join(repr(part) for part in what[1:])
            by = f"{units:+d} units {what[0]} by the stock beyond what {named} tells"
            checker.found([Breach(4, checker.place.position, by)])
    books.told.clear()
    books.taken_back.clear()
