"""Changes of promises: refused where stock falls short, atomic over all their stocks.

The order of the checks in each function is part of the contract: form, the document's state,
what is broken, then stock.
"""

from msgspec.structs import replace

from ledger.domain.commands import (
    AmendReservation,
    ConfirmReservation,
    ExtendReservation,
    ReleaseReservation,
)
from ledger.domain.decisions.binding import Bound, bound
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.sourcing import Free, candidates_of, pick, shortfalls_of
from ledger.domain.decisions.standing import (
    added_up,
    after,
    find,
    open_lines,
    open_reservation,
    refuse_shortfalls,
    state_of,
)
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
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationReleased,
    SourcedLine,
    StockReserved,
)
from ledger.domain.refusals import IllegalState, Malformed, Shortfall
from ledger.domain.reservation import TERMINAL, Reservation
from ledger.domain.stock import Stock
from ledger.domain.values import Instant, StockId


def confirm(command: ConfirmReservation, world: World, now: Instant) -> Decision:
    """Make a promise hard. Refused once it has ended, or while its stock is gone.

    One that is hard already is confirmed in its document only: its holds stay what they are.
    """
    reservation = open_reservation(world, command.reservation_id, now, "confirm")
    _refuse_broken(reservation, world, now)
    if reservation.confirmed:
        return state_of(reservation, now, world.head)
    cause = Cause(now, "reservation_confirmed")
    ids = ConflictIds(now)
    for line in open_lines(reservation) if reservation.kind == "soft" else ():
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
    return after(world, reservation.reservation_id, now)


def extend(command: ExtendReservation, world: World, now: Instant) -> Decision:
    """Move the instant a soft promise runs out. Refused for hard and for ended ones."""
    reservation = open_reservation(world, command.reservation_id, now, "extend")
    if reservation.kind == "hard":
        status = reservation.status(now)
        raise IllegalState("reservation", command.reservation_id, status, "extend", kind="hard")
    if command.expires_at <= now:
        raise Malformed("$.expires_at", "must lie in the future")
    if command.expires_at == reservation.expires_at:
        return state_of(reservation, now, world.head)
    _refuse_broken(reservation, world, now)
    cause = Cause(now, "reservation_extended")
    ids = ConflictIds(now)
    for line in open_lines(reservation):
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
    return after(world, reservation.reservation_id, now)


def amend(command: AmendReservation, world: World, now: Instant) -> Decision:
    """Set promised totals. More is a request like any other; less gives units back.

    A total is counted from what was granted, not from what was asked for: of ten asked and six
    granted, an amendment to seven asks for one more, and the four rejected stay rejected.
    """
    reservation = open_reservation(world, command.reservation_id, now, "amend")
    deltas = _amendments(command, reservation)
    channel = reservation.placed.channel
    binds = bound(channel, world)
    if command.sourced:
        _amend_sourced(command, reservation, deltas, Free(world, channel, now, binds))
    if not deltas:
        return state_of(reservation, now, world.head)
    refuse_shortfalls(
        shortfall(reservation, world.stock(stock_id), delta, now, binds)
        for stock_id, delta in deltas.items()
        if delta > 0
    )
    cause = Cause(now, "reservation_amended")
    ids = ConflictIds(now)
    for stock_id, delta in deltas.items():
        yield from amend_hold(reservation, world.stock(stock_id), delta, cause, ids)
    lines = tuple(
        LineQuantity(sku=stock_id.sku, location=stock_id.location, quantity=delta)
        for stock_id, delta in deltas.items()
    )
    yield Effect(
        ReservationAmended(occurred_at=now, reservation_id=reservation.reservation_id, lines=lines),
        cause,
    )
    return after(world, reservation.reservation_id, now)


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
    return after(world, reservation.reservation_id, now)


# --- changing -----------------------------------------------------------------------------------


def _refuse_broken(reservation: Reservation, world: World, now: Instant) -> None:
    """A promise whose units are gone cannot be strengthened."""
    shortfalls = []
    for line in open_lines(reservation):
        stock = world.stock(line.stock_id)
        stock.advance(now)
        if short := stock.short_now(reservation.reservation_id):
            shortfalls.append(Shortfall(line.sku, line.location, line.open, line.open - short))
    refuse_shortfalls(shortfalls)


def shortfall(
    reservation: Reservation, stock: Stock, quantity: int, now: Instant, binds: Bound | None
) -> Shortfall | None:
    """Why a stock cannot give a promise more units, if it cannot."""
    stock.advance(now)
    free = stock.free_for(reservation.placed.channel) if binds is None else binds.free(stock)
    if quantity <= free:
        return None
    return Shortfall(stock.stock_id.sku, stock.stock_id.location, quantity, free)


def _amendments(command: AmendReservation, reservation: Reservation) -> dict[StockId, int]:
    """The signed change each named stock's promise needs to reach its new total."""
    deltas: dict[StockId, int] = {}
    for stock_id, total in added_up(command.lines).items():
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


def _amend_sourced(
    command: AmendReservation, reservation: Reservation, deltas: dict[StockId, int], free: Free
) -> None:
    """Add what totals over several locations need: more is picked, less is taken from the last."""
    for stock_id, delta in deltas.items():
        free.take(stock_id, max(0, delta))
    shortfalls: list[Shortfall] = []
    for line in command.sourced:
        granted = sum(_granted(reservation, stock_id) for stock_id in candidates_of(line))
        granted += sum(deltas.get(stock_id, 0) for stock_id in candidates_of(line))
        if line.quantity >= granted:
            more = replace(line, quantity=line.quantity - granted)
            had = list(shortfalls_of(more, free))
            changes = pick(more, free) if more.quantity else {}
            if sum(changes.values()) < more.quantity:
                shortfalls += had
        else:
            changes = _given_back(line, reservation, granted, deltas)
        for stock_id, delta in changes.items():
            deltas[stock_id] = deltas.pop(stock_id, 0) + delta
            if not deltas[stock_id]:
                del deltas[stock_id]
    refuse_shortfalls(shortfalls)


def _given_back(
    line: SourcedLine, reservation: Reservation, granted: int, deltas: dict[StockId, int]
) -> dict[StockId, int]:
    """What each location gives back for a lower total: the last choice first."""
    missing = granted - line.quantity
    changes: dict[StockId, int] = {}
    for stock_id in reversed(candidates_of(line)):
        held = reservation.line(stock_id)
        still_open = 0 if held is None else held.open + min(0, deltas.get(stock_id, 0))
        if units := min(missing, still_open):
            changes[stock_id] = -units
            missing -= units
    if missing:
        raise IllegalState(
            "reservation",
            reservation.reservation_id,
            "partly used",
            "amend",
            requested=line.quantity,
            used=line.quantity + missing,
        )
    return changes


def _granted(reservation: Reservation, stock_id: StockId) -> int:
    line = reservation.line(stock_id)
    return 0 if line is None else line.granted


def amend_hold(
    reservation: Reservation, stock: Stock, delta: int, cause: Cause, ids: ConflictIds
) -> Deciding[None]:
    """Change a hold, or place one where the reservation has none in this stock."""
    location, sku = stock.stock_id
    effective_at = max(cause.instant, stock.effective_at)
    stock.advance(cause.instant)
    fence = None
    if stock.fences is not None:
        channel = reservation.placed.channel
        fence = stock.fences.taken(channel, delta, reservation.expires_at)
    if reservation.reservation_id in stock.holds:
        event: HoldAmended | StockReserved = HoldAmended(
            occurred_at=cause.instant,
            effective_at=effective_at,
            sku=sku,
            location=location,
            reservation_id=reservation.reservation_id,
            delta=delta,
            fence=fence,
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
            fence=fence,
        )
    yield from settle(stock, event, cause, ids)


def _to_release(
    command: ReleaseReservation, reservation: Reservation, status: str
) -> tuple[LineQuantity, ...]:
    """The units to give up, never more than are open."""
    if command.lines is None:
        return tuple(
            LineQuantity(sku=line.sku, location=line.location, quantity=line.open)
            for line in open_lines(reservation)
        )
    lines = []
    for stock_id, quantity in added_up(command.lines).items():
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
