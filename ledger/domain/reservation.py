"""A promise: its lines, what became of each unit, and its status at an instant."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import (
    AnyReservationEvent,
    LineQuantity,
    Relocation,
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationFulfilled,
    ReservationPlaced,
    ReservationReleased,
    ReservationRelocated,
)
from ledger.domain.outcomes import LineState
from ledger.domain.values import HoldKind, Instant, StockId

Status: TypeAlias = Literal[
    "placed", "confirmed", "partially_fulfilled", "fulfilled", "released", "expired"
]
TERMINAL: frozenset[Status] = frozenset({"fulfilled", "released", "expired"})


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one stock. `open` is as recorded: expiry is a matter of when one asks."""

    sku: str
    location: str
    requested: int
    granted: int
    open: int
    fulfilled: int = 0
    released: int = 0
    steps: tuple[tuple[Instant, int], ...] = ()  # Every change of `open`, at its business time.

    @property
    def stock_id(self) -> StockId:
        """Which stock holds these units."""
        return StockId(self.location, self.sku)

    def open_at(self, moment: Instant) -> int:
        """How many units open at a moment have been open ever since, as recorded.

        A unit given up later is not open still, however many were added after it.
        """
        level = sum(delta for at, delta in self.steps if at <= moment)
        later = sorted(step for step in self.steps if step[0] > moment)
        lowest = level
        for _, steps in groupby(later, itemgetter(0)):
            level += sum(delta for _, delta in steps)
            lowest = min(lowest, level)
        return max(0, lowest)


class Reservation(Struct, frozen=True, kw_only=True, gc=False):
    """A reservation after its last event."""

    reservation_id: str
    version: int
    placed: ReservationPlaced  # As it was asked for, to recognise the same request again.
    kind: HoldKind
    expires_at: Instant | None
    lines: tuple[Line, ...]
    confirmed: bool = False
    ended_by: Literal["fulfilled", "released"] = "released"

    def expired_at(self, now: Instant) -> bool:
        """Whether what was open has run out by now, written down or not."""
        return self.expires_at is not None and self.expires_at <= now

    def open_of(self, line: Line, now: Instant) -> int:
        """Units of a line still open at an instant."""
        return 0 if self.expired_at(now) else line.open

    def line(self, stock_id: StockId) -> Line | None:
        """The line of one stock, if there is one."""
        for line in self.lines:
            if line.sku == stock_id.sku and line.location == stock_id.location:
                return line
        return None

    def status(self, now: Instant) -> Status:
        """Where it stands at an instant. A terminal status names what took the last open unit."""
        still_open = used = 0
        for line in self.lines:
            still_open += line.open
            used += line.fulfilled
        if not still_open:
            return self.ended_by
        if self.expired_at(now):
            return "expired"
        if used:
            return "partially_fulfilled"
        return "confirmed" if self.confirmed else "placed"

    def line_states(self, now: Instant) -> tuple[LineState, ...]:
        """The lines as an answer shows them at an instant."""
        gone = self.expired_at(now)
        return tuple(
            [
                LineState(
                    sku=line.sku,
                    location=line.location,
                    requested=line.requested,
                    granted=line.granted,
                    rejected=line.requested - line.granted,
                    open=0 if gone else line.open,
                    fulfilled=line.fulfilled,
                    released=line.released,
                    expired=line.open if gone else 0,
                )
                for line in self.lines
            ]
        )


def evolve(reservation: Reservation | None, event: AnyReservationEvent) -> Reservation:
    """The reservation after one more event of its stream."""
    if isinstance(event, ReservationPlaced):
        assert reservation is None, "a reservation is placed once"
        return _placed(event)
    assert reservation is not None, "a reservation's first event places it"
    version = reservation.version + 1
    at = event.occurred_at
    match event:
        case ReservationConfirmed():
            return msgspec.structs.replace(
                reservation, version=version, kind="hard", expires_at=None, confirmed=True
            )
        case ReservationExtended():
            return msgspec.structs.replace(
                reservation, version=version, expires_at=event.expires_at
            )
        case ReservationAmended():
            lines = _amended(reservation.lines, event.lines, at)
            return msgspec.structs.replace(reservation, version=version, lines=lines)
        case ReservationRelocated():
            lines = _amended(reservation.lines, _shifts(event.moves), at)
            return msgspec.structs.replace(reservation, version=version, lines=lines)
        case ReservationFulfilled():
            lines = _left(reservation.lines, event.lines, at, fulfilled=True)
            return msgspec.structs.replace(
                reservation, version=version, lines=lines, ended_by="fulfilled"
            )
        case ReservationReleased():
            lines = _left(reservation.lines, event.lines, at, fulfilled=False)
            return msgspec.structs.replace(
                reservation, version=version, lines=lines, ended_by="released"
            )


def _placed(event: ReservationPlaced) -> Reservation:
    return Reservation(
        reservation_id=event.reservation_id,
        version=1,
        placed=event,
        kind=event.kind,
        expires_at=event.expires_at,
        lines=tuple(
            [
                Line(
                    sku=line.sku,
                    location=line.location,
                    requested=line.requested,
                    granted=line.granted,
                    open=line.granted,
                    steps=((event.occurred_at, line.granted),),
                )
                for line in event.lines
            ]
        ),
    )


def _amended(
    lines: Iterable[Line], changes: Iterable[LineQuantity], at: Instant
) -> tuple[Line, ...]:
    amended = {line.stock_id: line for line in lines}
    for change in changes:
        stock_id = StockId(change.location, change.sku)
        line = amended.get(stock_id) or Line(
            sku=change.sku, location=change.location, requested=0, granted=0, open=0
        )
        amended[stock_id] = msgspec.structs.replace(
            line,
            requested=line.requested + change.quantity,
            granted=line.granted + change.quantity,
            open=line.open + change.quantity,
            steps=(*line.steps, (at, change.quantity)),
        )
    return tuple(amended.values())


def _shifts(moves: Iterable[Relocation]) -> Iterator[LineQuantity]:
    """What each end of a move has fewer or more of."""
    for move in moves:
        yield LineQuantity(sku=move.sku, location=move.from_location, quantity=-move.quantity)
        yield LineQuantity(sku=move.sku, location=move.to_location, quantity=move.quantity)


def _left(
    lines: Iterable[Line],
    changes: Iterable[LineQuantity],
    at: Instant,
    *,
    fulfilled: bool,
) -> tuple[Line, ...]:
    quantities = {StockId(change.location, change.sku): change.quantity for change in changes}
    return tuple(
        msgspec.structs.replace(
            line,
            open=line.open - quantity,
            fulfilled=line.fulfilled + (quantity if fulfilled else 0),
            released=line.released + (0 if fulfilled else quantity),
            steps=(*line.steps, (at, -quantity)),
        )
        if (quantity := quantities.get(line.stock_id, 0))
        else line
        for line in lines
    )
