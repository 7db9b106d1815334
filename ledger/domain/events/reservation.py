"""Events of `reservation/<id>`: one promise over one or many stocks."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event, LineQuantity
from ledger.domain.values import HoldKind, Instant, Policy, reservation_stream


class ReservationEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one reservation. Its stocks' streams carry the matching change of the hold."""

    reservation_id: str

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return reservation_stream(self.reservation_id)


class PlacedLine(Struct, frozen=True, kw_only=True, gc=False):
    """What was asked of one stock and what was granted; the difference was rejected."""

    sku: str
    location: str
    requested: int
    granted: int


class ReservationPlaced(ReservationEvent, frozen=True, tag="reservation.placed.v1"):
    """A promise was made."""

    channel: str | None
    kind: HoldKind
    expires_at: Instant | None
    policy: Policy
    lines: tuple[PlacedLine, ...]


class ReservationConfirmed(ReservationEvent, frozen=True, tag="reservation.confirmed.v1"):
    """The promise no longer runs out."""


class ReservationExtended(ReservationEvent, frozen=True, tag="reservation.extended.v1"):
    """The promise runs out at another instant."""

    expires_at: Instant


class ReservationAmended(ReservationEvent, frozen=True, tag="reservation.amended.v1"):
    """The promised quantities changed, by signed amounts."""

    lines: tuple[LineQuantity, ...]


class ReservationFulfilled(ReservationEvent, frozen=True, tag="reservation.fulfilled.v1"):
    """Promised units left; only what the promise still had open is counted here."""

    lines: tuple[LineQuantity, ...]


class ReservationReleased(ReservationEvent, frozen=True, tag="reservation.released.v1"):
    """Promised units were given up."""

    lines: tuple[LineQuantity, ...]


AnyReservationEvent: TypeAlias = (
    ReservationPlaced
    | ReservationConfirmed
    | ReservationExtended
    | ReservationAmended
    | ReservationFulfilled
    | ReservationReleased
)
