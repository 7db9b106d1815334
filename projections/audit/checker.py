"""The auditor's pass over the log: one event after another, every law, with his own books."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches, Place
from ledger.domain.values import (
    count_stream,
    order_stream,
    reconciliation_stream,
    reservation_stream,
    return_stream,
    stock_stream,
    stream_id,
    transfer_stream,
)
from projections.audit import (
    catalog,
    count_documents,
    documents,
    movements,
    periods,
    reconciliations,
    returns,
    statements,
    stocks,
    transfers,
    wire,
    wire_base,
    wire_catalog,
    wire_count_documents,
    wire_counts,
    wire_periods,
    wire_reconciliations,
    wire_returns,
    wire_transfers,
)
from projections.audit.books import ConflictBook, LineBook, ReservationBook, StockBook

BREACHES_MAX: Final = 1_000
"""Kept for the report. One altered row may echo through everything after it; the first counts."""

DIGEST_BYTES: Final = 16


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row of the event table, as read."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    recorded_at: int


class Checker:
    """Takes event rows in ledger order and keeps every breach of a law."""

    def __init__(self, *, traced: bool = False) -> None:
        """Begin before the first event. `traced` keeps every row of history it expects."""
        self.traced = traced
        self.place = laws.START
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
        self.paper = returns.ReturnsBooks()
        self.counted = count_documents.CountBooks()
        self.reconciled = reconciliations.ReconciliationBooks()
        self.transit = transfers.TransferBooks()
        self.accounts = statements.AccountBooks()
        self.periods = periods.PeriodBooks()
        self.commands: dict[bytes, int] = {}  # Digest -> its last position; emptied by the caller.
        self.touched_stocks: dict[tuple[str, str], StockBook] = {}
        self.touched_lines: dict[tuple[str, str, str], int] = {}
        self.claims: dict[
            str, int
        ] = {}  # Conflict -> amount short, as stock events of an item say.
        self._versions: dict[str, int] = {}

    def found(self, breaches: Breaches) -> None:
        """Keep what a predicate found."""
        if breaches:
            self.breaches_total += len(breaches)
            self.breaches.extend(breaches[: max(0, BREACHES_MAX - len(self.breaches))])

    def take(self, row: Row) -> None:
        """Check one event against everything before it."""
        self.events += 1
        position = row.position
        last = self._versions.get(row.stream, 0)
        if row.version != last + 1:
            self.found(laws.version_is_next(position, row.stream, last=last, found=row.version))
        self._versions[row.stream] = row.version
        try:
            body = wire.decode(row.state)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            self.found([Breach(17, position, f"its body cannot be read: {problem}")])
            self.place = Place(position, self.place.instant, row.recorded_at, self.place.command)
            return
        self._envelope(row, body)
        event, meta = body.event, body.meta
        if meta.owner is not None:
            catalog.take_released(self, event, meta.owner, meta.movement_id)
        if isinstance(event, wire_base.Stock):
            self._stock(event, meta, position)
            return
        for kind, take in _PAPERS:
            if isinstance(event, kind):
                take(self, event, position)
                return
        raise AssertionError(f"nobody enters a {type(event).__name__}")

    def _stock(self, event: wire_base.Stock, meta: wire_base.Meta, position: int) -> None:
        stocks.take(self, event, position, meta.instant)
        self.accounts.take(event, meta.reason, position)
        if meta.stated is not None:
            catalog.take_stated(self, event, meta.stated, position)
        returns.take_stock(self, event, position)
        reconciliations.take_stock(self, event, meta)
        if meta.movement_id is None:
            count_documents.take_stock(self, event)

    def _envelope(self, row: Row, body: wire.Body) -> None:
        meta, event, position = body.meta, body.event, row.position
        command = f"{meta.actor}\0{meta.command_id}"
        if meta.instant != self.place.instant:
            self.close_item()
        place = Place(position, meta.instant, row.recorded_at, command)
        self.found(laws.log_is_in_order(self.place, place))
        self.place = place
        self.found(
            laws.provenance_is_named(
                position,
                actor=meta.actor,
                source=meta.source,
                reason=meta.reason,
                correlation_id=meta.correlation_id,
            )
        )
        self.found(
            laws.nothing_from_the_future(
                position, occurred_at=event.occurred_at, instant=meta.instant
            )
        )
        if wire.TOPICS[type(event)] != row.topic:
            self.found([Breach(17, position, f"a body of another kind stands as {row.topic!r}")])
        if stream_of(event) != row.stream:
            self.found([Breach(17, position, f"its body belongs to {stream_of(event)!r}")])
        self._accepted(meta, command, position)

    def _accepted(self, meta: wire_base.Meta, command: str, position: int) -> None:
        """Note the receipts that are due: the command's, and a movement's under its own id."""
        self.commands[_digest(command)] = position
        own = meta.movement_id if meta.owner is None else None
        if own is not None and own != meta.command_id and not own.startswith(f"{meta.command_id}/"):
            self.commands[_digest(f"{meta.actor}\0{own}")] = position

    def line(self, reservation_id: str, location: str, sku: str, position: int) -> LineBook:
        """The book of one line of a reservation, begun at its first event."""
        lines = documents.reservation_of(self, reservation_id, position).lines
        line = lines.get((location, sku))
        if line is None:
            line = lines[location, sku] = LineBook()
        return line

    def close_item(self) -> None:
        """Judge what one item of a command left behind, once its last event is in."""
        now = self.place.instant
        if self.touched_stocks:
            for book in self.touched_stocks.values():
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
    (wire_periods.AnyPeriod, periods.take),
)
"""Who enters which document's events; the most frequent kinds first."""


def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=DIGEST_BYTES).digest()


def stream_of(event: wire.AnyEvent) -> str:
    """The stream an event says it belongs to."""
    if isinstance(event, wire_base.Stock):
        return stock_stream(event.location, event.sku)
    if isinstance(event, wire.Reservation):
        return reservation_stream(event.reservation_id)
    if isinstance(event, wire_returns.Return):
        return return_stream(event.return_id)
    if isinstance(event, wire_returns.Order):
        return order_stream(event.order)
    if isinstance(event, wire_count_documents.Document):
        return count_stream(event.count_id)
    if isinstance(event, wire_transfers.Transfer):
        return transfer_stream(event.transfer_id)
    return _rarer_stream_of(event)


def _rarer_stream_of(event: Any) -> str:
    if isinstance(event, wire_catalog.AnyCatalog):
        return catalog.stream_of(event)
    if isinstance(event, wire_periods.AnyPeriod):
        return periods.stream_of(event)
    if isinstance(event, wire_reconciliations.Document):
        return reconciliation_stream(event.reconciliation_id)
    if isinstance(event, wire.Conflict):
        return stream_id("conflict", event.conflict_id)
    return stream_id("movement", event.owner, event.movement_id)
