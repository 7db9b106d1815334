"""How the auditor reads reservations and conflicts, and checks them against the stocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain import laws
from ledger.domain.laws import Breach
from projections.audit import wire
from projections.audit.books import (
    JUDGED,
    ConflictBook,
    ReservationBook,
)

if TYPE_CHECKING:
    from projections.audit.checker import Checker


# --- reservations -------------------------------------------------------------------------------


def reservation_of(checker: Checker, reservation_id: str, position: int) -> ReservationBook:
    """The book of a reservation, begun at its first event."""
    book = checker.reservations.get(reservation_id)
    if book is None:
        book = checker.reservations[reservation_id] = ReservationBook(reservation_id, position)
    return book


def take_reservation(checker: Checker, event: wire.Reservation, position: int) -> None:
    """Enter one event of a reservation into the books."""
    book = reservation_of(checker, event.reservation_id, position)
    book.last = position
    book.version += 1
    if isinstance(event, wire.Placed):
        _placed(checker, book, event, position)
    elif not book.kind:
        checker.found([Breach(4, position, f"{event.reservation_id!r} was never placed")])
    elif isinstance(event, wire.Confirmed):
        book.kind, book.expires_at, book.confirmed = "hard", None, True
    elif isinstance(event, wire.Extended):
        book.expires_at = event.expires_at
    elif isinstance(event, wire.Lines):
        for change in event.lines:
            _changed(checker, book, event, change, position)
    elif isinstance(event, wire.Relocated):
        for move in event.moves:
            _moved(checker, book, move, position)


def _placed(checker: Checker, book: ReservationBook, event: wire.Placed, position: int) -> None:
    if book.kind:
        checker.found([Breach(4, position, f"{book.reservation_id!r} was placed twice")])
        return
    book.channel, book.kind, book.expires_at = event.channel, event.kind, event.expires_at
    book.placed_at, book.placed_position = event.occurred_at, position
    book.policy = event.policy
    book.ended_by = "released"
    for line in event.lines:
        entry = checker.line(book.reservation_id, line.location, line.sku, position)
        entry.requested += line.requested
        entry.granted += line.granted
        entry.open += line.granted
        checker.touched_lines[book.reservation_id, line.location, line.sku] = position
        if event.policy == "all" and line.granted != line.requested:
            checker.found([Breach(4, position, "all or nothing was asked, a part was granted")])


def _changed(
    checker: Checker, book: ReservationBook, event: wire.Lines, change: wire.Line, position: int
) -> None:
    line = checker.line(book.reservation_id, change.location, change.sku, position)
    checker.touched_lines[book.reservation_id, change.location, change.sku] = position
    if isinstance(event, wire.Amended):
        line.requested += change.quantity
        line.granted += change.quantity
        line.open += change.quantity
        return
    line.open -= change.quantity
    if isinstance(event, wire.Fulfilled):
        line.fulfilled += change.quantity
        book.ended_by = "fulfilled"
    else:
        line.released += change.quantity
        book.ended_by = "released"


def _moved(checker: Checker, book: ReservationBook, move: wire.Move, position: int) -> None:
    """What was asked and granted of the units goes along with them: both lines still add up."""
    for location, units in (
        (move.from_location, -move.quantity),
        (move.to_location, move.quantity),
    ):
        line = checker.line(book.reservation_id, location, move.sku, position)
        checker.touched_lines[book.reservation_id, location, move.sku] = position
        line.requested += units
        line.granted += units
        line.open += units
        line.moved += max(0, -units)


def judge_lines(checker: Checker) -> None:
    """After an item: the equations, and both streams telling the same."""
    for (reservation_id, location, sku), position in checker.touched_lines.items():
        line = checker.line(reservation_id, location, sku, position)
        checker.found(laws.line_adds_up(position, f"reservation {reservation_id!r}", line.totals()))
        stock = checker.stocks.get((location, sku))
        hold = stock.holds.get(reservation_id) if stock is not None else None
        held = 0 if hold is None else hold.units
        told = (held, line.shipped, line.freed, line.sent)
        if told == (line.open, line.fulfilled, line.released, line.moved):
            continue
        for what, in_stock, in_reservation in (
            ("open", held, line.open),
            ("fulfilled", line.shipped, line.fulfilled),
            ("released", line.freed, line.released),
            ("relocated", line.sent, line.moved),
        ):
            name = f"{what} of {reservation_id!r} at {location!r} for {sku!r}"
            checker.found(
                laws.streams_agree(position, name, in_stock=in_stock, in_reservation=in_reservation)
            )
    checker.touched_lines.clear()


# --- conflicts ----------------------------------------------------------------------------------


def take_conflict(checker: Checker, event: wire.Conflict, position: int) -> None:
    """Enter one event of a conflict into the books."""
    book = checker.conflicts.get(event.conflict_id)
    if isinstance(event, wire.ConflictOpened):
        if book is not None:
            checker.found([Breach(7, position, f"conflict {event.conflict_id!r} opened twice")])
        checker.conflicts[event.conflict_id] = _opened(event, position)
        _claimed(checker, event, position)
        return
    if book is None:
        checker.found([Breach(7, position, f"conflict {event.conflict_id!r} was never opened")])
        return
    if book.ended or (book.status == "resolved" and closed_by_people(event)):
        checker.found([Breach(7, position, f"conflict {event.conflict_id!r} is {book.status}")])
    book.last = position
    if isinstance(event, wire.ConflictChanged):
        book.short = event.short
        book.short_max = max(book.short_max, event.short)
        _claimed(checker, event, position)
    elif isinstance(event, wire.ConflictCleared):
        book.ended, book.short = True, 0
        if book.status == "open":
            book.status = "cleared"
            book.closed_at, book.closed_position = event.occurred_at, position
        _claimed(checker, event, position)
    elif isinstance(event, wire.ConflictResolved):
        book.status, book.closed_at, book.closed_position = "resolved", event.occurred_at, position
        book.resolution, book.note = event.resolution, event.note


def closed_by_people(event: wire.Conflict) -> bool:
    """Whether nothing but people could have moved this conflict on.

    A broken promise or a negative level goes on being true after somebody resolved it, so its
    amount may still change and its cause may still end; it stays resolved all the same.
    """
    judged = event.kind in JUDGED
    return not judged or isinstance(event, wire.ConflictResolved)


def _opened(event: wire.ConflictOpened, position: int) -> ConflictBook:
    book = ConflictBook(event.conflict_id, event.kind, event.location, event.sku, position)
    book.short = book.short_max = event.short
    book.bucket = event.bucket
    book.reservation_id = event.reservation_id
    book.quantity = event.quantity
    book.order = event.order
    book.movement = None if event.parked is None else event.parked.movement
    book.opened_at = event.occurred_at
    return book


def _claimed(checker: Checker, event: wire.Conflict, position: int) -> None:
    """A conflict over a level or an order moves only with an event of that stock or order."""
    if event.kind in JUDGED and event.conflict_id not in checker.claims:
        checker.found(
            [Breach(7, position, f"no event of the stock moved conflict {event.conflict_id!r}")]
        )


def judge_claims(checker: Checker) -> None:
    """After an item: the conflicts' own streams say what the stocks' events say."""
    position = checker.place.position
    for conflict_id, short in checker.claims.items():
        book = checker.conflicts.get(conflict_id)
        told = book.short if book is not None else 0
        if told != short or book is None:
            checker.found(
                [
                    Breach(
                        7, position, f"conflict {conflict_id!r}: {short} short by the stock, {told}"
                    )
                ]
            )
    checker.claims.clear()
