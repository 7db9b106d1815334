"""Messages about one SKU at one location."""

from typing import ClassVar

from msgspec import Struct

from subscribers.messages.base import Message, Money, Timestamp


class ConflictChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The amount one conflict of this stock is short from now on; 0 clears it."""

    conflict_id: str
    kind: str
    holder: str
    short: int


class FencedUnits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of the units that a channel's ring-fence gave, or gets back.

    `expires_at` is when the hold that takes them runs out, if it does.
    """

    channel: str
    quantity: int
    expires_at: Timestamp | None = None


class StockMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one SKU at one location."""

    location: str
    sku: str
    effective_at: Timestamp
    lot: str | None = None
    conflicts: tuple[ConflictChange, ...] = ()


class StockOpened(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were there before the ledger was."""

    TYPE = "inventory.stock.opened.v1"
    quantity: int


class StockReceived(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods arrived from a supplier and may be sold."""

    TYPE = "inventory.stock.received.v1"
    quantity: int
    unit_cost: Money | None = None


class StockSold(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods left to a customer without consuming a hold."""

    TYPE = "inventory.stock.sold.v1"
    quantity: int
    channel: str | None = None
    order: str | None = None
    reservation_id: str | None = None
    fence: FencedUnits | None = None


class SaleVoided(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A sale, or a part of it, never took place."""

    TYPE = "inventory.stock.sale_voided.v1"
    quantity: int
    of: str


class StockReturned(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A customer handed goods back."""

    TYPE = "inventory.stock.returned.v1"
    quantity: int
    to_bucket: str
    order: str | None = None
    return_id: str | None = None


class StockDispositioned(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units a customer returned left the bucket `returned`: it was decided what becomes of them."""

    TYPE = "inventory.stock.dispositioned.v1"
    quantity: int
    disposition: str
    to_bucket: str
    return_id: str


class StockAdjusted(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The sellable level was corrected by a signed amount."""

    TYPE = "inventory.stock.adjusted.v1"
    delta: int


class StockMoved(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units moved from one condition to another."""

    TYPE = "inventory.stock.moved.v1"
    quantity: int
    from_bucket: str
    to_bucket: str


class StockScrapped(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units were destroyed or given away."""

    TYPE = "inventory.stock.scrapped.v1"
    quantity: int
    bucket: str


class StockCounted(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A bucket held so many units at that moment, by `delta` more or fewer than was known."""

    TYPE = "inventory.stock.counted.v1"
    count_id: str
    counted: int
    delta: int
    bucket: str


class StockAbsorbed(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """What came in late had been seen by a count; `anchor` is the version of the count."""

    TYPE = "inventory.stock.absorbed.v1"
    anchor: int
    delta: int
    bucket: str


class StockCountCancelled(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A count does not stand any more; `anchor` is its version."""

    TYPE = "inventory.stock.count_cancelled.v1"
    anchor: int
    delta: int
    bucket: str


class StockCorrected(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """More (fewer: negative) units than recorded went from one bucket to another."""

    TYPE = "inventory.stock.corrected.v1"
    of: str
    quantity: int
    from_bucket: str
    to_bucket: str


class StockReserved(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units are held for a reservation."""

    TYPE = "inventory.stock.reserved.v1"
    reservation_id: str
    quantity: int
    kind: str
    expires_at: Timestamp | None = None
    fence: FencedUnits | None = None


class HoldConfirmed(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A hold no longer runs out."""

    TYPE = "inventory.stock.hold_confirmed.v1"
    reservation_id: str


class HoldExtended(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A hold runs out at another time."""

    TYPE = "inventory.stock.hold_extended.v1"
    reservation_id: str
    expires_at: Timestamp


class HoldAmended(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A hold has more or fewer units open."""

    TYPE = "inventory.stock.hold_amended.v1"
    reservation_id: str
    delta: int
    fence: FencedUnits | None = None


class HoldReleased(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Held units are free again."""

    TYPE = "inventory.stock.hold_released.v1"
    reservation_id: str
    quantity: int
    fence: FencedUnits | None = None


class HoldRelocated(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Held units are held at another location from now on."""

    TYPE = "inventory.stock.hold_relocated.v1"
    reservation_id: str
    quantity: int
    to_location: str
    fence: FencedUnits | None = None


class HoldFulfilled(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Held units left to the customer they were held for."""

    TYPE = "inventory.stock.hold_fulfilled.v1"
    reservation_id: str
    quantity: int
    channel: str | None = None
    order: str | None = None
    fence: FencedUnits | None = None


class ExpiredHold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hold that ran out, how much of it was open, and when."""

    reservation_id: str
    quantity: int
    expired_at: Timestamp
    fence: FencedUnits | None = None


class HoldsExpired(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Holds had run out, each at its own time."""

    TYPE = "inventory.stock.holds_expired.v1"
    holds: tuple[ExpiredHold, ...]


class StockDispatched(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods left on a transfer: they are in transit from this moment."""

    TYPE = "inventory.stock.dispatched.v1"
    transfer_id: str
    to_location: str
    quantity: int


class StockTransferReceived(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods of a transfer reached this location, or were lost on the way to it."""

    TYPE = "inventory.stock.transfer_received.v1"
    transfer_id: str
    from_location: str
    received: int = 0
    damaged: int = 0
    lost: int = 0


class StockTransferReturned(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods that had left on a transfer are back, in quarantine."""

    TYPE = "inventory.stock.transfer_returned.v1"
    transfer_id: str
    to_location: str
    quantity: int


class StockTransferSurplus(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """More of a transfer arrived than is known to have left; negative: less than was thought."""

    TYPE = "inventory.stock.transfer_surplus.v1"
    transfer_id: str
    from_location: str
    delta: int


class FenceGranted(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units are set aside for one channel."""

    TYPE = "inventory.stock.fence_granted.v1"
    channel: str
    quantity: int


class FenceReturned(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units set aside for a channel are anybody's again."""

    TYPE = "inventory.stock.fence_returned.v1"
    channel: str
    quantity: int


class BackorderLimitSet(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """So many units may be promised beyond those that are sellable."""

    TYPE = "inventory.stock.backorder_limit_set.v1"
    limit: int


class StockState(Struct, frozen=True, kw_only=True):
    """The last state of one stock: a value, not a change; apply it if its version is newer.

    `reserved` counts holds as recorded; `position` and `version` are those of the last event it
    reflects, `effective_at` the latest business time among them.
    """

    TYPE: ClassVar[str] = "inventory.stock.state.v1"

    location: str
    sku: str
    on_hand: int
    sellable: int
    quarantine: int
    damaged: int
    returned: int
    blocked: int
    reserved: int
    available: int
    position: int
    version: int
    effective_at: Timestamp
