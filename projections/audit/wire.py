"""What the auditor reads in an event row: shapes of his own, written from the contract.

They repeat the ledger's event classes on purpose. The auditor must not inherit a mistake, so he
shares neither the classes nor what `postings` says about them: `source`, `target` and `moved`
are his own reading of each event.
"""

from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from projections.audit.wire_base import BucketName, Kind, Meta, Moving, Stock
from projections.audit.wire_catalog import AnyCatalog, ParkedFact
from projections.audit.wire_channels import AnyChannel
from projections.audit.wire_count_documents import AnyDocument
from projections.audit.wire_counts import AnyMovement, AnyOfCount
from projections.audit.wire_fences import AnyOfFence, Fenced
from projections.audit.wire_periods import AnyPeriod
from projections.audit.wire_reconciliations import AnyReconciliation
from projections.audit.wire_returns import AnyOrder, AnyReturn
from projections.audit.wire_transfers import AnyOfTransfer, AnyTransfer


class Opened(Moving, gc=False, tag="stock.opened.v1"):
    """Units from before the ledger."""

    source = "opening"
    target = "sellable"


class Received(Moving, gc=False, tag="stock.received.v1"):
    """Units from a supplier."""

    source = "supplier"
    target = "sellable"


class Sold(Moving, gc=False, kw_only=True, tag="stock.sold.v1"):
    """Units to a customer."""

    source = "sellable"
    target = "customer"

    order: str | None = None
    fence: Fenced | None = None


class Voided(Moving, gc=False, tag="stock.sale_voided.v1"):
    """Units that never went to a customer."""

    source = "customer"
    target = "sellable"


class Returned(Moving, gc=False, kw_only=True, tag="stock.returned.v1"):
    """Units back from a customer."""

    to_bucket: BucketName = "returned"
    order: str | None = None
    return_id: str | None = None

    def moved(self) -> tuple[str, str, int]:
        """Into the bucket the event names."""
        return "customer", self.to_bucket, self.quantity


class StockDispositioned(Moving, gc=False, kw_only=True, tag="stock.dispositioned.v1"):
    """Returned units go where it was decided."""

    disposition: str
    to_bucket: str
    return_id: str

    def moved(self) -> tuple[str, str, int]:
        """Out of `returned`, into the bucket the event names."""
        return "returned", self.to_bucket, self.quantity


class Adjusted(Stock, gc=False, kw_only=True, tag="stock.adjusted.v1"):
    """A signed change of sellable."""

    delta: int

    def moved(self) -> tuple[str, str, int]:
        """From or to the variance."""
        return "variance", "sellable", self.delta


class Moved(Moving, gc=False, kw_only=True, tag="stock.moved.v1"):
    """From one condition to another."""

    from_bucket: BucketName
    to_bucket: BucketName

    def moved(self) -> tuple[str, str, int]:
        """Between the buckets the event names."""
        return self.from_bucket, self.to_bucket, self.quantity


class Scrapped(Moving, gc=False, kw_only=True, tag="stock.scrapped.v1"):
    """Units destroyed."""

    bucket: BucketName = "sellable"

    def moved(self) -> tuple[str, str, int]:
        """Out of the bucket the event names."""
        return self.bucket, "scrap", self.quantity


class Reserved(Stock, gc=False, kw_only=True, tag="stock.reserved.v1"):
    """A hold begins."""

    reservation_id: str
    quantity: int
    kind: Kind
    expires_at: int | None = None
    fence: Fenced | None = None


class HoldConfirmed(Stock, gc=False, kw_only=True, tag="stock.hold_confirmed.v1"):
    """A hold becomes hard."""

    reservation_id: str


class HoldExtended(Stock, gc=False, kw_only=True, tag="stock.hold_extended.v1"):
    """A hold runs out at another time."""

    reservation_id: str
    expires_at: int


class HoldAmended(Stock, gc=False, kw_only=True, tag="stock.hold_amended.v1"):
    """A hold grows or shrinks."""

    reservation_id: str
    delta: int
    fence: Fenced | None = None


class HoldReleased(Stock, gc=False, kw_only=True, tag="stock.hold_released.v1"):
    """Held units are free again."""

    reservation_id: str
    quantity: int
    fence: Fenced | None = None


class HoldRelocated(Stock, gc=False, kw_only=True, tag="stock.hold_relocated.v1"):
    """Held units are held elsewhere."""

    reservation_id: str
    quantity: int
    to_location: str
    fence: Fenced | None = None


class HoldFulfilled(Moving, gc=False, kw_only=True, tag="stock.hold_fulfilled.v1"):
    """Held units leave to the customer."""

    source = "sellable"
    target = "customer"

    reservation_id: str
    order: str | None = None
    fence: Fenced | None = None


class ExpiredHold(Struct, gc=False):
    """One hold of a sweep."""

    reservation_id: str
    quantity: int
    expired_at: int
    fence: Fenced | None = None


class HoldsExpired(Stock, gc=False, kw_only=True, tag="stock.holds_expired.v1"):
    """Holds that ran out are written down."""

    holds: tuple[ExpiredHold, ...]


class PlacedLine(Struct, gc=False):
    """What was asked and granted."""

    sku: str
    location: str
    requested: int
    granted: int


class Line(Struct, gc=False):
    """Units of one line."""

    sku: str
    location: str
    quantity: int


class Move(Struct, gc=False):
    """Units of one line that became units of another."""

    sku: str
    from_location: str
    to_location: str
    quantity: int


class Reservation(Struct, gc=False, kw_only=True):
    """What all events of one reservation have."""

    reservation_id: str
    occurred_at: int


class Placed(Reservation, gc=False, kw_only=True, tag="reservation.placed.v1"):
    """A promise begins."""

    channel: str | None
    kind: Kind
    expires_at: int | None
    policy: Literal["all", "partial"]
    lines: tuple[PlacedLine, ...]


class Confirmed(Reservation, gc=False, tag="reservation.confirmed.v1"):
    """It becomes hard."""


class Extended(Reservation, gc=False, kw_only=True, tag="reservation.extended.v1"):
    """It runs out at another time."""

    expires_at: int


class Lines(Reservation, gc=False, kw_only=True):
    """Something happened to some units of some lines."""

    lines: tuple[Line, ...]


class Amended(Lines, gc=False, tag="reservation.amended.v1"):
    """Signed changes of what is promised."""


class Fulfilled(Lines, gc=False, tag="reservation.fulfilled.v1"):
    """Units left."""


class Released(Lines, gc=False, tag="reservation.released.v1"):
    """Units were given up."""


class Relocated(Reservation, gc=False, kw_only=True, tag="reservation.relocated.v1"):
    """Units are promised at other locations."""

    moves: tuple[Move, ...]


class Conflict(Struct, gc=False, kw_only=True):
    """What all events of one conflict have."""

    conflict_id: str
    kind: str
    location: str
    sku: str
    occurred_at: int


class ConflictOpened(Conflict, gc=False, kw_only=True, tag="conflict.opened.v1"):
    """It begins."""

    short: int
    bucket: BucketName | None = None
    reservation_id: str | None = None
    quantity: int | None = None
    order: str | None = None
    parked: ParkedFact | None = None


class ConflictChanged(Conflict, gc=False, kw_only=True, tag="conflict.changed.v1"):
    """It is worse or better."""

    short: int


class ConflictCleared(Conflict, gc=False, tag="conflict.cleared.v1"):
    """Its cause ended."""


class ConflictResolved(Conflict, gc=False, kw_only=True, tag="conflict.resolved.v1"):
    """Somebody dealt with it."""

    resolution: str
    note: str | None = None


AnyStock: TypeAlias = (
    Opened
    | Received
    | Sold
    | Voided
    | Returned
    | Adjusted
    | Moved
    | Scrapped
    | Reserved
    | HoldConfirmed
    | HoldExtended
    | HoldAmended
    | HoldReleased
    | HoldRelocated
    | HoldFulfilled
    | HoldsExpired
    | AnyOfTransfer
    | AnyOfCount
    | StockDispositioned
    | AnyOfFence
)
AnyReservation: TypeAlias = (
    Placed | Confirmed | Extended | Amended | Fulfilled | Released | Relocated
)
AnyConflict: TypeAlias = ConflictOpened | ConflictChanged | ConflictCleared | ConflictResolved
AnyEvent: TypeAlias = (
    AnyStock
    | AnyReservation
    | AnyMovement
    | AnyConflict
    | AnyTransfer
    | AnyReturn
    | AnyOrder
    | AnyDocument
    | AnyReconciliation
    | AnyCatalog
    | AnyChannel
    | AnyPeriod
)


class Body(Struct, gc=False):
    """One event row's `state`."""

    meta: Meta
    event: AnyEvent


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


TOPICS: Final[dict[type, str]] = {kind: _tag(kind) for kind in get_args(AnyEvent)}
"""The topic every shape must stand under."""

decode: Final = msgspec.json.Decoder(Body).decode
"""Bytes of an event row to its body, or `msgspec.MsgspecError`."""
