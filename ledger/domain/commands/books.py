"""Intents of those who keep the books: periods and reconciliations."""

from msgspec import Struct

from ledger.domain.commands.base import Command
from ledger.domain.events import ProposedLine, ReconciliationRecorded
from ledger.domain.values import Code, Id, Instant


class ClosePeriod(Command, frozen=True, tag="close_period"):
    """Pin what is known about a span of business time; without a location, of the whole network."""

    period_id: Id
    starts_at: Instant
    ends_at: Instant
    location: Code | None = None


class RecordReconciliation(Command, frozen=True, tag="record_reconciliation"):
    """Keep what the comparison of another system's balances with the ledger's came to.

    `found` is what will be recorded, but for its time, which is that of the decision.
    """

    found: ReconciliationRecorded
    proposals: tuple[ProposedLine, ...] = ()

    @property
    def reconciliation_id(self) -> str:
        """The id it is recorded under."""
        return self.found.reconciliation_id

    @property
    def asked(self) -> tuple[str, str, str]:
        """What of it the caller asked for: the rest follows from how far the ledger had got."""
        return "reconciliation", self.reconciliation_id, self.found.content


class KeyLine(Struct, frozen=True, kw_only=True, gc=False):
    """A SKU at a location."""

    sku: Code
    location: Code


class ApproveReconciliation(Command, frozen=True, tag="approve_reconciliation"):
    """Make proposed corrections. Without lines, all that are open, as many as one call may make."""

    reconciliation_id: Id
    lines: tuple[KeyLine, ...] | None = None
    at_most: int = 1_000
