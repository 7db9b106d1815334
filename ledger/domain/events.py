"""Every event of the ledger: what happened, in the past tense, never changed.

A tag is permanent: what comes to mean something else gets a tag of its own, and the old one a
step to it (`ledger.store.upcasts`). Fields may be added with a default; none is ever renamed,
dropped or given another meaning.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from ledger.domain.values import (
    Bucket,
    HoldKind,
    Instant,
    Money,
    PhysicalBucket,
    Policy,
    StockId,
    reservation_stream,
    stock_stream,
    stream_id,
)


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something that happened. `occurred_at` is when it happened in the world."""

    occurred_at: Instant


# --- stock/<location>/<sku> -------------------------------------------------------------------


class ConflictChange(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What an event did to one conflict of its stock: the amount short from now on.

    `short` 0 clears it. `holder` is the reservation of a broken promise, or the bucket of a
    negative level. The conflict's own stream says the same at more length.
    """

    conflict_id: str
    kind: str
    holder: str
    short: int


class StockEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one SKU at one location.

    `effective_at` is the running maximum of `occurred_at` over the stock's stream, this event
    included: where it is greater than `occurred_at`, the event came late.
    """

    location: str
    sku: str
    effective_at: Instant
    lot: str | None = None
    conflicts: tuple[ConflictChange, ...] = ()

    @property
    def stock_id(self) -> StockId:
        """Which stock this is about."""
        return StockId(self.location, self.sku)

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stock_stream(self.location, self.sku)


class StockOpened(StockEvent, frozen=True, tag="stock.opened.v1"):
    """Units that were there before the ledger was."""

    quantity: int


class StockReceived(StockEvent, frozen=True, tag="stock.received.v1"):
    """A supplier's goods came in, for sale from this moment."""

    quantity: int
    unit_cost: Money | None = None  # None: nobody knew it at the dock.


class StockSold(StockEvent, frozen=True, tag="stock.sold.v1"):
    """Goods left to a customer without consuming a hold."""

    quantity: int
    channel: str | None = None
    order: str | None = None
    reservation_id: str | None = None  # Set: fulfilled beyond what its hold still had open.


class SaleVoided(StockEvent, frozen=True, tag="stock.sale_voided.v1"):
    """A sale, or a part of it, never took place: the units are back where they were."""

    quantity: int
    of: str  # The movement id of the sale.


class StockReturned(StockEvent, frozen=True, tag="stock.returned.v1"):
    """A customer handed goods back."""

    quantity: int
    to_bucket: PhysicalBucket = "returned"
    order: str | None = None


class StockAdjusted(StockEvent, frozen=True, tag="stock.adjusted.v1"):
    """People corrected the sellable level by a signed amount."""

    delta: int


class StockMoved(StockEvent, frozen=True, tag="stock.moved.v1"):
    """Units changed their condition: from one physical bucket to another."""

    quantity: int
    from_bucket: PhysicalBucket
    to_bucket: PhysicalBucket


class StockScrapped(StockEvent, frozen=True, tag="stock.scrapped.v1"):
    """Units were destroyed or given away."""

    quantity: int
    bucket: PhysicalBucket = "sellable"


class StockReserved(StockEvent, frozen=True, tag="stock.reserved.v1"):
    """Units are held for a reservation; they stay where they are."""

    reservation_id: str
    quantity: int
    kind: HoldKind
    expires_at: Instant | None = None  # Only soft holds run out.


class HoldConfirmed(StockEvent, frozen=True, tag="stock.hold_confirmed.v1"):
    """A soft hold became hard: it no longer runs out."""

    reservation_id: str


class HoldExtended(StockEvent, frozen=True, tag="stock.hold_extended.v1"):
    """A soft hold runs out at another instant."""

    reservation_id: str
    expires_at: Instant


class HoldAmended(StockEvent, frozen=True, tag="stock.hold_amended.v1"):
    """A hold has more or fewer units open."""

    reservation_id: str
    delta: int


class HoldReleased(StockEvent, frozen=True, tag="stock.hold_released.v1"):
    """Held units are free again."""

    reservation_id: str
    quantity: int


class HoldFulfilled(StockEvent, frozen=True, tag="stock.hold_fulfilled.v1"):
    """Held units left to the customer they were held for."""

    reservation_id: str
    quantity: int
    channel: str | None = None


class ExpiredHold(Struct, frozen=True, kw_only=True, gc=False):
    """One hold of a sweep: what was open when it ran out, and when that was."""

    reservation_id: str
    quantity: int
    expired_at: Instant


class HoldsExpired(StockEvent, frozen=True, tag="stock.holds_expired.v1"):
    """The sweeper wrote down soft holds that had run out, each at its own instant.

    `occurred_at` is the latest of those instants. The expiry itself took effect at each hold's
    instant, whether or not it had been written.
    """

    holds: tuple[ExpiredHold, ...]


# --- reservation/<id> -------------------------------------------------------------------------


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


class LineQuantity(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one line; signed where the event amends."""

    sku: str
    location: str
    quantity: int


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


# --- movement/<principal>/<id> ----------------------------------------------------------------


class MovementVoided(Event, frozen=True, tag="movement.voided.v1"):
    """A part of a recorded movement was voided; what is left may be voided later."""

    owner: str  # The principal in whose name space the movement id lives.
    movement_id: str
    recorded: int  # Units of the original movement.
    quantity: int  # Units voided now.

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("movement", self.owner, self.movement_id)


# --- conflict/<id> ----------------------------------------------------------------------------


class ConflictEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one conflict: something a fact broke that people may have to work off."""

    conflict_id: str
    kind: str
    location: str
    sku: str

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("conflict", self.conflict_id)


class ConflictOpened(ConflictEvent, frozen=True, tag="conflict.opened.v1"):
    """A fact broke something. `short` is how much, in units (microseconds for clock skew)."""

    short: int
    bucket: PhysicalBucket | None = None
    reservation_id: str | None = None
    quantity: int | None = None  # Open units of the broken promise.


class ConflictChanged(ConflictEvent, frozen=True, tag="conflict.changed.v1"):
    """The amount short rose or fell."""

    short: int


class ConflictCleared(ConflictEvent, frozen=True, tag="conflict.cleared.v1"):
    """The cause ended by itself: stock came, or the promise went."""


class ConflictResolved(ConflictEvent, frozen=True, tag="conflict.resolved.v1"):
    """Somebody dealt with it and said how."""

    resolution: str
    note: str | None = None


AnyStockEvent: TypeAlias = (
    StockOpened
    | StockReceived
    | StockSold
    | SaleVoided
    | StockReturned
    | StockAdjusted
    | StockMoved
    | StockScrapped
    | StockReserved
    | HoldConfirmed
    | HoldExtended
    | HoldAmended
    | HoldReleased
    | HoldFulfilled
    | HoldsExpired
)
AnyReservationEvent: TypeAlias = (
    ReservationPlaced
    | ReservationConfirmed
    | ReservationExtended
    | ReservationAmended
    | ReservationFulfilled
    | ReservationReleased
)
AnyConflictEvent: TypeAlias = ConflictOpened | ConflictChanged | ConflictCleared | ConflictResolved
AnyEvent: TypeAlias = AnyStockEvent | AnyReservationEvent | MovementVoided | AnyConflictEvent

Posting: TypeAlias = tuple[StockId, Bucket, int]
"""A stock, one of its buckets, and a signed change at the event's `occurred_at`."""


Postings: TypeAlias = tuple[Posting, ...]


def postings(event: AnyEvent) -> Postings:
    """What an event means for the buckets: changes that sum to zero per SKU.

    The only place that knows; events without a physical effect mean nothing.
    """
    meaning = _MEANINGS.get(type(event))
    return () if meaning is None else meaning(event)


def _between(event: StockEvent, source: Bucket, target: Bucket, quantity: int) -> Postings:
    stock_id = StockId(event.location, event.sku)
    return (stock_id, source, -quantity), (stock_id, target, quantity)


# Which virtual bucket stands against a physical one, per kind of event.
_MEANINGS: Final[dict[type, Callable[[Any], Postings]]] = {
    StockOpened: lambda e: _between(e, "opening", "sellable", e.quantity),
    StockReceived: lambda e: _between(e, "supplier", "sellable", e.quantity),
    StockSold: lambda e: _between(e, "sellable", "customer", e.quantity),
    HoldFulfilled: lambda e: _between(e, "sellable", "customer", e.quantity),
    SaleVoided: lambda e: _between(e, "customer", "sellable", e.quantity),
    StockReturned: lambda e: _between(e, "customer", e.to_bucket, e.quantity),
    StockAdjusted: lambda e: _between(e, "variance", "sellable", e.delta),
    StockMoved: lambda e: _between(e, e.from_bucket, e.to_bucket, e.quantity),
    StockScrapped: lambda e: _between(e, e.bucket, "scrap", e.quantity),
}


def held_delta(event: AnyStockEvent) -> int:
    """How many more units (fewer: negative) are open in holds after an event, as recorded."""
    change = _HELD.get(type(event))
    return 0 if change is None else change(event)


_HELD: Final[dict[type, Callable[[Any], int]]] = {
    StockReserved: lambda e: e.quantity,
    HoldAmended: lambda e: e.delta,
    HoldReleased: lambda e: -e.quantity,
    HoldFulfilled: lambda e: -e.quantity,
    HoldsExpired: lambda e: -sum(hold.quantity for hold in e.holds),
}
