"""Messages about reconciliations with other systems."""

from msgspec import Struct

from subscribers.messages.base import Message, Timestamp


class ReconciliationMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one reconciliation."""

    reconciliation_id: str


class Tally(Struct, frozen=True, kw_only=True):
    """What keys came to: `keys = matched + within + beyond`, `beyond` = the four classes.

    `within` differ by no more than the tolerance. `missing` are keys of the ledger that the list
    lacks, `unfamiliar` keys of the list that the ledger never saw; both are among the others.
    """

    keys: int
    matched: int
    within: int
    beyond: int
    missing: int
    unfamiliar: int
    in_flight: int
    late: int
    duplicate: int
    unknown: int
    in_flight_units: int
    late_units: int
    duplicate_units: int
    unknown_units: int
    net_units: int


class LocationTally(Struct, frozen=True, kw_only=True):
    """The keys of one location."""

    location: str
    tally: Tally


class ReconciliationRecorded(ReconciliationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Balances of another system were compared with the ledger's, as known at a position.

    `alert`: some key differs by more than the tolerance.
    """

    TYPE = "inventory.reconciliation.recorded.v1"
    source: str
    content: str
    as_of: Timestamp
    known_position: int
    cut_position: int
    horizon: int
    measure: str
    tolerance_units: int
    tolerance_per_mille: int
    complete: bool
    alert: bool
    tally: Tally
    locations: tuple[LocationTally, ...]
    keys_elsewhere: int = 0
    proposals: int = 0
    proposals_left_out: int = 0


class ProposedLine(Struct, frozen=True, kw_only=True):
    """A variance that nothing explains, and by how much the ledger would be adjusted."""

    sku: str
    location: str
    theirs: int
    ours: int
    delta: int


class ReconciliationProposed(ReconciliationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Corrections that somebody may approve; until then nothing comes of them."""

    TYPE = "inventory.reconciliation.proposed.v1"
    lines: tuple[ProposedLine, ...]


class ApprovedLine(Struct, frozen=True, kw_only=True):
    """A correction that was made in the same commit."""

    sku: str
    location: str
    delta: int


class ReconciliationApproved(ReconciliationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody stands for corrections; `as_of` is the moment whose balances they come from."""

    TYPE = "inventory.reconciliation.approved.v1"
    lines: tuple[ApprovedLine, ...]
    approved_by: str
    as_of: Timestamp
