"""Every intent a caller may have, already checked for form.

A *fact* reports what has physically happened: missing stock is no reason to turn it away. A
*request* wants a promise, and may get a no.
"""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.commands.base import Command
from ledger.domain.commands.books import (
    ApproveReconciliation,
    ClosePeriod,
    KeyLine,
    RecordReconciliation,
)
from ledger.domain.commands.channels import (
    AnyChannelCommand,
    ChannelCommand,
    DefineChannel,
    IssueCredential,
    ReportStaleness,
    RevokeCredential,
)
from ledger.domain.commands.documents import (
    AnyCountCommand,
    AnyReturnCommand,
    AnyTransferCommand,
    ApproveCount,
    AuthoriseReturn,
    CancelCount,
    CancelTransfer,
    CloseReturn,
    CloseTransfer,
    CountCommand,
    DispatchTransfer,
    DispositionReturn,
    EnterCount,
    FigureLine,
    InspectReturn,
    OpenCount,
    PostCount,
    ReceiveReturn,
    ReceiveTransfer,
    RequestTransfer,
    ReturnCommand,
)
from ledger.domain.events import (
    Authority,
    CasePolicy,
    LineQuantity,
    Pack,
    Relocation,
    SourcedLine,
)
from ledger.domain.units import Stated
from ledger.domain.values import (
    Code,
    HoldKind,
    Id,
    Instant,
    Money,
    PhysicalBucket,
    Policy,
    Sourcing,
    StockId,
    Text,
    stock_id_of,
)

__all__ = [
    "Adjust",
    "AmendReservation",
    "AnyChannelCommand",
    "AnyCommand",
    "AnyCountCommand",
    "AnyMovement",
    "AnyReturnCommand",
    "AnyTransferCommand",
    "ApproveCount",
    "ApproveReconciliation",
    "AuthoriseReturn",
    "Cancel",
    "CancelCount",
    "CancelTransfer",
    "Candidates",
    "ChannelCommand",
    "ClosePeriod",
    "CloseReturn",
    "CloseTransfer",
    "Command",
    "ConfirmReservation",
    "Correct",
    "Count",
    "CountCommand",
    "DefineChannel",
    "DefineLocation",
    "DefineSku",
    "DispatchTransfer",
    "DispositionReturn",
    "EnterCount",
    "ExpireHolds",
    "ExtendReservation",
    "FigureLine",
    "FulfilReservation",
    "GrantFence",
    "InspectReturn",
    "IssueCredential",
    "KeyLine",
    "Move",
    "Movement",
    "OpenCount",
    "Opening",
    "PlaceReservation",
    "PostCount",
    "Receive",
    "ReceiveReturn",
    "ReceiveTransfer",
    "RecordMovements",
    "RecordReconciliation",
    "ReleaseParked",
    "ReleaseReservation",
    "RelocateReservation",
    "ReportStaleness",
    "RequestTransfer",
    "ResolveConflict",
    "Return",
    "ReturnCommand",
    "ReturnFence",
    "RevokeCredential",
    "Sale",
    "SaleVoid",
    "Scrap",
    "SetBackorderLimit",
]


class Movement(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fact about one SKU at one location.

    A parked fact is kept in this form: fields may be added with a default, none ever goes.
    `occurred_at` absent means the instant of its decision. `movement_id` is its own idempotency
    id; absent, the batch's key and the movement's index stand in for it.
    """

    sku: Code
    location: Code
    occurred_at: Instant | None = None
    reference: Text | None = None
    reason: Text | None = None
    source: Text | None = None
    movement_id: Id | None = None
    stated: tuple[Stated, ...] = ()

    @property
    def stock_id(self) -> StockId:
        """Which stock this is about."""
        return stock_id_of(self.location, self.sku)


class Opening(Movement, frozen=True, tag="opening"):
    """Units that were there before the ledger was."""

    quantity: int


class Receive(Movement, frozen=True, tag="receive"):
    """Goods came in from a supplier."""

    quantity: int
    unit_cost: Money | None = None


class Sale(Movement, frozen=True, tag="sale"):
    """Goods went out to a customer. With a reservation named, the same as fulfilling it."""

    quantity: int
    channel: Code | None = None
    reservation_id: Id | None = None
    order: Text | None = None


class SaleVoid(Movement, frozen=True, tag="sale_void"):
    """A recorded sale, or part of it, never took place."""

    of: Id
    quantity: int


class Return(Movement, frozen=True, tag="return"):
    """A customer handed goods back."""

    quantity: int
    order: Text | None = None
    to_bucket: PhysicalBucket = "returned"


class Adjust(Movement, frozen=True, tag="adjust"):
    """People correct the level by a signed amount; optionally only from a known on-hand."""

    delta: int
    expected_on_hand: int | None = None


class Move(Movement, frozen=True, tag="move"):
    """Units change their condition within a location."""

    quantity: int
    from_bucket: PhysicalBucket
    to_bucket: PhysicalBucket


class Scrap(Movement, frozen=True, tag="scrap"):
    """Units are destroyed or given away."""

    quantity: int
    bucket: PhysicalBucket = "sellable"


class Count(Movement, frozen=True, tag="count"):
    """Somebody counted a bucket. `replaces` names a count that does not stand any more."""

    counted: int
    bucket: PhysicalBucket = "sellable"
    replaces: Id | None = None


class Correct(Movement, frozen=True, tag="correct"):
    """What a recorded movement really came to, in all; for a count, what was counted."""

    of: Id
    quantity: int


class Cancel(Movement, frozen=True, tag="cancel"):
    """A recorded movement never took place."""

    of: Id


AnyMovement: TypeAlias = (
    Opening | Receive | Sale | SaleVoid | Return | Adjust | Move | Scrap | Count | Correct | Cancel
)


class RecordMovements(Command, frozen=True, tag="record_movements"):
    """Record facts, each decided on what its predecessors left behind."""

    movements: tuple[AnyMovement, ...]


class PlaceReservation(Command, frozen=True, tag="place_reservation"):
    """Ask for a promise over one or many stocks. `sourced` lines leave open which of some."""

    reservation_id: Id
    lines: tuple[LineQuantity, ...] = ()
    sourced: tuple[SourcedLine, ...] = ()
    channel: Code | None = None
    kind: HoldKind = "soft"
    expires_at: Instant | None = None
    policy: Policy = "all"


class ConfirmReservation(Command, frozen=True, tag="confirm_reservation"):
    """Make a promise hard: it no longer runs out."""

    reservation_id: Id


class ExtendReservation(Command, frozen=True, tag="extend_reservation"):
    """Let a soft promise run out at another instant."""

    reservation_id: Id
    expires_at: Instant


class AmendReservation(Command, frozen=True, tag="amend_reservation"):
    """Set the promised total of some lines; a stock not yet in it becomes a new line.

    The total of a `sourced` line is that of its SKU over all of its locations.
    """

    reservation_id: Id
    lines: tuple[LineQuantity, ...] = ()
    sourced: tuple[SourcedLine, ...] = ()


class RelocateReservation(Command, frozen=True, tag="relocate_reservation"):
    """Hold open units of a promise at other locations instead: all of the moves or none."""

    reservation_id: Id
    moves: tuple[Relocation, ...]


class FulfilReservation(Command, frozen=True, tag="fulfil_reservation"):
    """A fact: promised goods left. Without lines, everything the promise still meant to ship."""

    reservation_id: Id
    lines: tuple[LineQuantity, ...] | None = None
    occurred_at: Instant | None = None
    if_open: bool = False


class ReleaseReservation(Command, frozen=True, tag="release_reservation"):
    """Give promised units up. Without lines, all that are open."""

    reservation_id: Id
    lines: tuple[LineQuantity, ...] | None = None
    reason: Text | None = None


class ExpireHolds(Command, frozen=True, tag="expire_holds"):
    """Write down the holds of one stock that have run out. Only the sweeper asks for it."""

    location: Code
    sku: Code


class GrantFence(Command, frozen=True, tag="grant_fence"):
    """Set units of a stock aside for one channel."""

    sku: Code
    location: Code
    channel: Code
    quantity: int


class ReturnFence(Command, frozen=True, tag="return_fence"):
    """Let anybody have units set aside for a channel. Without a quantity, all it has not taken."""

    sku: Code
    location: Code
    channel: Code
    quantity: int | None = None


class SetBackorderLimit(Command, frozen=True, tag="set_backorder_limit"):
    """Allow so many units of a stock to be promised beyond those that are sellable."""

    sku: Code
    location: Code
    limit: int


class Candidates(Struct, frozen=True, kw_only=True, gc=False):
    """Locations that may hold units instead, and how to choose among them."""

    locations: tuple[Code, ...]
    sourcing: Sourcing = "in_order"
    split: bool = False


class ResolveConflict(Command, frozen=True, tag="resolve_conflict"):
    """Somebody dealt with a conflict and says how.

    Some words also do it, where a promise is broken: see `ledger.domain.decisions.resolutions`.
    """

    conflict_id: Id
    resolution: Text
    note: Text | None = None
    candidates: Candidates | None = None


class DefineSku(Command, frozen=True, tag="define_sku"):
    """Say what a SKU is from now on, in full."""

    sku: Code
    base_unit: Code
    scale: int = 0
    packs: tuple[Pack, ...] = ()
    service: bool = False
    case_policy: CasePolicy = "exact"
    sku_class: Code | None = None


class DefineLocation(Command, frozen=True, tag="define_location"):
    """Say what a location is from now on, in full."""

    location: Code
    kind: Code = "store"
    time_zone: Code = "UTC"
    sells: bool = True
    parent: Code | None = None
    authority: tuple[Authority, ...] = ()
    tags: tuple[Code, ...] = ()


class ReleaseParked(Command, frozen=True, tag="release_parked"):
    """Record a fact that was parked: what it is about is defined. Only the sweeper asks for it."""

    conflict_id: Id


AnyCommand: TypeAlias = (
    RecordMovements
    | PlaceReservation
    | ConfirmReservation
    | ExtendReservation
    | AmendReservation
    | RelocateReservation
    | FulfilReservation
    | ReleaseReservation
    | ExpireHolds
    | ResolveConflict
    | GrantFence
    | ReturnFence
    | SetBackorderLimit
    | AnyTransferCommand
    | DefineSku
    | DefineLocation
    | ReleaseParked
    | AnyReturnCommand
    | AnyCountCommand
    | ClosePeriod
    | RecordReconciliation
    | ApproveReconciliation
    | AnyChannelCommand
)
