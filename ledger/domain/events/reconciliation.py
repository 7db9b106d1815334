"""Events of `reconciliation/<id>`: what another system's balances came to beside the ledger's."""

from typing import Literal, TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import Code, Id, Instant, Text, reconciliation_stream

Measure: TypeAlias = Literal["on_hand", "sellable", "available"]
"""What the other system's figures are figures of."""


class ReconciliationEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one reconciliation."""

    reconciliation_id: Id

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return reconciliation_stream(self.reconciliation_id)


class Tally(Struct, frozen=True, kw_only=True, gc=False):
    """What keys came to: `keys = matched + within + beyond`, `beyond` = the four classes.

    `within` differ by no more than the tolerance. `missing` are keys of the ledger that the list
    lacks, `unfamiliar` keys of the list that the ledger never saw; both are among the others.
    Units are those of variances beyond the tolerance, by what explains them, whatever their sign.
    """

    keys: int = 0
    matched: int = 0
    within: int = 0
    beyond: int = 0
    missing: int = 0
    unfamiliar: int = 0
    in_flight: int = 0
    late: int = 0
    duplicate: int = 0
    unknown: int = 0
    in_flight_units: int = 0
    late_units: int = 0
    duplicate_units: int = 0
    unknown_units: int = 0
    net_units: int = 0  # Of every key: how much more (fewer: negative) the other system has.


class LocationTally(Struct, frozen=True, kw_only=True, gc=False):
    """The keys of one location."""

    location: Code
    tally: Tally


class ReconciliationRecorded(ReconciliationEvent, frozen=True, tag="reconciliation.recorded.v1"):
    """Balances of another system were compared with the ledger's, as known at a position.

    `content` is a digest of what was asked: the same list under the same id is the same one.
    """

    source: Text
    content: Id
    as_of: Instant
    known_position: int
    cut_position: int  # The last one the other system can have known; 0: none.
    horizon: int  # The last one looked at for explanations.
    measure: Measure
    tolerance_units: int
    tolerance_per_mille: int
    complete: bool  # Keys that the list lacks counted as none.
    alert: bool  # Some key differs by more than the tolerance.
    tally: Tally
    locations: tuple[LocationTally, ...]
    keys_elsewhere: int = 0  # At locations beyond those; only in the tally.
    proposals: int = 0  # Corrections proposed, in the events that follow.
    proposals_left_out: int = 0


class ProposedLine(Struct, frozen=True, kw_only=True, gc=False):
    """A variance that nothing explains, and by how much the ledger would be adjusted."""

    sku: Code
    location: Code
    theirs: int
    ours: int
    delta: int


class ReconciliationProposed(ReconciliationEvent, frozen=True, tag="reconciliation.proposed.v1"):
    """Corrections that somebody may approve; until then nothing comes of them."""

    lines: tuple[ProposedLine, ...]


class ApprovedLine(Struct, frozen=True, kw_only=True, gc=False):
    """A proposed correction that was made in the same commit."""

    sku: Code
    location: Code
    delta: int


class ReconciliationApproved(ReconciliationEvent, frozen=True, tag="reconciliation.approved.v1"):
    """Somebody stands for corrections; `as_of` is the moment whose balances they come from."""

    lines: tuple[ApprovedLine, ...]
    approved_by: Text
    as_of: Instant


AnyReconciliationEvent: TypeAlias = (
    ReconciliationRecorded | ReconciliationProposed | ReconciliationApproved
)
