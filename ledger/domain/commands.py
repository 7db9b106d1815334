"""Every intent a caller may have, already checked for form.

A *fact* reports what has physically happened: missing stock is no reason to turn it away. A
*request* wants a promise, and may get a no.
"""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events import (
    Authority,
    CasePolicy,
    DispositionedLine,
    GradedLine,
    LineQuantity,
    Pack,
    ReceivedLine,
    Relocation,
    SkuQuantity,
    SourcedLine,
)
from ledger.domain.units import Stated
from ledger.domain.values import (
    CountKind,
    HoldKind,
    Instant,
    Money,
    PhysicalBucket,
    Policy,
    Sourcing,
    StockId,
    stock_id_of,
)


class Movement(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fact about one SKU at one location.

    A parked fact is kept in this form: fields may be added with a default, none ever goes.
    `occurred_at` absent means the instant of its decision. `movement_id` is its own idempotency
    id; absent, the batch's key and the movement's index stand in for it.
    """

    sku: str
    location: str
    occurred_at: Instant | None = None
    reference: str | None = None
    reason: str | None = None
    source: str | None = None
    movement_id: str | None = None
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
    channel: str | None = None
    reservation_id: str | None = None
    order: str | None = None


class SaleVoid(Movement, frozen=True, tag="sale_void"):
    """A recorded sale, or part of it, never took place."""

    of: str
    quantity: int


class Return(Movement, frozen=True, tag="return"):
    """A customer handed goods back."""

    quantity: int
    order: str | None = None
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
    replaces: str | None = None


class Correct(Movement, frozen=True, tag="correct"):
    """What a recorded movement really came to, in all; for a count, what was counted."""

    of: str
    quantity: int


class Cancel(Movement, frozen=True, tag="cancel"):
    """A recorded movement never took place."""

    of: str


AnyMovement: TypeAlias = (
    Opening | Receive | Sale | SaleVoid | Return | Adjust | Move | Scrap | Count | Correct | Cancel
)


class Command(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An intent, decided as a whole: all of its events are recorded, or none.

    `stated` are quantities of its lines that the catalog has to convert.
    """

    stated: tuple[Stated, ...] = ()


class RecordMovements(Command, frozen=True, tag="record_movements"):
    """Record facts, each decided on what its predecessors left behind."""

    movements: tuple[AnyMovement, ...]


class PlaceReservation(Command, frozen=True, tag="place_reservation"):
    """Ask for a promise over one or many stocks. `sourced` lines leave open which of some."""

    reservation_id: str
    lines: tuple[LineQuantity, ...] = ()
    sourced: tuple[SourcedLine, ...] = ()
    channel: str | None = None
    kind: HoldKind = "soft"
    expires_at: Instant | None = None
    policy: Policy = "all"


class ConfirmReservation(Command, frozen=True, tag="confirm_reservation"):
    """Make a promise hard: it no longer runs out."""

    reservation_id: str


class ExtendReservation(Command, frozen=True, tag="extend_reservation"):
    """Let a soft promise run out at another instant."""

    reservation_id: str
    expires_at: Instant


class AmendReservation(Command, frozen=True, tag="amend_reservation"):
    """Set the promised total of some lines; a stock not yet in it becomes a new line.

    The total of a `sourced` line is that of its SKU over all of its locations.
    """

    reservation_id: str
    lines: tuple[LineQuantity, ...] = ()
    sourced: tuple[SourcedLine, ...] = ()


class RelocateReservation(Command, frozen=True, tag="relocate_reservation"):
    """Hold open units of a promise at other locations instead: all of the moves or none."""

    reservation_id: str
    moves: tuple[Relocation, ...]


class FulfilReservation(Command, frozen=True, tag="fulfil_reservation"):
    """A fact: promised goods left. Without lines, everything the promise still meant to ship."""

    reservation_id: str
    lines: tuple[LineQuantity, ...] | None = None
    occurred_at: Instant | None = None
    if_open: bool = False


class ReleaseReservation(Command, frozen=True, tag="release_reservation"):
    """Give promised units up. Without lines, all that are open."""

    reservation_id: str
    lines: tuple[LineQuantity, ...] | None = None
    reason: str | None = None


class ExpireHolds(Command, frozen=True, tag="expire_holds"):
    """Write down the holds of one stock that have run out. Only the sweeper asks for it."""

    location: str
    sku: str


class GrantFence(Command, frozen=True, tag="grant_fence"):
    """Set units of a stock aside for one channel."""

    sku: str
    location: str
    channel: str
    quantity: int


class ReturnFence(Command, frozen=True, tag="return_fence"):
    """Let anybody have units set aside for a channel. Without a quantity, all it has not taken."""

    sku: str
    location: str
    channel: str
    quantity: int | None = None


class SetBackorderLimit(Command, frozen=True, tag="set_backorder_limit"):
    """Allow so many units of a stock to be promised beyond those that are sellable."""

    sku: str
    location: str
    limit: int


class Candidates(Struct, frozen=True, kw_only=True, gc=False):
    """Locations that may hold units instead, and how to choose among them."""

    locations: tuple[str, ...]
    sourcing: Sourcing = "in_order"
    split: bool = False


class ResolveConflict(Command, frozen=True, tag="resolve_conflict"):
    """Somebody dealt with a conflict and says how.

    Some words also do it, where a promise is broken: see `ledger.domain.decisions.resolutions`.
    """

    conflict_id: str
    resolution: str
    note: str | None = None
    candidates: Candidates | None = None


class RequestTransfer(Command, frozen=True, tag="request_transfer"):
    """Ask for goods to be moved from one location to another; nothing is held for it."""

    transfer_id: str
    from_location: str
    to_location: str
    lines: tuple[SkuQuantity, ...]


class DispatchTransfer(Command, frozen=True, tag="dispatch_transfer"):
    """A fact: goods left. Without lines, all that was asked for and had not left yet."""

    transfer_id: str
    lines: tuple[SkuQuantity, ...] | None = None
    occurred_at: Instant | None = None


class ReceiveTransfer(Command, frozen=True, tag="receive_transfer"):
    """A fact: goods reached the end of their way. Without lines, all on their way arrived well."""

    transfer_id: str
    lines: tuple[ReceivedLine, ...] | None = None
    occurred_at: Instant | None = None


class CancelTransfer(Command, frozen=True, tag="cancel_transfer"):
    """Nothing shall be moved after all."""

    transfer_id: str


class CloseTransfer(Command, frozen=True, tag="close_transfer"):
    """Nothing more is expected of it."""

    transfer_id: str


AnyTransferCommand: TypeAlias = (
    RequestTransfer | DispatchTransfer | ReceiveTransfer | CancelTransfer | CloseTransfer
)


class ReturnCommand(Command, frozen=True, kw_only=True):
    """Something asked of, or reported about, one return."""

    return_id: str


class AuthoriseReturn(ReturnCommand, frozen=True, tag="authorise_return"):
    """A customer may send goods back. Without an order it is blind."""

    lines: tuple[SkuQuantity, ...]
    order: str | None = None


class ReceiveReturn(ReturnCommand, frozen=True, tag="receive_return"):
    """A fact: goods of a return arrived, also more than were authorised."""

    location: str
    lines: tuple[SkuQuantity, ...]
    occurred_at: Instant | None = None


class InspectReturn(ReturnCommand, frozen=True, tag="inspect_return"):
    """Somebody looked at received goods."""

    lines: tuple[GradedLine, ...]


class DispositionReturn(ReturnCommand, frozen=True, tag="disposition_return"):
    """Decide what becomes of received units.

    A line without a location takes them where they lie, in order of arrival.
    """

    lines: tuple[DispositionedLine, ...]
    occurred_at: Instant | None = None


class CloseReturn(ReturnCommand, frozen=True, tag="close_return"):
    """Nothing more is expected of a return."""


AnyReturnCommand: TypeAlias = (
    AuthoriseReturn | ReceiveReturn | InspectReturn | DispositionReturn | CloseReturn
)


class DefineSku(Command, frozen=True, tag="define_sku"):
    """Say what a SKU is from now on, in full."""

    sku: str
    base_unit: str
    scale: int = 0
    packs: tuple[Pack, ...] = ()
    service: bool = False
    case_policy: CasePolicy = "exact"


class DefineLocation(Command, frozen=True, tag="define_location"):
    """Say what a location is from now on, in full."""

    location: str
    kind: str = "store"
    time_zone: str = "UTC"
    sells: bool = True
    parent: str | None = None
    authority: tuple[Authority, ...] = ()


class ReleaseParked(Command, frozen=True, tag="release_parked"):
    """Record a fact that was parked: what it is about is defined. Only the sweeper asks for it."""

    conflict_id: str


class CountCommand(Command, frozen=True, kw_only=True):
    """Something asked of, or reported for, one count document."""

    count_id: str


class OpenCount(CountCommand, frozen=True, tag="open_count"):
    """Have a location counted: the SKUs named, or whatever is there."""

    location: str
    kind: CountKind = "cycle"
    skus: tuple[str, ...] = ()
    blind: bool = False
    approval_above: int | None = None


class FigureLine(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """So many units were seen in a bucket; without a time, when it was entered."""

    sku: str
    counted: int
    counted_at: Instant | None = None
    bucket: PhysicalBucket = "sellable"


class EnterCount(CountCommand, frozen=True, tag="enter_count"):
    """Enter figures; one entered again takes the place of the earlier one."""

    lines: tuple[FigureLine, ...]


class ApproveCount(CountCommand, frozen=True, tag="approve_count"):
    """Stand for all figures entered until now."""


class PostCount(CountCommand, frozen=True, tag="post_count"):
    """Let the figures stand in the ledger."""


class CancelCount(CountCommand, frozen=True, tag="cancel_count"):
    """Nothing of it counts, posted or not."""


AnyCountCommand: TypeAlias = OpenCount | EnterCount | ApproveCount | PostCount | CancelCount

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
)
