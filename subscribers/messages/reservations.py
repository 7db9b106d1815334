"""Messages about promises."""

from msgspec import Struct

from subscribers.messages.base import LineQuantity, Message, Timestamp


class ReservationMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one reservation."""

    reservation_id: str


class PlacedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked of one stock and what was granted."""

    sku: str
    location: str
    requested: int
    granted: int


class SourcedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one SKU wanted from any of some locations."""

    sku: str
    locations: tuple[str, ...]
    quantity: int
    sourcing: str = "in_order"
    split: bool = False


class SourcedUnits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line with candidate locations as it was asked, and what was taken where."""

    asked: SourcedLine
    picked: tuple[PlacedLine, ...]


class Relocation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Promised units that are held at another location from now on."""

    sku: str
    from_location: str
    to_location: str
    quantity: int


class ReservationPlaced(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A promise was made."""

    TYPE = "inventory.reservation.placed.v1"
    channel: str | None
    kind: str
    expires_at: Timestamp | None
    policy: str
    lines: tuple[PlacedLine, ...]
    sourced: tuple[SourcedUnits, ...] = ()


class ReservationConfirmed(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The promise no longer runs out."""

    TYPE = "inventory.reservation.confirmed.v1"


class ReservationExtended(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The promise runs out at another time."""

    TYPE = "inventory.reservation.extended.v1"
    expires_at: Timestamp


class ReservationAmended(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The promised quantities changed, by signed amounts."""

    TYPE = "inventory.reservation.amended.v1"
    lines: tuple[LineQuantity, ...]


class ReservationFulfilled(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Promised units left."""

    TYPE = "inventory.reservation.fulfilled.v1"
    lines: tuple[LineQuantity, ...]


class ReservationReleased(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Promised units were given up."""

    TYPE = "inventory.reservation.released.v1"
    lines: tuple[LineQuantity, ...]


class ReservationRelocated(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Promised units are held at other locations."""

    TYPE = "inventory.reservation.relocated.v1"
    moves: tuple[Relocation, ...]
