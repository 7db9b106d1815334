"""How the auditor reads transfers: the document, both stocks, and what is on its way, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain import laws
from ledger.domain.laws import Breach, TransferTotals
from projections.audit import wire_transfers as wire
from projections.audit.fingerprints import ON_THE_WAY, Fingerprint

if TYPE_CHECKING:
    from projections.audit.books import StockBook
    from projections.audit.checker import Checker

_CONDITIONS = ("received", "damaged", "lost", "returned")


class TransferLineBook:
    """One SKU of a transfer, told twice: by its own stream, and by the stocks' at both ends."""

    __slots__ = (
        "arrivals",
        "by_stocks",
        "dispatched",
        "in_transit",
        "reported",
        "requested",
        "surplus",
    )

    def __init__(self, requested: int = 0) -> None:
        """Begin with what was asked for."""
        self.requested = requested
        self.dispatched = 0
        self.reported = dict.fromkeys(_CONDITIONS, 0)
        self.by_stocks = dict.fromkeys(("dispatched", *_CONDITIONS), 0)
        self.arrivals: dict[int, int] = {}  # Business time to units, as the stocks tell it.
        self.surplus: dict[int, int] = {}  # Likewise, units that nobody had reported to leave.
        self.in_transit = 0  # What the stocks' events have put on the way and taken from it.


class TransferBook:
    """One transfer."""

    __slots__ = (
        "ended",
        "first",
        "from_location",
        "last",
        "lines",
        "requested_at",
        "to_location",
        "transfer_id",
        "version",
    )

    def __init__(self, event: wire.TransferRequested, position: int) -> None:
        """Begin with where goods shall go."""
        self.transfer_id = event.transfer_id
        self.from_location = event.from_location
        self.to_location = event.to_location
        self.requested_at = event.occurred_at
        self.first = position
        self.last = position
        self.version = 1
        self.ended = ""
        self.lines = {line.sku: TransferLineBook(line.quantity) for line in event.lines}

    def line(self, sku: str) -> TransferLineBook:
        """The book of one SKU, begun when it first comes up."""
        line = self.lines.get(sku)
        if line is None:
            line = self.lines[sku] = TransferLineBook()
        return line

    @property
    def status(self) -> str:
        """Where it stands."""
        if self.ended:
            return self.ended
        lines = self.lines.values()
        whole = all(line.dispatched >= line.requested for line in lines)
        if any(sum(line.reported.values()) for line in lines):
            under_way = any(line.in_transit for line in lines)
            return "received" if whole and not under_way else "partially_received"
        if any(line.dispatched for line in lines):
            return "dispatched" if whole else "partially_dispatched"
        return "requested"


class TransferBooks:
    """All transfers, and what is on its way to each destination."""

    __slots__ = ("touched", "transfers", "ways")

    def __init__(self) -> None:
        """Nothing has been moved yet."""
        self.transfers: dict[str, TransferBook] = {}
        self.ways: dict[tuple[str, str], WayBook] = {}
        self.touched: dict[tuple[str, str], int] = {}  # Transfer and SKU to the last position.

    def number_of(self, key: tuple[str, str], position: int) -> int:
        """History's number for a stock that has its first event at a position."""
        way = self.ways.get(key)
        return position if way is None else way.number


# --- the document -------------------------------------------------------------------------------


def take(checker: Checker, event: wire.Transfer, position: int) -> None:
    """Enter one event of a transfer into the books."""
    book = checker.transit.transfers.get(event.transfer_id)
    if isinstance(event, wire.TransferRequested):
        if book is not None:
            checker.found([Breach(4, position, f"{event.transfer_id!r} was requested twice")])
            return
        checker.transit.transfers[event.transfer_id] = TransferBook(event, position)
        return
    if book is None:
        checker.found([Breach(4, position, f"{event.transfer_id!r} was never requested")])
        return
    if book.ended:
        checker.found([Breach(4, position, f"{event.transfer_id!r} is {book.ended}")])
    book.last = position
    book.version += 1
    if isinstance(event, wire.TransferDispatched):
        for left in event.lines:
            book.line(left.sku).dispatched += left.quantity
            checker.transit.touched[event.transfer_id, left.sku] = position
    elif isinstance(event, wire.TransferReceived):
        for arrived in event.lines:
            reported = book.line(arrived.sku).reported
            for condition in _CONDITIONS:
                reported[condition] += getattr(arrived, condition)
            checker.transit.touched[event.transfer_id, arrived.sku] = position
    else:
        _end(checker, book, event, position)


def _end(checker: Checker, book: TransferBook, event: wire.Transfer, position: int) -> None:
    if isinstance(event, wire.TransferCancelled):
        if book.status != "requested":
            what = f"{book.transfer_id!r} was cancelled when it was {book.status}"
            checker.found([Breach(4, position, what)])
        book.ended = "cancelled"
        return
    under_way = sum(line.in_transit for line in book.lines.values())
    if under_way:
        what = f"{book.transfer_id!r} was closed with {under_way} units on their way"
        checker.found([Breach(4, position, what)])
    book.ended = "closed"


# --- the stocks ---------------------------------------------------------------------------------


def take_stock(
    checker: Checker, book: StockBook, event: wire.AnyOfTransfer, position: int, now: int
) -> None:
    """Enter what a stock says of a transfer: its line, and what is on its way to the other end."""
    del book, now  # What the stock itself has is entered like that of any other event.
    _way(checker, event, position)
    transfer = checker.transit.transfers.get(event.transfer_id)
    if transfer is None:
        checker.found([Breach(5, position, f"transfer {event.transfer_id!r} is not known")])
        return
    ends = (transfer.from_location, transfer.to_location)
    if ends != event.ends():
        what = f"transfer {event.transfer_id!r} goes {ends}, the stock says {event.ends()}"
        checker.found([Breach(5, position, what)])
    checker.transit.touched[event.transfer_id, event.sku] = position
    line = transfer.line(event.sku)
    line.in_transit += event.on_the_way()
    at = event.occurred_at
    match event:
        case wire.Dispatched():
            line.by_stocks["dispatched"] += event.quantity
        case wire.TransferArrived():
            for condition in ("received", "damaged", "lost"):
                line.by_stocks[condition] += getattr(event, condition)
            arrived = event.received + event.damaged + event.lost
            line.arrivals[at] = line.arrivals.get(at, 0) + arrived
        case wire.TransferReturned():
            line.by_stocks["returned"] += event.quantity
            line.arrivals[at] = line.arrivals.get(at, 0) + event.quantity
        case wire.TransferSurplus():
            line.surplus[at] = line.surplus.get(at, 0) + event.delta


class WayBook:
    """What is on its way to one stock, and a fingerprint of how history must tell it."""

    __slots__ = ("effective_at", "last", "number", "print", "quantity", "rows")

    def __init__(self, number: int) -> None:
        """Begin with history's number for the stock: negative where it has no event yet."""
        self.number = number
        self.last = 0
        self.quantity = 0
        self.effective_at = -(2**63)
        self.rows: dict[int, tuple[int, ...]] | None = None  # Kept only where they are wanted.
        self.print = Fingerprint()

    def take(self, position: int, occurred_at: int, delta: int) -> None:
        """Let more, or fewer, units be on their way."""
        self.last = position
        self.quantity += delta
        self.effective_at = max(self.effective_at, occurred_at)
        row = (self.number, position, occurred_at, self.effective_at, delta, self.quantity)
        self.print.add(ON_THE_WAY.pack(*row))
        if self.rows is not None:
            self.rows[position] = row


def _way(checker: Checker, event: wire.AnyOfTransfer, position: int) -> None:
    key = (event.ends()[1], event.sku)
    book = checker.transit.ways.get(key)
    if book is None:
        stock = checker.stocks.get(key)
        number = -position if stock is None else stock.first
        book = checker.transit.ways[key] = WayBook(number)
    book.take(position, event.occurred_at, event.on_the_way())


# --- judgement ----------------------------------------------------------------------------------


def judge(checker: Checker) -> None:
    """After an item: the equation, and all three streams telling the same."""
    for (transfer_id, sku), position in checker.transit.touched.items():
        line = checker.transit.transfers[transfer_id].line(sku)
        name = f"transfer {transfer_id!r} of {sku!r}"
        told = {"dispatched": line.dispatched, **line.reported}
        for what, in_document in told.items():
            in_stock = line.by_stocks[what]
            if in_stock != in_document:
                said = f"{name}: {in_stock} {what} by the stocks, {in_document} by the transfer"
                checker.found([Breach(5, position, said)])
        surplus = {at: units for at, units in line.surplus.items() if units}
        checker.found(
            laws.transfer_adds_up(
                position,
                name,
                TransferTotals(
                    dispatched=line.dispatched,
                    surplus=sum(surplus.values()),
                    in_transit=line.in_transit,
                    **line.reported,
                ),
            )
        )
        checker.found(
            laws.surplus_came_last(
                position, name, left=line.dispatched, arrivals=line.arrivals, surplus=surplus
            )
        )
    checker.transit.touched.clear()
