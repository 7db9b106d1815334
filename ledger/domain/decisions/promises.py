"""Requests for promises: refused where stock falls short, atomic over all their stocks.

The order of the checks in each function is part of the contract: form, the document's state,
what is broken, then stock.
"""

from collections.abc import Iterable

from ledger.domain.commands import (
    AmendReservation,
    ConfirmReservation,
    ExtendReservation,
    PlaceReservation,
    ReleaseReservation,
)
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.world import (
    Cause,
    ConflictIds,
    Deciding,
    Decision,
    Effect,
    World,
)
from ledger.domain.events import (
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldReleased,
    LineQuantity,
    PlacedLine,
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationPlaced,
    ReservationReleased,
    StockReserved,
)
from ledger.domain.outcomes import ConflictNote, ReservationState
from ledger.domain.refusals import (
    IdTaken,
    IllegalState,
    InsufficientStock,
    Malformed,
    NotFound,
    Shortfall,
)
from ledger.domain.reservation import TERMINAL, Line, Reservation
from ledger.domain.stock import Stock
from ledger.domain.values import Instant, StockId


def place(command: PlaceReservation, world: World, now: Instant) -> Decision:
    """Hold units for an order. The same request again under the same id decides nothing."""
    wanted = _added_up(command.lines)
    known = world.reservation(command.reservation_id)
    if known is not None:
        if not _same(known.placed, command, wanted):
            raise IdTaken("reservation", command.reservation_id)
        return state_of(known, now, world.head)
    _check_expiry(command, now)
    granted = _grant(command, wanted, world, now)
    cause = Cause(now, "reservation_placed")
    ids = ConflictIds(now)
    for stock_id, quantity in granted.items():
        if quantity:
            stock = world.stock(stock_id)
            reserved = StockReserved(
                occurred_at=now,
                effective_at=max(now, stock.effective_at),
                sku=stock_id.sku,
                location=stock_id.location,
                reservation_id=command.reservation_id,
                quantity=quantity,
                kind=command.kind,
                expires_at=command.expires_at,
            )
            if stock.conflicts:
                yield from settle(stock, reserved, cause, ids)
            else:
                yield Effect(reserved, cause)  # What was available can be held.
    yield Effect(_placed(command, wanted, granted, now), cause, fresh=True)
    return _after(world, command.reservation_id, now)


def confirm(command: ConfirmReservation, world: World, now: Instant) -> Decision:
    """Make a promise hard. Refused once it has ended, or while its stock is gone."""
    reservation = _open(world, command.reservation_id, now, "confirm")
    if reservation.kind == "hard":
        return state_of(reservation, now, world.head)
    _refuse_broken(reservation, world, now)
    cause = Cause(now, "reservation_confirmed")
    ids = ConflictIds(now)
    for line in _open_lines(reservation):
        stock = world.stock(line.stock_id)
        yield from settle(
            stock,
            HoldConfirmed(
                occurred_at=now,
                effective_at=max(now, stock.effective_at),
                sku=line.sku,
                location=line.location,
                reservation_id=reservation.reservation_id,
            ),
            cause,
            ids,
        )
    confirmed = ReservationConfirmed(occurred_at=now, reservation_id=reservation.reservation_id)
    yield Effect(confirmed, cause)
    return _after(world, reservation.reservation_id, now)


def extend(command: ExtendReservation, world: World, now: Instant) -> Decision:
    """Move the instant a soft promise runs out. Refused for hard and for ended ones."""
    reservation = _open(world, command.reservation_id, now, "extend")
    if reservation.kind == "hard":
        raise IllegalState("reservation", command.reservation_id, "confirmed", "extend")
    if command.expires_at <= now:
        raise Malformed("$.expires_at", "must lie in the future")
    if command.expires_at == reservation.expires_at:
        return state_of(reservation, now, world.head)
    _refuse_broken(reservation, world, now)
    cause = Cause(now, "reservation_extended")
    ids = ConflictIds(now)
    for line in _open_lines(reservation):
        stock = world.stock(line.stock_id)
        yield from settle(
            stock,
            HoldExtended(
                occurred_at=now,
                effective_at=max(now, stock.effective_at),
                sku=line.sku,
                location=line.location,
                reservation_id=reservation.reservation_id,
                expires_at=command.expires_at,
            ),
            cause,
            ids,
        )
    yield Effect(
        ReservationExtended(
            occurred_at=now,
            reservation_id=reservation.reservation_id,
            expires_at=command.expires_at,
        ),
        cause,
    )
    return _after(world, reservation.reservation_id, now)


def amend(command: AmendReservation, world: World, now: Instant) -> Decision:
    """Set promised totals. More is a request like any other; less gives units back.

    A total is counted from what was granted, not from what was asked for: of ten asked and six
    granted, an amendment to seven asks for one more, and the four rejected stay rejected.
    """
    reservation = _open(world, command.reservation_id, now, "amend")
    deltas = _amendments(command, reservation)
    if not deltas:
        return state_of(reservation, now, world.head)
    _refuse_shortfalls(
        [_shortfall(world, stock_id, delta, now) for stock_id, delta in deltas.items() if delta > 0]
    )
    cause = Cause(now, "reservation_amended")
    ids = ConflictIds(now)
    for stock_id, delta in deltas.items():
        yield from _amend_hold(reservation, world.stock(stock_id), delta, cause, ids)
    lines = tuple(
        LineQuantity(sku=stock_id.sku, location=stock_id.location, quantity=delta)
        for stock_id, delta in deltas.items()
    )
    yield Effect(
        ReservationAmended(occurred_at=now, reservation_id=reservation.reservation_id, lines=lines),
        cause,
    )
    return _after(world, reservation.reservation_id, now)


def release(command: ReleaseReservation, world: World, now: Instant) -> Decision:
    """Give units up. What has been given up before stays given up and decides nothing."""
    reservation = find(world, command.reservation_id)
    status = reservation.status(now)
    if status == "released":
        return state_of(reservation, now, world.head)
    if status in TERMINAL:
        raise IllegalState("reservation", command.reservation_id, status, "release")
    lines = _to_release(command, reservation, status)
    cause = Cause(now, command.reason or "reservation_released")
    ids = ConflictIds(now)
    for line in lines:
        stock = world.stock(StockId(line.location, line.sku))
        stock.advance(now)
        yield from settle(
            stock,
            HoldReleased(
                occurred_at=now,
                effective_at=max(now, stock.effective_at),
                sku=line.sku,
                location=line.location,
                reservation_id=reservation.reservation_id,
                quantity=line.quantity,
            ),
            cause,
            ids,
        )
    yield Effect(
        ReservationReleased(
            occurred_at=now, reservation_id=reservation.reservation_id, lines=lines
        ),
        cause,
    )
    return _after(world, reservation.reservation_id, now)


# --- shared with fulfilment ---------------------------------------------------------------------


def find(world: World, reservation_id: str) -> Reservation:
    """The reservation, or a refusal that says there is none."""
    reservation = world.reservation(reservation_id)
    if reservation is None:
        raise NotFound("reservation", reservation_id)
    return reservation


def state_of(
    reservation: Reservation,
    now: Instant,
    position: int,
    notes: tuple[ConflictNote, ...] = (),
) -> ReservationState:
    """A reservation as its callers see it at an instant."""
    return ReservationState(
        reservation_id=reservation.reservation_id,
        status=reservation.status(now),
        channel=reservation.placed.channel,
        kind=reservation.kind,
        expires_at=reservation.expires_at,
        lines=reservation.line_states(now),
        position=position,
        conflicts=notes,
    )


def _after(world: World, reservation_id: str, now: Instant) -> ReservationState:
    """The state once the world has taken every effect in."""
    return state_of(find(world, reservation_id), now, world.head)


# --- placing ------------------------------------------------------------------------------------


def _added_up(lines: Iterable[LineQuantity]) -> dict[StockId, int]:
    """Lines of one stock count together: a promise is checked as a whole."""
    wanted: dict[StockId, int] = {}
    for line in lines:
        stock_id = StockId(line.location, line.sku)
        wanted[stock_id] = wanted.get(stock_id, 0) + line.quantity
    return wanted


def _same(placed: ReservationPlaced, command: PlaceReservation, wanted: dict[StockId, int]) -> bool:
    asked = {StockId(line.location, line.sku): line.requested for line in placed.lines}
    return (placed.channel, placed.kind, placed.expires_at, placed.policy, asked) == (
        command.channel,
        command.kind,
        command.expires_at,
        command.policy,
        wanted,
    )


def _check_expiry(command: PlaceReservation, now: Instant) -> None:
    if command.kind == "soft":
        if command.expires_at is None:
            raise Malformed("$.expires_at", "a soft reservation needs one")
        if command.expires_at <= now:
            raise Malformed("$.expires_at", "must lie in the future")
    elif command.expires_at is not None:
        raise Malformed("$.expires_at", "a hard reservation has none")


def _grant(
    command: PlaceReservation, wanted: dict[StockId, int], world: World, now: Instant
) -> dict[StockId, int]:
    """How much of each line can be promised; all or nothing unless the policy is partial."""
    shortfalls: list[Shortfall] = []
    granted: dict[StockId, int] = {}
    for stock_id, quantity in wanted.items():
        stock = world.stock(stock_id)
        stock.advance(now)
        available = stock.available
        granted[stock_id] = max(0, min(quantity, available))
        if quantity > available:
            shortfalls.append(Shortfall(stock_id.sku, stock_id.location, quantity, available))
    if shortfalls and (command.policy == "all" or not any(granted.values())):
        raise InsufficientStock(tuple(shortfalls))
    return granted


def _placed(
    command: PlaceReservation,
    wanted: dict[StockId, int],
    granted: dict[StockId, int],
    now: Instant,
) -> ReservationPlaced:
    return ReservationPlaced(
        occurred_at=now,
        reservation_id=command.reservation_id,
        channel=command.channel,
        kind=command.kind,
        expires_at=command.expires_at,
        policy=command.policy,
        lines=tuple(
            [
                PlacedLine(
                    sku=stock_id.sku,
                    location=stock_id.location,
                    requested=quantity,
                    granted=granted[stock_id],
                )
                for stock_id, quantity in wanted.items()
            ]
        ),
    )


# --- changing -----------------------------------------------------------------------------------


def _open(world: World, reservation_id: str, now: Instant, asked: str) -> Reservation:
    reservation = find(world, reservation_id)
    status = reservation.status(now)
    if status in TERMINAL:
        raise IllegalState("reservation", reservation_id, status, asked)
    return reservation


def _open_lines(reservation: Reservation) -> list[Line]:
    return [line for line in reservation.lines if line.open]


def _refuse_broken(reservation: Reservation, world: World, now: Instant) -> None:
    """A promise whose units are gone cannot be strengthened."""
    shortfalls = []
    for line in _open_lines(reservation):
        stock = world.stock(line.stock_id)
        stock.advance(now)
        if short := stock.short_now(reservation.reservation_id):
            shortfalls.append(Shortfall(line.sku, line.location, line.open, line.open - short))
    _refuse_shortfalls(shortfalls)


def _refuse_shortfalls(shortfalls: Iterable[Shortfall | None]) -> None:
    if found := tuple(shortfall for shortfall in shortfalls if shortfall is not None):
        raise InsufficientStock(found)


def _shortfall(world: World, stock_id: StockId, delta: int, now: Instant) -> Shortfall | None:
    stock = world.stock(stock_id)
    stock.advance(now)
    if delta <= stock.available:
        return None
    return Shortfall(stock_id.sku, stock_id.location, delta, stock.available)


def _amendments(command: AmendReservation, reservation: Reservation) -> dict[StockId, int]:
    """The signed change each named stock's promise needs to reach its new total."""
    deltas: dict[StockId, int] = {}
    for stock_id, total in _added_up(command.lines).items():
        line = reservation.line(stock_id)
        granted, still_open = (0, 0) if line is None else (line.granted, line.open)
        if granted - total > still_open:
            raise IllegalState(
                "reservation",
                command.reservation_id,
                "partly used",
                "amend",
                requested=total,
                used=granted - still_open,
            )
        if total != granted:
            deltas[stock_id] = total - granted
    return deltas


def _amend_hold(
    reservation: Reservation, stock: Stock, delta: int, cause: Cause, ids: ConflictIds
) -> Deciding[None]:
    """Change a hold, or place one where the reservation has none in this stock."""
    location, sku = stock.stock_id
    effective_at = max(cause.instant, stock.effective_at)
    stock.advance(cause.instant)
    if reservation.reservation_id in stock.holds:
        event: HoldAmended | StockReserved = HoldAmended(
            occurred_at=cause.instant,
            effective_at=effective_at,
            sku=sku,
            location=location,
            reservation_id=reservation.reservation_id,
            delta=delta,
        )
    else:
        event = StockReserved(
            occurred_at=cause.instant,
            effective_at=effective_at,
            sku=sku,
            location=location,
            reservation_id=reservation.reservation_id,
            quantity=delta,
            kind=reservation.kind,
            expires_at=reservation.expires_at,
        )
    yield from settle(stock, event, cause, ids)


def _to_release(
    command: ReleaseReservation, reservation: Reservation, status: str
) -> tuple[LineQuantity, ...]:
    """The units to give up, never more than are open."""
    if command.lines is None:
        return tuple(
            LineQuantity(sku=line.sku, location=line.location, quantity=line.open)
            for line in _open_lines(reservation)
        )
    lines = []
    for stock_id, quantity in _added_up(command.lines).items():
        line = reservation.line(stock_id)
        still_open = 0 if line is None else line.open
        if quantity > still_open:
            raise IllegalState(
                "reservation",
                command.reservation_id,
                status,
                "release",
                requested=quantity,
                open=still_open,
            )
        lines.append(LineQuantity(sku=stock_id.sku, location=stock_id.location, quantity=quantity))
    return tuple(lines)
