"""Holding promised units at other locations: what one stock frees another one holds."""

from collections.abc import Iterable

from ledger.domain.commands import RelocateReservation
from ledger.domain.decisions.binding import bound
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.promises import amend_hold, shortfall
from ledger.domain.decisions.standing import after, open_reservation, refuse_shortfalls, state_of
from ledger.domain.decisions.world import Cause, ConflictIds, Deciding, Decision, Effect, World
from ledger.domain.events import HoldRelocated, Relocation, ReservationRelocated
from ledger.domain.refusals import IllegalState, Malformed, Shortfall
from ledger.domain.reservation import Reservation
from ledger.domain.values import Instant, StockId


def relocate(command: RelocateReservation, world: World, now: Instant) -> Decision:
    """Move open units of a promise. Refused where they are broken, or the new place has none.

    Moves of one command are taken together: only what a place gains in the end must be free
    there, and only what it loses must be held. Broken units are re-sourced by resolving their
    conflict, which says that somebody has seen it.
    """
    for index, move in enumerate(command.moves):
        if move.from_location == move.to_location:
            raise Malformed(f"$.moves[{index}].to", "must differ from from")
    reservation = open_reservation(world, command.reservation_id, now, "relocate")
    moves = netted(command.moves)
    leaving = _units(moves, leaving=True)
    _refuse_unheld(reservation, leaving, now)
    refuse_shortfalls(
        _broken(reservation, world, stock_id, units, now) for stock_id, units in leaving.items()
    )
    binds = bound(reservation.placed.channel, world)
    refuse_shortfalls(
        shortfall(reservation, world.stock(stock_id), units, now, binds)
        for stock_id, units in _units(moves, leaving=False).items()
    )
    if not moves:
        return state_of(reservation, now, world.head)
    cause = Cause(now, "reservation_relocated")
    yield from moved(reservation, moves, world, cause, ConflictIds(now))
    return after(world, reservation.reservation_id, now)


def moved(
    reservation: Reservation,
    moves: tuple[Relocation, ...],
    world: World,
    cause: Cause,
    ids: ConflictIds,
) -> Deciding[None]:
    """Record moves that are possible: the places they leave first, then those they come to."""
    for move in moves:
        stock = world.stock(StockId(move.from_location, move.sku))
        relocated = HoldRelocated(
            occurred_at=cause.instant,
            effective_at=max(cause.instant, stock.effective_at),
            sku=move.sku,
            location=move.from_location,
            reservation_id=reservation.reservation_id,
            quantity=move.quantity,
            to_location=move.to_location,
        )
        yield from settle(stock, relocated, cause, ids)
    for stock_id, quantity in _units(moves, leaving=False).items():
        yield from amend_hold(reservation, world.stock(stock_id), quantity, cause, ids)
    yield Effect(
        ReservationRelocated(
            occurred_at=cause.instant, reservation_id=reservation.reservation_id, moves=moves
        ),
        cause,
    )


def netted(moves: Iterable[Relocation]) -> tuple[Relocation, ...]:
    """The fewest moves that come to the same: none passes through a place."""
    net: dict[StockId, int] = {}
    for move in moves:
        for location, units in ((move.from_location, -1), (move.to_location, 1)):
            stock_id = StockId(location, move.sku)
            net[stock_id] = net.get(stock_id, 0) + units * move.quantity
    gaining = {stock_id: units for stock_id, units in net.items() if units > 0}
    fewest: list[Relocation] = []
    for (location, sku), units in net.items():
        missing = -units
        for target in [stock_id for stock_id in gaining if stock_id.sku == sku]:
            quantity = min(missing, gaining[target])
            if quantity > 0:
                fewest.append(
                    Relocation(
                        sku=sku,
                        from_location=location,
                        to_location=target.location,
                        quantity=quantity,
                    )
                )
                gaining[target] -= quantity
                missing -= quantity
    return tuple(fewest)


def _units(moves: Iterable[Relocation], *, leaving: bool) -> dict[StockId, int]:
    """How many units leave, or come to, each stock."""
    found: dict[StockId, int] = {}
    for move in moves:
        stock_id = StockId(move.from_location if leaving else move.to_location, move.sku)
        found[stock_id] = found.get(stock_id, 0) + move.quantity
    return found


def _refuse_unheld(reservation: Reservation, leaving: dict[StockId, int], now: Instant) -> None:
    for stock_id, units in leaving.items():
        line = reservation.line(stock_id)
        still_open = 0 if line is None else line.open
        if units > still_open:
            raise IllegalState(
                "reservation",
                reservation.reservation_id,
                reservation.status(now),
                "relocate",
                requested=units,
                open=still_open,
            )


def _broken(
    reservation: Reservation, world: World, stock_id: StockId, units: int, now: Instant
) -> Shortfall | None:
    stock = world.stock(stock_id)
    stock.advance(now)
    short = stock.short_now(reservation.reservation_id)
    if short == 0:
        return None
    whole = stock.holds[reservation.reservation_id].quantity - short
    return Shortfall(stock_id.sku, stock_id.location, units, whole)
