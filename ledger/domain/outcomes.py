"""What an accepted command is answered with; its receipt keeps it, so a repeat gets the same."""

from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from ledger.domain.events.catalog import LocationDefined, SkuDefined
from ledger.domain.events.channel import ChannelDefined
from ledger.domain.events.period import PeriodClosed
from ledger.domain.events.reconciliation import ProposedLine, ReconciliationRecorded
from ledger.domain.values import CountKind, HoldKind, Instant, PhysicalBucket

RESERVATIONS_SHOWN_MAX = 100
"""Broken promises listed in one answer; the total is given beside them."""


class BrokenPromise(Struct, frozen=True, kw_only=True, gc=False):
    """A reservation whose stock is gone: open units, and how many of them are short."""

    reservation_id: str
    conflict_id: str
    quantity: int
    short: int


class ConflictNote(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A conflict that a fact opened. Broken promises of one stock share one note."""

    conflict_id: str
    kind: str
    short: int
    reservations: tuple[BrokenPromise, ...] = ()
    reservations_total: int = 0


class MovementResult(Struct, frozen=True, kw_only=True, gc=False):
    """Where one movement was recorded: ledger position and version of its stock's stream.

    One that is `parked` stands in its conflict's stream; of a service nothing stands anywhere,
    its position is the head's.
    """

    position: int
    version: int
    conflicts: tuple[ConflictNote, ...] = ()
    replayed: bool = False  # It had been recorded before, under its own movement id.
    status: Literal["parked", "not_stocked"] | UnsetType = UNSET  # Absent: recorded.


class MovementsRecorded(Struct, frozen=True, kw_only=True, gc=False, tag="movements"):
    """One result a movement, in order. `position` is the last one written."""

    position: int
    results: tuple[MovementResult, ...]


class LineState(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a reservation: requested = granted + rejected, granted = the other four."""

    sku: str
    location: str
    requested: int
    granted: int
    rejected: int
    open: int
    fulfilled: int
    released: int
    expired: int


class ServiceLine(Struct, frozen=True, kw_only=True, gc=False):
    """A line about a service: no stock is kept of it, so nothing was promised or recorded."""

    sku: str
    quantity: int
    location: str | None = None


class ReservationState(Struct, frozen=True, kw_only=True, gc=False, tag="reservation"):
    """A reservation right after the command; `position` is the last one written, or the head's."""

    reservation_id: str
    status: str
    channel: str | None
    kind: HoldKind
    expires_at: Instant | None
    lines: tuple[LineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] = ()
    not_stocked: tuple[ServiceLine, ...] | UnsetType = UNSET  # Lines left out.


class TransferLineState(Struct, frozen=True, kw_only=True, gc=False):
    """One SKU of a transfer: dispatched = received + damaged + lost + returned + in_transit.

    `surplus` arrived although nobody reported its leaving; it stands outside that equation.
    """

    sku: str
    requested: int
    dispatched: int
    received: int
    damaged: int
    lost: int
    returned: int
    surplus: int
    in_transit: int


class TransferState(Struct, frozen=True, kw_only=True, gc=False, tag="transfer"):
    """A transfer right after the command; `position` is the last one written, or the head's."""

    transfer_id: str
    from_location: str
    to_location: str
    status: str
    lines: tuple[TransferLineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] = ()


class ReturnedAt(Struct, frozen=True, kw_only=True, gc=False):
    """Units of a return that lie in the bucket `returned` of a location."""

    location: str
    quantity: int


class ReturnLineState(Struct, frozen=True, kw_only=True):
    """One SKU of a return: received + waived = all dispositions + open.

    `awaited` may still come, `excess` came beyond what was authorised. `waived` were never
    received: credited without the goods, or found missing.
    """

    sku: str
    authorised: int
    received: int
    awaited: int
    excess: int
    waived: int
    inspected: int
    open: int
    grades: dict[str, int]
    dispositions: dict[str, int]
    at: tuple[ReturnedAt, ...]


class ReturnState(Struct, frozen=True, kw_only=True, tag="return"):
    """A return right after the command; `position` is the last one written, or the head's."""

    return_id: str
    status: str
    order: str | None
    lines: tuple[ReturnLineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] = ()


class SkuState(Struct, frozen=True, kw_only=True, tag="sku"):
    """A SKU as it is defined right after the command."""

    definition: SkuDefined
    version: int
    position: int


class LocationState(Struct, frozen=True, kw_only=True, tag="location"):
    """A location as it is defined right after the command."""

    definition: LocationDefined
    version: int
    position: int


class ChannelState(Struct, frozen=True, kw_only=True, tag="channel"):
    """A channel as it is defined right after the command, and how stale it was found last."""

    definition: ChannelDefined
    version: int
    measured_s: int
    position: int


class CredentialState(Struct, frozen=True, kw_only=True, gc=False, tag="credential"):
    """A channel's credential right after the command."""

    channel: str
    credential_id: str
    public_key: str
    issued_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    position: int


class EarlierFigure(Struct, frozen=True, kw_only=True, gc=False):
    """What had been entered before something else was."""

    counted: int
    counted_at: Instant


class CountLineState(Struct, frozen=True, kw_only=True, gc=False):
    """One figure of a count; `expected` and `variance` are None where they are not to be told."""

    sku: str
    bucket: PhysicalBucket
    counted: int
    counted_at: Instant
    expected: int | None
    variance: int | None
    approved: bool
    earlier: tuple[EarlierFigure, ...]


class CountState(Struct, frozen=True, kw_only=True, gc=False, tag="count"):
    """A count document right after the command; `missing` is None where no SKUs were named."""

    count_id: str
    location: str
    kind: CountKind
    status: str
    blind: bool
    approval_above: int | None
    approved_by: str | None
    lines: tuple[CountLineState, ...]
    missing: tuple[str, ...] | None
    position: int
    conflicts: tuple[ConflictNote, ...] = ()


class PeriodState(Struct, frozen=True, kw_only=True, gc=False, tag="period"):
    """A closed period; `position` is the last one written, or the head's."""

    closed: PeriodClosed
    position: int


class ReconciliationState(Struct, frozen=True, kw_only=True, gc=False, tag="reconciliation"):
    """What a reconciliation came to when it was recorded."""

    reconciliation_id: str
    recorded: ReconciliationRecorded
    position: int


class ReconciliationApproval(
    Struct, frozen=True, kw_only=True, gc=False, tag="reconciliation_approval"
):
    """Corrections that one approval made, a result each; `open` are proposed and not made yet."""

    reconciliation_id: str
    lines: tuple[ProposedLine, ...]
    results: tuple[MovementResult, ...]
    open: int
    position: int


class HoldsSwept(Struct, frozen=True, kw_only=True, gc=False, tag="holds_swept"):
    """How many holds of a stock the sweeper wrote down as expired."""

    position: int
    holds: int


class FenceState(Struct, frozen=True, kw_only=True, gc=False, tag="fence"):
    """A channel's ring-fence in one stock: units nobody has taken, and those its promises hold."""

    sku: str
    location: str
    channel: str
    free: int
    held: int
    position: int


class BackorderLimitState(Struct, frozen=True, kw_only=True, gc=False, tag="backorder_limit"):
    """How many units of a stock may be promised beyond those that are sellable."""

    sku: str
    location: str
    limit: int
    position: int


class ConflictState(Struct, frozen=True, kw_only=True, gc=False, tag="conflict"):
    """A conflict right after the command."""

    conflict_id: str
    kind: str
    status: str
    resolution: str | None
    note: str | None
    position: int


Outcome: TypeAlias = (
    MovementsRecorded
    | ReservationState
    | TransferState
    | HoldsSwept
    | ConflictState
    | FenceState
    | BackorderLimitState
    | SkuState
    | LocationState
    | ChannelState
    | CredentialState
    | ReturnState
    | CountState
    | PeriodState
    | ReconciliationState
    | ReconciliationApproval
)
