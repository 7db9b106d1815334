"""Fulfilling a promise and letting it run out: facts about what a promise held."""

from ledger.domain.commands import ExpireHolds, FulfilReservation
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.decisions.conflicts import opened, settle
from ledger.domain.decisions.facts import Promised, fulfil_line, timing
from ledger.domain.decisions.standing import find, state_of
from ledger.domain.decisions.world import (
    Cause,
    ConflictIds,
    Context,
    Decision,
    Effect,
    World,
)
from ledger.domain.events import (
    ExpiredHold,
    HoldsExpired,
    LineQuantity,
    ReservationFulfilled,
)
from ledger.domain.outcomes import ConflictNote, HoldsSwept
from ledger.domain.refusals import IllegalState
from ledger.domain.reservation import Reservation
from ledger.domain.values import Instant, StockId


def fulfil(command: FulfilReservation, world: World, now: Instant, context: Context) -> Decision:
    """Record that promised goods left; more than was open is recorded with a conflict."""
    reservation = find(world, command.reservation_id)
    lines = _lines(command, reservation, now)
    when = timing(command.occurred_at, now)
    promise = Promised(reservation.reservation_id, reservation, reservation.placed.channel)
    if command.if_open:
        _refuse_unless_open(promise, lines, when.occurred_at, now)
    cause = Cause(now, "fulfilment", claimed_at=when.claimed_at)
    ids = ConflictIds(now)
    notes: list[ConflictNote] = []
    used: list[LineQuantity] = []
    for line in lines:
        stock = world.stock(StockId(line.location, line.sku))
        stock.advance(now)
        consumed, broken = yield from fulfil_line(
            promise, line, stock, when.occurred_at, cause, ids
        )
        notes += broken
        if consumed:
            used.append(LineQuantity(sku=line.sku, location=line.location, quantity=consumed))
    if used:
        yield Effect(
            ReservationFulfilled(
                occurred_at=when.occurred_at,
                reservation_id=reservation.reservation_id,
                lines=tuple(used),
            ),
            cause,
        )
    if when.claimed_at is not None and when.claimed_at - now > context.skew_max:
        stock = world.stock(StockId(lines[0].location, lines[0].sku))
        effect, note = opened(stock, CLOCK_SKEW, when.claimed_at - now, cause, ids)
        yield effect
        notes.append(note)
    after = find(world, reservation.reservation_id)
    return state_of(after, now, world.head, tuple(notes))


def expire(command: ExpireHolds, world: World, now: Instant) -> Decision:
    """Write down what has run out in one stock, in one event."""
    stock = world.stock(StockId(command.location, command.sku))
    stock.advance(now)
    holds = tuple(
        ExpiredHold(
            reservation_id=reservation_id,
            quantity=hold.quantity,
            expired_at=hold.expires_at or now,
        )
        for reservation_id, hold in stock.lapsed.items()
    )
    if holds:
        at = max(hold.expired_at for hold in holds)
        event = HoldsExpired(
            occurred_at=at,
            effective_at=max(at, stock.effective_at),
            sku=command.sku,
            location=command.location,
            holds=holds,
        )
        yield from settle(stock, event, Cause(now, "expiry"), ConflictIds(now))
    return HoldsSwept(position=world.head, holds=len(holds))


def _lines(
    command: FulfilReservation, reservation: Reservation, now: Instant
) -> tuple[LineQuantity, ...]:
    """What left: as named, or else all that the promise still meant to ship, expired or not."""
    if command.lines is not None:
        added: dict[StockId, int] = {}
        for line in command.lines:
            stock_id = StockId(line.location, line.sku)
            added[stock_id] = added.get(stock_id, 0) + line.quantity
        return tuple(
            LineQuantity(sku=stock_id.sku, location=stock_id.location, quantity=quantity)
            for stock_id, quantity in added.items()
        )
    lines = tuple(
        LineQuantity(sku=line.sku, location=line.location, quantity=line.open)
        for line in reservation.lines
        if line.open
    )
    if not lines:
        raise IllegalState(
            "reservation", reservation.reservation_id, reservation.status(now), "fulfil"
        )
    return lines


def _refuse_unless_open(
    promise: Promised, lines: tuple[LineQuantity, ...], at: Instant, now: Instant
) -> None:
    assert promise.reservation is not None
    for line in lines:
        still_open = promise.consumable(line, at, now)
        if line.quantity > still_open:
            raise IllegalState(
                "reservation",
                promise.reservation_id,
                promise.reservation.status(now),
                "fulfil",
                requested=line.quantity,
                open=still_open,
            )
