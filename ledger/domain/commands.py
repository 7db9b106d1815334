"""Every intent a caller may have, already checked for form.

A *fact* reports what has physically happened: missing stock is no reason to turn it away. A
*request* wants a promise, and may get a no.
"""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events import LineQuantity
from ledger.domain.values import (
    HoldKind,
    Instant,
    Money,
    PhysicalBucket,
    Policy,
    StockId,
)


class Movement(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fact about one SKU at one location.

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

    @property
    def stock_id(self) -> StockId:
        """Which stock this is about."""
        return StockId(self.location, self.sku)


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


AnyMovement: TypeAlias = Opening | Receive | Sale | SaleVoid | Return | Adjust | Move | Scrap


class Command(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An intent, decided as a whole: all of its events are recorded, or none."""


class RecordMovements(Command, frozen=True, tag="record_movements"):
    """Record facts, each decided on what its predecessors left behind."""

    movements: tuple[AnyMovement, ...]


class PlaceReservation(Command, frozen=True, tag="place_reservation"):
    """Ask for a promise over one or many stocks."""

    reservation_id: str
    lines: tuple[LineQuantity, ...]
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
    """Set the promised total of some lines; a stock not yet in it becomes a new line."""

    reservation_id: str
    lines: tuple[LineQuantity, ...]


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


class ResolveConflict(Command, frozen=True, tag="resolve_conflict"):
    """Somebody dealt with a conflict and says how."""

    conflict_id: str
    resolution: str
    note: str | None = None


AnyCommand: TypeAlias = (
    RecordMovements
    | PlaceReservation
    | ConfirmReservation
    | ExtendReservation
    | AmendReservation
    | FulfilReservation
    | ReleaseReservation
    | ExpireHolds
    | ResolveConflict
)
