"""What the auditor reads in the events of reconciliations: shapes of his own, as in `wire`."""

from typing import TypeAlias

from msgspec import Struct


class Document(Struct, gc=False, kw_only=True):
    """What all events of one reconciliation have."""

    reconciliation_id: str
    occurred_at: int


class Numbers(Struct, gc=False, kw_only=True):
    """What keys came to."""

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


class Place(Struct, gc=False, kw_only=True):
    """The keys of one location."""

    location: str
    tally: Numbers


class Told(Document, gc=False, kw_only=True, tag="reconciliation.recorded.v1"):
    """Somebody else's balances were compared with the ledger's."""

    source: str
    content: str
    as_of: int
    known_position: int
    cut_position: int
    horizon: int
    measure: str
    tolerance_units: int
    tolerance_per_mille: int
    complete: bool
    alert: bool
    tally: Numbers
    locations: tuple[Place, ...]
    keys_elsewhere: int = 0
    proposals: int = 0
    proposals_left_out: int = 0


class Correction(Struct, gc=False, kw_only=True):
    """What might be corrected."""

    sku: str
    location: str
    theirs: int
    ours: int
    delta: int


class Suggested(Document, gc=False, kw_only=True, tag="reconciliation.proposed.v1"):
    """Corrections that nobody has made yet."""

    lines: tuple[Correction, ...]


class Made(Struct, gc=False, kw_only=True):
    """What was corrected."""

    sku: str
    location: str
    delta: int


class Agreed(Document, gc=False, kw_only=True, tag="reconciliation.approved.v1"):
    """Somebody had them made."""

    lines: tuple[Made, ...]
    approved_by: str
    as_of: int


AnyReconciliation: TypeAlias = Told | Suggested | Agreed
