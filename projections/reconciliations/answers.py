"""The shapes of reconciliations in answers."""

from msgspec import Struct

from ledger.domain.events import LocationTally, ProposedLine, Tally
from ledger.domain.values import Instant


class ReconciliationAnswer(Struct, frozen=True, kw_only=True):
    """One reconciliation; `at_location` is what it came to at the location asked for."""

    reconciliation_id: str
    source: str
    as_of: Instant
    known_position: int
    cut_position: int
    horizon: int
    measure: str
    tolerance_units: int
    tolerance_per_mille: int
    complete: bool
    alert: bool
    tally: Tally
    keys_elsewhere: int
    proposals: int
    proposals_left_out: int
    approved: int
    content: str
    version: int
    recorded_at: Instant
    recorded_position: int
    at_location: Tally | None = None


class Correction(Struct, frozen=True, kw_only=True):
    """A proposed correction; without a position nobody has approved it."""

    line: ProposedLine
    approved_position: int | None


class ReconciliationFound(Struct, frozen=True, kw_only=True):
    """The reconciliation asked for, if there is one, a page of its proposals, and where."""

    found: ReconciliationAnswer | None
    locations: list[LocationTally]
    corrections: list[Correction]
    position: int
    next_cursor: str | None


class ReconciliationsPage(Struct, frozen=True, kw_only=True):
    """A page of reconciliations, newest first."""

    items: list[ReconciliationAnswer]
    position: int
    next_cursor: str | None


class Latest(Struct, frozen=True, kw_only=True):
    """What the last reconciliation of a source came to."""

    source: str
    tally: Tally
    alert: bool
