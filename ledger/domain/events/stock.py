"""Events of `stock/<location>/<sku>`: one SKU at one location."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import (
    HoldKind,
    Instant,
    Money,
    PhysicalBucket,
    StockId,
    stock_stream,
)


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
