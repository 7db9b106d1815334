"""Reconciliations, as they are asked for and as they are answered."""

from typing import Annotated, Any, Final, Self, TypeAlias

import msgspec
from msgspec import Meta, Struct, structs

from api.schemas.amounts import SignedText, Unit
from api.schemas.fields import DocumentId, Time, check_code, instant_of, rfc3339, time_of
from api.schemas.questions import Cursor, KnownAt, Limit, Position, Timestamp
from ledger.domain import commands
from ledger.domain.events import LocationTally, Measure, ReconciliationRecorded, Tally
from ledger.domain.outcomes import ConflictNote, ReconciliationApproval
from ledger.domain.refusals import Malformed
from ledger.domain.values import MICROSECONDS_PER_SECOND, QUANTITY_MAX, Code, Instant
from projections.reconciliations import answers
from projections.reconciliations.classify import Change, Part, Role, VarianceClass
from projections.reconciliations.comparison import Variance
from projections.reconciling import WINDOW_DEFAULT_S, Pins, Terms

_LINES_MAX: Final = 1_000  # Corrections of one approval: as many movements as one call may make.
_LOCATIONS_MAX: Final = 1_000
_WINDOW_MAX_S: Final = 7 * 86_400
MOVEMENTS_SHOWN_MAX: Final = 100
"""Movements listed of one part of an explanation; the total is given beside them."""

VARIANCES_SHOWN_MAX: Final = 10_000
"""Variances in an answer that is one JSON object, some 10 MB; a stream of lines has them all."""

Balance: TypeAlias = Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
"""Units in the SKU's smallest unit; another system may think that it has fewer than none."""

PerMille: TypeAlias = Annotated[int, Meta(ge=0, le=1_000)]
Units: TypeAlias = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class ToleranceRequest(_Request, frozen=True):
    """By how much balances may differ: units, or thousandths of ours; the greater one counts."""

    units: Units = 0
    per_mille: PerMille = 0


class ReconciliationHead(_Request, frozen=True, kw_only=True):
    """All that is said of a list but its balances: the first line of a stream of lines.

    `taken_at` is when the other system drew its balances up, where that is not `as_of`: what was
    recorded later it cannot have known. `window_s` around `as_of` is what counts as near it.
    `complete`: keys of the ledger that the list lacks count as none there, at the `locations`
    named, or else at those of the list. Without an id the idempotency key is the id.
    """

    source: Code
    as_of: Time | None = None
    known_at: KnownAt | Position | None = None
    taken_at: Time | None = None
    reconciliation_id: DocumentId | None = None
    measure: Measure = "on_hand"
    tolerance: Units | ToleranceRequest = 0
    window_s: Annotated[int, Meta(ge=0, le=_WINDOW_MAX_S)] = WINDOW_DEFAULT_S
    complete: bool = False
    locations: Annotated[tuple[Code, ...], Meta(max_length=_LOCATIONS_MAX)] = ()


class BalanceRequest(_Request, frozen=True):
    """What the other system has of one SKU at one location: written like any quantity."""

    sku: Code
    location: Code
    quantity: Balance | SignedText
    uom: Unit | None = None


class ReconciliationRequest(ReconciliationHead, frozen=True, kw_only=True):
    """The balances of another system at a moment, each SKU and location once."""

    balances: tuple[BalanceRequest, ...]


class KeyRequest(_Request, frozen=True):
    """A proposed correction, by what it corrects."""

    sku: Code
    location: Code


class ApproveRequest(_Request, frozen=True):
    """Which corrections shall be made; without lines, all that are proposed and not made yet."""

    lines: Annotated[tuple[KeyRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)] | None = (
        None
    )


# --- answers ------------------------------------------------------------------------------------


class EvidenceItem(Struct, frozen=True, kw_only=True, gc=False):
    """An event behind a variance; `quantity` is what it did to the compared balance."""

    position: int
    movement_id: str | None
    type: str
    occurred_at: Timestamp
    recorded_at: Timestamp
    quantity: int
    reference: str | None
    transfer_id: str | None

    @classmethod
    def of(cls, change: Change) -> Self:
        """The public form of a change."""
        return cls(
            position=change.position,
            movement_id=change.movement_id,
            type=change.type,
            occurred_at=rfc3339(change.occurred_at),
            recorded_at=rfc3339(change.recorded_at),
            quantity=change.delta,
            reference=change.reference,
            transfer_id=change.transfer_id,
        )


class PartItem(Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a variance: its class, what the other system did, and with which movements."""

    class_: VarianceClass = msgspec.field(name="class")
    role: Role
    quantity: int
    movements: tuple[EvidenceItem, ...]
    movements_total: int

    @classmethod
    def of(cls, part: Part) -> Self:
        """The public form of a part."""
        return cls(
            class_=part.kind,
            role=part.role,
            quantity=part.quantity,
            movements=tuple(map(EvidenceItem.of, part.changes[:MOVEMENTS_SHOWN_MAX])),
            movements_total=len(part.changes),
        )


class VarianceItem(Struct, frozen=True, kw_only=True, gc=False):
    """A key whose balances differ by more than the tolerance: `variance = theirs - ours`.

    `missing`: the list lacks it. `unfamiliar`: the ledger never saw it. `proposal` is by how much
    the ledger would be adjusted, if somebody approves that.
    """

    sku: str
    location: str
    theirs: int
    ours: int
    variance: int
    class_: VarianceClass = msgspec.field(name="class")
    missing: bool
    unfamiliar: bool
    unexplained: int
    explanation: tuple[PartItem, ...]
    proposal: int | None

    @classmethod
    def of(cls, variance: Variance) -> Self:
        """The public form of a variance."""
        kind, parts, unexplained = variance.explanation
        return cls(
            sku=variance.sku,
            location=variance.location,
            theirs=variance.theirs,
            ours=variance.ours,
            variance=variance.variance,
            class_=kind,
            missing=variance.missing,
            unfamiliar=variance.unfamiliar,
            unexplained=unexplained,
            explanation=tuple(map(PartItem.of, parts)),
            proposal=variance.variance if kind == "unknown" else None,
        )


class ReconciliationSummary(Struct, frozen=True, kw_only=True):
    """What a reconciliation came to; `alert`: some key differs by more than the tolerance.

    `keys_elsewhere` are keys at locations beyond the ones listed: only in the totals.
    """

    reconciliation_id: str
    source: str
    as_of: Timestamp
    known_at_position: int
    cut_position: int
    horizon: int
    measure: Measure
    tolerance: ToleranceRequest
    complete: bool
    alert: bool
    totals: Tally
    keys_elsewhere: int
    proposals: int
    proposals_left_out: int


class ReconciliationHeadAnswer(ReconciliationSummary, frozen=True, kw_only=True):
    """The first line of an answer that is a stream of lines; each further one is a variance."""

    locations: tuple[LocationTally, ...]
    position: int


class ReconciliationReply(ReconciliationHeadAnswer, frozen=True, kw_only=True):
    """What a reconciliation came to, and every key that differs by more than the tolerance."""

    variances: tuple[VarianceItem, ...]
    variances_left_out: int


class ReconciliationItem(ReconciliationSummary, frozen=True, kw_only=True):
    """A reconciliation as it stands; `at_location` is what it came to at the location asked for."""

    recorded_at: Timestamp
    recorded_position: int
    approved: int
    version: int
    at_location: Tally | None

    @classmethod
    def of(cls, answer: answers.ReconciliationAnswer) -> Self:
        """The public form of a reconciliation."""
        return cls(**_public(answer))


class CorrectionItem(Struct, frozen=True, kw_only=True, gc=False):
    """A proposed correction; `approved_position` is null until somebody approves it."""

    sku: str
    location: str
    theirs: int
    ours: int
    delta: int
    approved_position: int | None

    @classmethod
    def of(cls, correction: answers.Correction) -> Self:
        """The public form of a correction."""
        return cls(
            **structs.asdict(correction.line), approved_position=correction.approved_position
        )


class ReconciliationFound(ReconciliationItem, frozen=True, kw_only=True):
    """One reconciliation with a page of its proposed corrections, and where it was read."""

    locations: list[LocationTally]
    corrections: list[CorrectionItem]
    position: int
    next_cursor: str | None


class ReconciliationsPage(Struct, frozen=True, kw_only=True):
    """Reconciliations, newest first: the trend of a source, or of a location."""

    items: list[ReconciliationItem]
    position: int
    next_cursor: str | None


class CorrectedItem(Struct, frozen=True, kw_only=True, gc=False):
    """A correction that was made: an adjustment, a movement under an id of its own."""

    sku: str
    location: str
    delta: int
    movement_id: str
    position: int
    version: int
    conflicts: tuple[ConflictNote, ...]


class ApprovalAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """The corrections that this approval made, and how many are still proposed."""

    reconciliation_id: str
    corrected: tuple[CorrectedItem, ...]
    open: int
    position: int

    @classmethod
    def of(cls, outcome: ReconciliationApproval, key: str) -> Self:
        """The public form of what the ledger answered."""
        corrected = tuple(
            CorrectedItem(
                sku=line.sku,
                location=line.location,
                delta=line.delta,
                movement_id=f"{key}/{index}",
                position=result.position,
                version=result.version,
                conflicts=result.conflicts,
            )
            for index, (line, result) in enumerate(zip(outcome.lines, outcome.results, strict=True))
        )
        return cls(
            reconciliation_id=outcome.reconciliation_id,
            corrected=corrected,
            open=outcome.open,
            position=outcome.position,
        )


class OneReconciliationQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about one reconciliation; pages go through its proposed corrections."""

    min_position: Position = 0
    cursor: Cursor | None = None
    limit: Limit = 100


class ReconciliationsQuery(OneReconciliationQuery, frozen=True):
    """Which reconciliations."""

    source: Code | None = None
    location: Code | None = None


# --- from one form to another -------------------------------------------------------------------

HEAD: Final = msgspec.json.Decoder(ReconciliationHead)
LIST: Final = msgspec.json.Decoder(ReconciliationRequest)
BALANCE: Final = msgspec.json.Decoder(BalanceRequest)
APPROVE: Final = msgspec.json.Decoder(ApproveRequest)


class Asked(Struct, frozen=True, kw_only=True):
    """What the head of a list says, in the ledger's words."""

    head: ReconciliationHead
    as_of: Instant
    taken_at: Instant
    known: int | None
    known_is_position: bool


def asked_of(head: ReconciliationHead, now: Instant) -> Asked:
    """Check a head. Raises Malformed."""
    check_code("$.source", head.source)
    for index, location in enumerate(head.locations):
        check_code(f"$.locations[{index}]", location)
    as_of = instant_of(head.as_of, "$.as_of")
    taken_at = instant_of(head.taken_at, "$.taken_at")
    known, is_position = _known(head.known_at)
    as_of = now if as_of is None else as_of
    return Asked(
        head=head,
        as_of=as_of,
        taken_at=as_of if taken_at is None else taken_at,
        known=known,
        known_is_position=is_position,
    )


def _known(given: str | int | None) -> tuple[int | None, bool]:
    """A position, or a time. Raises Malformed."""
    if isinstance(given, str) and not (given.isascii() and given.isdigit()):
        return time_of(given, "$.known_at"), False
    if given is None:
        return None, False
    position = int(given)
    if position > 2**63 - 1:
        raise Malformed("$.known_at", f"no position is as large as {position}")
    return position, True


def terms_of(head: ReconciliationHead, pins: Pins) -> Terms:
    """How the balances are to be compared."""
    tolerance = tolerance_of(head)
    return Terms(
        pins=pins,
        measure=head.measure,
        tolerance_units=tolerance.units,
        tolerance_per_mille=tolerance.per_mille,
        window=head.window_s * MICROSECONDS_PER_SECOND,
        complete=head.complete,
        locations=head.locations,
    )


def tolerance_of(head: ReconciliationHead) -> ToleranceRequest:
    """Both parts of a tolerance."""
    given = head.tolerance
    return ToleranceRequest(units=given) if isinstance(given, int) else given


def approve_of(
    reconciliation_id: str, request: ApproveRequest, at_most: int
) -> commands.ApproveReconciliation:
    """The command. Raises Malformed with the line's path, or where they are too many."""
    if request.lines is not None and len(request.lines) > at_most:
        raise Malformed("$.lines", f"at most {at_most} in one call, {len(request.lines)} given")
    lines: dict[tuple[str, str], commands.KeyLine] = {}
    for index, line in enumerate(request.lines or ()):
        at = f"$.lines[{index}]"
        check_code(f"{at}.sku", line.sku)
        check_code(f"{at}.location", line.location)
        if (line.sku, line.location) in lines:
            raise Malformed(at, "is named twice")
        key = commands.KeyLine(sku=line.sku, location=line.location)
        lines[line.sku, line.location] = key
    return commands.ApproveReconciliation(
        reconciliation_id=reconciliation_id,
        lines=None if request.lines is None else tuple(lines.values()),
        at_most=at_most,
    )


def head_answer(recorded: ReconciliationRecorded, position: int) -> ReconciliationHeadAnswer:
    """What was recorded, as it is answered."""
    return ReconciliationHeadAnswer(
        **_summary(recorded), locations=recorded.locations, position=position
    )


def reply(
    head: ReconciliationHeadAnswer, variances: list[VarianceItem], left_out: int
) -> ReconciliationReply:
    """The whole answer as one object."""
    return ReconciliationReply(
        **{name: getattr(head, name) for name in head.__struct_fields__},
        variances=tuple(variances),
        variances_left_out=left_out,
    )


def found(answer: answers.ReconciliationFound) -> ReconciliationFound:
    """One reconciliation that was found."""
    assert answer.found is not None
    return ReconciliationFound(
        **_public(answer.found),
        locations=answer.locations,
        corrections=[CorrectionItem.of(one) for one in answer.corrections],
        position=answer.position,
        next_cursor=answer.next_cursor,
    )


def _public(answer: answers.ReconciliationAnswer) -> dict[str, Any]:
    return {
        **_summary(answer),
        "recorded_at": rfc3339(answer.recorded_at),
        "recorded_position": answer.recorded_position,
        "approved": answer.approved,
        "version": answer.version,
        "at_location": answer.at_location,
    }


def _summary(of: ReconciliationRecorded | answers.ReconciliationAnswer) -> dict[str, Any]:
    return {
        "reconciliation_id": of.reconciliation_id,
        "source": of.source,
        "as_of": rfc3339(of.as_of),
        "known_at_position": of.known_position,
        "cut_position": of.cut_position,
        "horizon": of.horizon,
        "measure": of.measure,
        "tolerance": ToleranceRequest(units=of.tolerance_units, per_mille=of.tolerance_per_mille),
        "complete": of.complete,
        "alert": of.alert,
        "totals": of.tally,
        "keys_elsewhere": of.keys_elsewhere,
        "proposals": of.proposals,
        "proposals_left_out": of.proposals_left_out,
    }
