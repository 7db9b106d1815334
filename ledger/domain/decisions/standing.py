"""A reservation as it stands: found, told to its caller, or refused for its state."""

from collections.abc import Iterable

from ledger.domain.decisions.world import World
from ledger.domain.events import LineQuantity
from ledger.domain.outcomes import ConflictNote, ReservationState
from ledger.domain.refusals import IllegalState, InsufficientStock, NotFound, Shortfall
from ledger.domain.reservation import TERMINAL, Line, Reservation
from ledger.domain.values import Instant, StockId, stock_id_of


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


def after(world: World, reservation_id: str, now: Instant) -> ReservationState:
    """The state once the world has taken every effect in."""
    return state_of(find(world, reservation_id), now, world.head)


def open_reservation(world: World, reservation_id: str, now: Instant, asked: str) -> Reservation:
    """The reservation, or a refusal where there is none or it has ended."""
    reservation = find(world, reservation_id)
    status = reservation.status(now)
    if status in TERMINAL:
        raise IllegalState("reservation", reservation_id, status, asked)
    return reservation


def open_lines(reservation: Reservation) -> list[Line]:
    """Its lines that hold units, as recorded."""
    return [line for line in reservation.lines if line.open]


def refuse_shortfalls(shortfalls: Iterable[Shortfall | None]) -> None:
    """Refuse where any stock falls short, naming every one that does."""
    if found := tuple(shortfall for shortfall in shortfalls if shortfall is not None):
        raise InsufficientStock(found)


def added_up(lines: Iterable[LineQuantity]) -> dict[StockId, int]:
    """Lines of one stock count together: a promise is checked as a whole."""
    wanted: dict[StockId, int] = {}
    for line in lines:
        stock_id = stock_id_of(line.location, line.sku)
        wanted[stock_id] = wanted.get(stock_id, 0) + line.quantity
    return wanted
