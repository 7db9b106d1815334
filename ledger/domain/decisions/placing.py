"""Asking for a promise: how much of it there is, where, and what is then held."""

from collections import Counter

from ledger.domain.commands import PlaceReservation
from ledger.domain.decisions.binding import bound
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.sourcing import Free, pick, shortfalls_of
from ledger.domain.decisions.standing import added_up, after, state_of
from ledger.domain.decisions.world import Cause, ConflictIds, Decision, Effect, World
from ledger.domain.events import (
    PlacedLine,
    ReservationPlaced,
    SourcedLine,
    SourcedUnits,
    StockReserved,
)
from ledger.domain.refusals import IdTaken, InsufficientStock, Malformed, Shortfall
from ledger.domain.values import Instant, StockId, stock_id_of


def place(command: PlaceReservation, world: World, now: Instant) -> Decision:
    """Hold units for an order. The same request again under the same id decides nothing."""
    wanted = added_up(command.lines)
    known = world.reservation(command.reservation_id)
    if known is not None:
        if not _same(known.placed, command, wanted):
            raise IdTaken("reservation", command.reservation_id)
        return state_of(known, now, world.head)
    _check_expiry(command, now)
    if command.sourced:
        lines, sourced = _grant_sourced(command, wanted, world, now)
    else:
        lines, sourced = _grant(command, wanted, world, now), ()
    cause = Cause(now, "reservation_placed")
    ids = ConflictIds(now)
    for line in lines:
        if line.granted:
            stock = world.stock(stock_id_of(line.location, line.sku))
            fences = stock.fences
            reserved = StockReserved(
                occurred_at=now,
                effective_at=max(now, stock.effective_at),
                sku=line.sku,
                location=line.location,
                reservation_id=command.reservation_id,
                quantity=line.granted,
                kind=command.kind,
                expires_at=command.expires_at,
                fence=None
                if fences is None
                else fences.taken(command.channel, line.granted, command.expires_at),
            )
            if stock.conflicts:
                yield from settle(stock, reserved, cause, ids)
            else:
                yield Effect(reserved, cause)  # What was available can be held.
    placed = ReservationPlaced(
        occurred_at=now,
        reservation_id=command.reservation_id,
        channel=command.channel,
        kind=command.kind,
        expires_at=command.expires_at,
        policy=command.policy,
        lines=lines,
        sourced=sourced,
    )
    yield Effect(placed, cause, fresh=True)
    return after(world, command.reservation_id, now)


# --- the same request ---------------------------------------------------------------------------


def _same(placed: ReservationPlaced, command: PlaceReservation, wanted: dict[StockId, int]) -> bool:
    asked = {StockId(line.location, line.sku): line.requested for line in placed.lines}
    if placed.sourced or command.sourced:
        if not _same_sourced(placed, command):
            return False
        for line in (line for units in placed.sourced for line in units.picked):
            asked[StockId(line.location, line.sku)] -= line.requested
        asked = {stock_id: quantity for stock_id, quantity in asked.items() if quantity}
    return (placed.channel, placed.kind, placed.expires_at, placed.policy, asked) == (
        command.channel,
        command.kind,
        command.expires_at,
        command.policy,
        wanted,
    )


def _same_sourced(placed: ReservationPlaced, command: PlaceReservation) -> bool:
    """Whether the same lines left their locations open, in whatever order they are written."""
    return Counter(units.asked for units in placed.sourced) == Counter(command.sourced)


def _check_expiry(command: PlaceReservation, now: Instant) -> None:
    if command.kind == "soft":
        if command.expires_at is None:
            raise Malformed("$.expires_at", "a soft reservation needs one")
        if command.expires_at <= now:
            raise Malformed("$.expires_at", "must lie in the future")
    elif command.expires_at is not None:
        raise Malformed("$.expires_at", "a hard reservation has none")


# --- granting -----------------------------------------------------------------------------------


def _grant(
    command: PlaceReservation, wanted: dict[StockId, int], world: World, now: Instant
) -> tuple[PlacedLine, ...]:
    """How much of each line can be promised; all or nothing unless the policy is partial."""
    shortfalls: list[Shortfall] = []
    lines: list[PlacedLine] = []
    some = False
    binds = bound(command.channel, world)
    for stock_id, quantity in wanted.items():
        stock = world.stock(stock_id)
        stock.advance(now)
        available = stock.free_for(command.channel) if binds is None else binds.free(stock)
        granted = max(0, min(quantity, available))
        lines.append(_line(stock_id, quantity, granted))
        some = some or granted > 0
        if quantity > available:
            shortfalls.append(Shortfall(stock_id.sku, stock_id.location, quantity, available))
    if shortfalls and (command.policy == "all" or not some):
        raise InsufficientStock(tuple(shortfalls))
    return tuple(lines)


def _grant_sourced(
    command: PlaceReservation, wanted: dict[StockId, int], world: World, now: Instant
) -> tuple[tuple[PlacedLine, ...], tuple[SourcedUnits, ...]]:
    """The same where some lines leave their location open: these come after the others."""
    free = Free(world, command.channel, now, bound(command.channel, world))
    shortfalls: list[Shortfall] = []
    lines: dict[StockId, PlacedLine] = {}
    for stock_id, quantity in wanted.items():
        available = free.of(stock_id)
        granted = max(0, min(quantity, available))
        free.take(stock_id, granted)
        lines[stock_id] = _line(stock_id, quantity, granted)
        if quantity > available:
            shortfalls.append(Shortfall(stock_id.sku, stock_id.location, quantity, available))
    sourced: list[SourcedUnits] = []
    for asked in command.sourced:
        had = list(shortfalls_of(asked, free))
        picked = pick(asked, free)
        if sum(picked.values()) < asked.quantity:
            shortfalls += had
        sourced.append(SourcedUnits(asked=asked, picked=_picked(asked, picked)))
        for line in sourced[-1].picked:
            stock_id = StockId(line.location, line.sku)
            before = lines.get(stock_id) or _line(stock_id, 0, 0)
            requested, granted = before.requested + line.requested, before.granted + line.granted
            lines[stock_id] = _line(stock_id, requested, granted)
    if shortfalls and (command.policy == "all" or not any(x.granted for x in lines.values())):
        raise InsufficientStock(tuple(shortfalls))
    return tuple(lines.values()), tuple(sourced)


def _picked(asked: SourcedLine, picked: dict[StockId, int]) -> tuple[PlacedLine, ...]:
    """What each location gives; what none could give counts as asked of the first of them."""
    rejected = asked.quantity - sum(picked.values())
    if not picked:
        return (_line(StockId(asked.locations[0], asked.sku), rejected, 0),)
    first = next(iter(picked))
    return tuple(
        _line(stock_id, quantity + (rejected if stock_id == first else 0), quantity)
        for stock_id, quantity in picked.items()
    )


def _line(stock_id: StockId, requested: int, granted: int) -> PlacedLine:
    return PlacedLine(
        sku=stock_id.sku, location=stock_id.location, requested=requested, granted=granted
    )
