"""The shape of a promise in an answer: expiry has taken effect at its instant."""

from typing import Self

from msgspec import Struct

from ledger.domain.values import Instant
from projections.reservations.projection import Line, Reservation


class LineAnswer(Struct, frozen=True, kw_only=True):
    """What became of the units of one line."""

    sku: str
    location: str
    requested: int
    granted: int
    rejected: int
    open: int
    fulfilled: int
    released: int
    expired: int

    @classmethod
    def of(cls, line: Line, *, gone: bool) -> Self:
        """From a line as recorded; `gone`: what is open has run out."""
        return cls(
            sku=line.sku,
            location=line.location,
            requested=line.requested,
            granted=line.granted,
            rejected=line.requested - line.granted,
            open=0 if gone else line.open,
            fulfilled=line.fulfilled,
            released=line.released,
            expired=line.expired + (line.open if gone else 0),
        )


class ReservationAnswer(Struct, frozen=True, kw_only=True):
    """One promise at an instant."""

    reservation_id: str
    channel: str | None
    kind: str
    policy: str
    status: str
    expires_at: Instant | None
    placed_at: Instant
    version: int
    lines: list[LineAnswer]

    @classmethod
    def of(cls, reservation: Reservation, now: Instant) -> Self:
        """From a reservation as recorded."""
        gone = reservation.expires_at is not None and reservation.expires_at <= now
        return cls(
            reservation_id=reservation.reservation_id,
            channel=reservation.channel,
            kind=reservation.kind,
            policy=reservation.policy,
            status="expired" if gone and reservation.open else reservation.status,
            expires_at=reservation.expires_at,
            placed_at=reservation.placed_at,
            version=reservation.version,
            lines=[LineAnswer.of(line, gone=gone) for line in reservation.lines],
        )
