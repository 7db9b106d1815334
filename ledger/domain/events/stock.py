"""Events of `stock/<location>/<sku>`: one SKU at one location."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import (
    Bucket,
    Code,
    Disposition,
    HoldKind,
    Id,
    Instant,
    Money,
    PhysicalBucket,
    StockId,
    Text,
    stock_id_of,
    stock_stream,
)


class ConflictChange(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What an event did to one conflict of its stock: the amount short from now on.

    `short` 0 clears it. `holder` is the reservation of a broken promise, or the bucket of a
    negative level. The conflict's own stream says the same at more length.
    """

    conflict_id: Id
    kind: Code
    holder: Id
    short: int


class FencedUnits(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The part of an event's units that a channel's ring-fence gave, or gets back.

    `expires_at` is when the hold that takes them runs out, if it does.
    """

    channel: Code
    quantity: int
    expires_at: Instant | None = None


class StockEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one SKU at one location.

    `effective_at` is the running maximum of `occurred_at` over the stock's stream, this event
    included: where it is greater than `occurred_at`, the event came late.
    """

    location: Code
    sku: Code
    effective_at: Instant
    lot: Code | None = None
    conflicts: tuple[ConflictChange, ...] = ()

    @property
    def stock_id(self) -> StockId:
        """Which stock this is about."""
        return stock_id_of(self.location, self.sku)

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
    channel: Code | None = None
    order: Text | None = None
    reservation_id: Id | None = None  # Set: fulfilled beyond what its hold still had open.
    fence: FencedUnits | None = None


class SaleVoided(StockEvent, frozen=True, tag="stock.sale_voided.v1"):
    """A sale, or a part of it, never took place: the units are back where they were."""

    quantity: int
    of: Id  # The movement id of the sale.


class StockReturned(StockEvent, frozen=True, tag="stock.returned.v1"):
    """A customer handed goods back."""

    quantity: int
    to_bucket: PhysicalBucket = "returned"
    order: Text | None = None
    return_id: Id | None = None  # The return document it came with.


class StockDispositioned(StockEvent, frozen=True, tag="stock.dispositioned.v1"):
    """It was decided what becomes of units a customer returned: they leave `returned`."""

    quantity: int
    disposition: Disposition
    to_bucket: Bucket
    return_id: Id


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


class StockCounted(StockEvent, frozen=True, tag="stock.counted.v1"):
    """Somebody saw how many units a bucket held: an anchor that later facts never move.

    `delta` is what the ledger had not known: the counted number less the level it had for that
    moment. It may be 0.
    """

    count_id: Id  # What people call it: the movement's id, or the document's.
    counted: int
    delta: int
    bucket: PhysicalBucket = "sellable"


class StockAbsorbed(StockEvent, frozen=True, tag="stock.absorbed.v1"):
    """A count had seen the shelf already: what came in late explains a part of its variance.

    At the count's own time, so that no level from there on changes.
    """

    anchor: int  # The version of the count's event in this stream.
    delta: int
    bucket: PhysicalBucket = "sellable"


class StockCountCancelled(StockEvent, frozen=True, tag="stock.count_cancelled.v1"):
    """A count is no anchor any more: all that it held in the variance is taken back."""

    anchor: int
    delta: int
    bucket: PhysicalBucket = "sellable"


class StockCorrected(StockEvent, frozen=True, tag="stock.corrected.v1"):
    """More (fewer: negative) units of a recorded movement went where it had said, when it had."""

    of: Id  # The movement id of the original.
    quantity: int
    from_bucket: Bucket
    to_bucket: Bucket


class StockReserved(StockEvent, frozen=True, tag="stock.reserved.v1"):
    """Units are held for a reservation; they stay where they are."""

    reservation_id: Id
    quantity: int
    kind: HoldKind
    expires_at: Instant | None = None  # Only soft holds run out.
    fence: FencedUnits | None = None


class HoldConfirmed(StockEvent, frozen=True, tag="stock.hold_confirmed.v1"):
    """A soft hold became hard: it no longer runs out."""

    reservation_id: Id


class HoldExtended(StockEvent, frozen=True, tag="stock.hold_extended.v1"):
    """A soft hold runs out at another instant."""

    reservation_id: Id
    expires_at: Instant


class HoldAmended(StockEvent, frozen=True, tag="stock.hold_amended.v1"):
    """A hold has more or fewer units open."""

    reservation_id: Id
    delta: int
    fence: FencedUnits | None = None


class HoldReleased(StockEvent, frozen=True, tag="stock.hold_released.v1"):
    """Held units are free again."""

    reservation_id: Id
    quantity: int
    fence: FencedUnits | None = None


class HoldRelocated(StockEvent, frozen=True, tag="stock.hold_relocated.v1"):
    """Held units are held at another location from now on; here they are free again.

    The other location's stream tells the same as a hold that begins or grows.
    """

    reservation_id: Id
    quantity: int
    to_location: Code
    fence: FencedUnits | None = None


class HoldFulfilled(StockEvent, frozen=True, tag="stock.hold_fulfilled.v1"):
    """Held units left to the customer they were held for."""

    reservation_id: Id
    quantity: int
    channel: Code | None = None
    order: Text | None = None
    fence: FencedUnits | None = None


class ExpiredHold(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One hold of a sweep: what was open when it ran out, and when that was."""

    reservation_id: Id
    quantity: int
    expired_at: Instant
    fence: FencedUnits | None = None


class HoldsExpired(StockEvent, frozen=True, tag="stock.holds_expired.v1"):
    """The sweeper wrote down soft holds that had run out, each at its own instant.

    `occurred_at` is the latest of those instants. The expiry itself took effect at each hold's
    instant, whether or not it had been written.
    """

    holds: tuple[ExpiredHold, ...]


class StockDispatched(StockEvent, frozen=True, tag="stock.dispatched.v1"):
    """Goods left on a transfer: they are in transit from this moment."""

    transfer_id: Id
    to_location: Code
    quantity: int


class StockTransferReceived(StockEvent, frozen=True, tag="stock.transfer_received.v1"):
    """Goods of a transfer reached this location, or were found to be lost on the way to it."""

    transfer_id: Id
    from_location: Code
    received: int = 0  # For sale from this moment.
    damaged: int = 0
    lost: int = 0


class StockTransferReturned(StockEvent, frozen=True, tag="stock.transfer_returned.v1"):
    """Goods that had left on a transfer are back, to be looked at before they are sold."""

    transfer_id: Id
    to_location: Code  # Where they had been on their way to.
    quantity: int


class StockTransferSurplus(StockEvent, frozen=True, tag="stock.transfer_surplus.v1"):
    """More of a transfer arrived here than is known to have left, by a signed change.

    At the business time of the arrival, so that it stands beside it in every answer. Negative
    where a dispatch reported later explains what was surplus before.
    """

    transfer_id: Id
    from_location: Code
    delta: int


class FenceGranted(StockEvent, frozen=True, tag="stock.fence_granted.v1"):
    """Units are set aside for one channel: promises of others do not count on them."""

    channel: Code
    quantity: int


class FenceReturned(StockEvent, frozen=True, tag="stock.fence_returned.v1"):
    """Units set aside for a channel are anybody's again."""

    channel: Code
    quantity: int


class BackorderLimitSet(StockEvent, frozen=True, tag="stock.backorder_limit_set.v1"):
    """From now on so many units may be promised beyond those that are sellable."""

    limit: int


AnyStockEvent: TypeAlias = (
    StockOpened
    | StockReceived
    | StockSold
    | SaleVoided
    | StockReturned
    | StockDispositioned
    | StockAdjusted
    | StockMoved
    | StockScrapped
    | StockCounted
    | StockAbsorbed
    | StockCountCancelled
    | StockCorrected
    | StockReserved
    | HoldConfirmed
    | HoldExtended
    | HoldAmended
    | HoldReleased
    | HoldRelocated
    | HoldFulfilled
    | HoldsExpired
    | FenceGranted
    | FenceReturned
    | BackorderLimitSet
    | StockDispatched
    | StockTransferReceived
    | StockTransferReturned
    | StockTransferSurplus
)
