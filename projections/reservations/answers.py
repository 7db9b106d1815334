"""The shape of a promise in an answer: expiry has taken effect at its instant."""

from typing import Any, Self

from msgspec import Struct

from ledger.domain.values import Instant


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
    def of(cls, row: tuple[Any, ...], *, gone: bool) -> Self:
        """From a stored line; `gone`: what is open has run out."""
        location, sku, requested, granted, left, fulfilled, released, expired = row
        return cls(
            sku=sku,
            location=location,
            requested=requested,
            granted=granted,
            rejected=requested - granted,
            open=0 if gone else left,
            fulfilled=fulfilled,
            released=released,
            expired=expired + (left if gone else 0),
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


class ReservationFound(Struct, frozen=True, kw_only=True):
    """The promise asked for, if there is one, and where this was read."""

    reservation: ReservationAnswer | None
    position: int


class ReservationsPage(Struct, frozen=True, kw_only=True):
    """A page of promises, newest first."""

    items: list[ReservationAnswer]
    position: int
    next_cursor: str | None
