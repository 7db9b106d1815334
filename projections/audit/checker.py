"""The auditor's pass over the log: one event after another, every law, with his own books."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Self

import msgspec

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches, Place
from projections.audit import (
    catalog,
    channels,
    count_documents,
    documents,
    movements,
    periods,
    reconciliations,
    returns,
    statements,
    stocks,
    tellings,
    transfers,
    wire,
    wire_base,
    wire_catalog,
    wire_channels,
    wire_count_documents,
    wire_counts,
    wire_periods,
    wire_reconciliations,
    wire_returns,
    wire_transfers,
)
from projections.audit.books import ConflictBook, LineBook, ReservationBook, StockBook
from projections.audit.envelope import Envelope
from projections.audit.row import Row

__all__ = ["BREACHES_MAX", "Checker", "Row"]

_BOOKS: Final = (
    *("events", "stocks", "reservations", "conflicts", "movements", "late_counts", "catalog"),
    *("paper", "counted", "transit", "versions", "accounts", "periods", "reconciled"),
    *("channels", "told", "shelves"),
    *("touched_stocks", "touched_lines", "corrected", "claims"),
)

BREACHES_MAX: Final = 1_000
"""Kept for the report. One altered row may echo through everything after it; the first counts."""


class Checker:
    """Takes event rows in ledger order and keeps every breach of a law."""

    def __init__(self, *, traced: bool = False) -> None:
        """Begin before the first event. `traced` keeps every row of history it expects."""
        self.traced = traced
        self.envelope = Envelope(self.found)
        self.events = 0
        self.breaches: Breaches = []
        self.breaches_total = 0
        self.stocks: dict[tuple[str, str], StockBook] = {}
        self.reservations: dict[str, ReservationBook] = {}
        self.conflicts: dict[str, ConflictBook] = {}
        self.movements: dict[tuple[str, str], movements.MovementBook] = {}
        self.corrected: dict[str, list[int]] = {}  # Of an item: movement -> changes by stocks.
        self.late_counts: dict[tuple[str, str], int] = {}  # Stock -> where the first of them is.
        self.catalog = catalog.CatalogBooks()
        self.channels: dict[str, channels.ChannelBook] = {}
        self.told = tellings.Last()
        self.shelves: dict[str, list[StockBook]] = {}  # By SKU.
        self.paper = returns.ReturnsBooks()
        self.counted = count_documents.CountBooks()
        self.reconciled = reconciliations.ReconciliationBooks()
        self.transit = transfers.TransferBooks()
        self.accounts = statements.AccountBooks()
        self.periods = periods.PeriodBooks()
        self.touched_stocks: dict[StockBook, None] = {}  # A set that keeps its order.
        self.touched_lines: dict[tuple[str, str, str], int] = {}
        self.claims: dict[
            str, int
        ] = {}  # Conflict -> amount short, as stock events of an item say.
        self.versions: dict[str, int] = {}

    @property
    def place(self) -> Place:
        """Where and when the last event stands."""
        return self.envelope.place

    def found(self, breaches: Breaches) -> None:
        """Keep what a predicate found."""
        if breaches:
            self.breaches_total += len(breaches)
            self.breaches.extend(breaches[: max(0, BREACHES_MAX - len(self.breaches))])

    def books(self) -> dict[str, Any]:
        """All that the next event is judged by; it may belong to the item of the last one."""
        return {name: getattr(self, name) for name in _BOOKS} | {"place": self.place}

    @classmethod
    def of(cls, books: dict[str, Any]) -> Self:
        """Go on from books; they are not copied."""
        checker = cls()
        for name in _BOOKS:
            setattr(checker, name, books[name])
        checker.envelope = Envelope(checker.found, books["place"])
        return checker

    def take_all(self, rows: Iterable[Row]) -> None:
        """Check a page of events."""
        for row in rows:
            self.take(row)

    def take(self, row: Row) -> None:
        """Check one event against everything before it."""
        self.events += 1
        position, stream, version, _, state, _ = row
        versions, envelope = self.versions, self.envelope
        last = versions.get(stream, 0)
        if version != last + 1:
            self.found(laws.version_is_next(position, stream, last=last, found=version))
        versions[stream] = version
        try:
            body = wire.decode(state)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            self.found([Breach(17, position, f"its body cannot be read: {problem}")])
            envelope.skip(row)
            return
        meta, event = body.meta, body.event
        if meta.instant != envelope.instant:
            self.close_item()
        envelope.take(row, meta, event)
        if meta.owner is not None:
            catalog.take_released(self, event, meta.owner, meta.movement_id)
        take = _TAKE_PAPER.get(type(event))
        if take is not None:
            take(self, event, position)
        else:
            self._stock(event, meta, position)

    def _stock(self, event: Any, meta: wire_base.Meta, position: int) -> None:
        stocks.take(self, event, position, meta.instant)
        self.accounts.take(event, meta.reason, position)
        if meta.stated is not None:
            catalog.take_stated(self, event, meta.stated, position)
        note = returns.STOCK_NOTES.get(type(event))
        if note is not None:
            note(self, event, position)
        reconciliations.take_stock(self, event, meta)
        if meta.movement_id is None:
            count_documents.take_stock(self, event)

    def line(self, reservation_id: str, location: str, sku: str, position: int) -> LineBook:
        """The book of one line of a reservation, begun at its first event."""
        lines = documents.reservation_of(self, reservation_id, position).lines
        line = lines.get((location, sku))
        if line is None:
            line = lines[location, sku] = LineBook()
        return line

    def close_item(self) -> None:
        """Judge what one item of a command left behind, once its last event is in."""
        now = self.envelope.instant
        if self.touched_stocks:
            for book in self.touched_stocks:
                stocks.judge(self, book, now)
            self.touched_stocks.clear()
        if self.corrected:
            movements.judge(self)
        if self.touched_lines:
            documents.judge_lines(self)
        if self.claims:
            documents.judge_claims(self)
        self._judge_papers()

    def _judge_papers(self) -> None:
        if self.catalog.released or self.catalog.told:
            catalog.judge(self)
        if self.paper.told or self.paper.taken_back:
            returns.judge(self)
        if self.counted.told:
            count_documents.judge(self)
        if self.transit.touched:
            transfers.judge(self)
        if self.periods.told is not None:
            periods.judge(self)
        reconciliations.judge(self)

    def close(self) -> None:
        """Judge the last item, then every total once more from its parts."""
        self.close_item()
        for book in self.stocks.values():
            stocks.judge_whole(self, book)


def _conflict(checker: Checker, event: wire.Conflict, position: int) -> None:
    documents.take_conflict(checker, event, position)
    catalog.take_conflict(checker, event, position)


_PAPERS: Final[tuple[tuple[Any, Callable[[Checker, Any, int], None]], ...]] = (
    (wire.Reservation, documents.take_reservation),
    (wire.Conflict, _conflict),
    (wire_returns.Order, returns.take_order),
    (wire_returns.Return, returns.take_return),
    (wire_transfers.Transfer, transfers.take),
    (wire_count_documents.Document, count_documents.take),
    (wire_reconciliations.Document, reconciliations.take),
    (wire_counts.Movement, movements.take),
    (wire_catalog.AnyCatalog, catalog.take_definition),
    (wire_channels.OfChannel, channels.take),
    (wire_periods.AnyPeriod, periods.take),
)
"""Who enters which document's events; the most frequent kinds first."""

_TAKE_PAPER: Final[dict[type, Callable[[Checker, Any, int], None]]] = {
    kind: next(take for parent, take in _PAPERS if issubclass(kind, parent))
    for kind in wire.TOPICS
    if not issubclass(kind, wire_base.Stock)
}
