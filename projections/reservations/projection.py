"""Events to reservations and their lines, given those a batch goes on with."""

from typing import Final, TypeAlias, get_args

from msgspec import Struct, field

from ledger.domain.events import (
    AnyReservationEvent,
    HoldsExpired,
    LineQuantity,
    ReservationAmended,
    ReservationConfirmed,
    ReservationEvent,
    ReservationExtended,
    ReservationFulfilled,
    ReservationPlaced,
    ReservationReleased,
    ReservationRelocated,
)
from ledger.recorded import Recorded
from projections.batch import Batch


class Line(Struct, gc=False):
    """Units of one stock in a reservation, as recorded."""

    location: str
    sku: str
    requested: int
    granted: int
    open: int
    fulfilled: int = 0
    released: int = 0
    expired: int = 0


class Reservation(Struct):
    """A reservation as recorded: expiry takes effect in the answers, not here."""

    reservation_id: str
    channel: str | None
    kind: str
    confirmed: bool
    policy: str
    expires_at: int | None
    ended_by: str
    version: int
    placed_at: int
    placed_position: int
    position: int
    lines: list[Line] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Units still promised, as recorded."""
        return sum(line.open for line in self.lines)

    @property
    def fulfilled(self) -> int:
        """Units that left to the customer."""
        return sum(line.fulfilled for line in self.lines)

    @property
    def status(self) -> str:
        """Where it stands; a terminal status names what took the last open unit."""
        if not self.open:
            return self.ended_by
        if self.fulfilled:
            return "partially_fulfilled"
        return "confirmed" if self.confirmed else "placed"


Reservations: TypeAlias = dict[str, Reservation]

_CONCERNED: Final = frozenset[type]({*get_args(AnyReservationEvent), HoldsExpired})


def concerned(batch: Batch) -> list[Recorded]:
    """The events of a batch that change a reservation."""
    return batch.of(_CONCERNED)


def needed(events: list[Recorded]) -> set[str]:
    """Reservations that the events go on with: all but those they place."""
    wanted: set[str] = set()
    placed: set[str] = set()
    for recorded in events:
        event = recorded.event
        if isinstance(event, ReservationPlaced):
            placed.add(event.reservation_id)
        elif isinstance(event, HoldsExpired):
            wanted.update(hold.reservation_id for hold in event.holds)
        elif isinstance(event, ReservationEvent):
            wanted.add(event.reservation_id)
    return wanted - placed


def fold(events: list[Recorded], known: Reservations) -> Reservations:
    """The reservations that the events changed, as they are afterwards."""
    changed: Reservations = {}
    for recorded in events:
        event = recorded.event
        match event:
            case ReservationPlaced():
                known[event.reservation_id] = changed[event.reservation_id] = _placed(
                    recorded, event
                )
            case HoldsExpired():
                for hold in event.holds:
                    reservation = known[hold.reservation_id]
                    line = _line(reservation, event.location, event.sku)
                    line.open -= hold.quantity
                    line.expired += hold.quantity
                    reservation.ended_by = "expired"
                    reservation.position = recorded.position
                    changed[hold.reservation_id] = reservation
            case ReservationEvent():
                reservation = known[event.reservation_id]
                reservation.version = recorded.version
                reservation.position = recorded.position
                _change(reservation, event)
                changed[event.reservation_id] = reservation
            case _:
                raise AssertionError(f"{type(event).__name__} does not concern reservations")
    return changed


def _placed(recorded: Recorded, event: ReservationPlaced) -> Reservation:
    return Reservation(
        reservation_id=event.reservation_id,
        channel=event.channel,
        kind=event.kind,
        confirmed=False,
        policy=event.policy,
        expires_at=event.expires_at,
        ended_by="released",
        version=recorded.version,
        placed_at=event.occurred_at,
        placed_position=recorded.position,
        position=recorded.position,
        lines=[
            Line(line.location, line.sku, line.requested, line.granted, line.granted)
            for line in event.lines
        ],
    )


def _change(reservation: Reservation, event: ReservationEvent) -> None:
    match event:
        case ReservationConfirmed():
            reservation.kind, reservation.expires_at = "hard", None
            reservation.confirmed = True
        case ReservationExtended():
            reservation.expires_at = event.expires_at
        case ReservationAmended():
            for change in event.lines:
                _grow(_line(reservation, change.location, change.sku), change.quantity)
        case ReservationRelocated():
            for move in event.moves:
                _grow(_line(reservation, move.from_location, move.sku), -move.quantity)
                _grow(_line(reservation, move.to_location, move.sku), move.quantity)
        case ReservationFulfilled():
            _leave(reservation, event.lines, "fulfilled")
        case ReservationReleased():
            _leave(reservation, event.lines, "released")
        case _:
            raise AssertionError(f"{type(event).__name__} is not known to this projection")


def _grow(line: Line, quantity: int) -> None:
    line.requested += quantity
    line.granted += quantity
    line.open += quantity


def _leave(reservation: Reservation, lines: tuple[LineQuantity, ...], how: str) -> None:
    reservation.ended_by = how
    for change in lines:
        line = _line(reservation, change.location, change.sku)
        line.open -= change.quantity
        if how == "fulfilled":
            line.fulfilled += change.quantity
        else:
            line.released += change.quantity


def _line(reservation: Reservation, location: str, sku: str) -> Line:
    for line in reservation.lines:
        if line.sku == sku and line.location == location:
            return line
    line = Line(location, sku, 0, 0, 0)
    reservation.lines.append(line)
    return line
