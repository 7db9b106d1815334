"""Events of `reservation/<id>`: one promise over one or many stocks."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event, LineQuantity, Relocation
from ledger.domain.values import Code, HoldKind, Id, Instant, Policy, Sourcing, reservation_stream


class ReservationEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one reservation. Its stocks' streams carry the matching change of the hold."""

    reservation_id: Id

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return reservation_stream(self.reservation_id)


class PlacedLine(Struct, frozen=True, kw_only=True, gc=False):
    """What was asked of one stock and what was granted; the difference was rejected."""

    sku: Code
    location: Code
    requested: int
    granted: int


class SourcedLine(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one SKU wanted from any of some locations, and how to choose among these."""

    sku: Code
    locations: tuple[Code, ...]
    quantity: int
    sourcing: Sourcing = "in_order"
    split: bool = False


class SourcedUnits(Struct, frozen=True, kw_only=True, gc=False):
    """A line with candidate locations as it was asked, and what was taken where."""

    asked: SourcedLine
    picked: tuple[PlacedLine, ...]


class ReservationPlaced(ReservationEvent, frozen=True, tag="reservation.placed.v1"):
    """A promise was made."""

    channel: Code | None
    kind: HoldKind
    expires_at: Instant | None
    policy: Policy
    lines: tuple[PlacedLine, ...]  # All of them; what candidates came to is in here, too.
    sourced: tuple[SourcedUnits, ...] = ()


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


class ReservationRelocated(ReservationEvent, frozen=True, tag="reservation.relocated.v1"):
    """Promised units are held elsewhere: what was asked and granted of them went along."""

    moves: tuple[Relocation, ...]


AnyReservationEvent: TypeAlias = (
    ReservationPlaced
    | ReservationConfirmed
    | ReservationExtended
    | ReservationAmended
    | ReservationFulfilled
    | ReservationReleased
    | ReservationRelocated
)
