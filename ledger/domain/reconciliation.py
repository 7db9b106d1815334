"""A reconciliation: what was found, what is proposed, and what of that was approved."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import (
    AnyReconciliationEvent,
    ProposedLine,
    ReconciliationApproved,
    ReconciliationProposed,
    ReconciliationRecorded,
)

Key: TypeAlias = tuple[str, str]
"""A SKU and a location."""


class Proposal(Struct, frozen=True, kw_only=True, gc=False):
    """A proposed correction, and whether it was made."""

    line: ProposedLine
    approved: bool = False


class Reconciliation(Struct, frozen=True, kw_only=True):
    """A reconciliation after its last event."""

    reconciliation_id: str
    version: int
    recorded: ReconciliationRecorded
    lines: Mapping[Key, Proposal] = {}  # What is proposed, in order.

    @property
    def open(self) -> tuple[ProposedLine, ...]:
        """Proposed corrections that nobody has approved, in order."""
        return tuple(one.line for one in self.lines.values() if not one.approved)


def evolve(state: Reconciliation | None, event: AnyReconciliationEvent) -> Reconciliation:
    """The reconciliation after one more event of its stream."""
    if isinstance(event, ReconciliationRecorded):
        assert state is None, "a reconciliation is recorded once"
        return Reconciliation(reconciliation_id=event.reconciliation_id, version=1, recorded=event)
    assert state is not None, "a reconciliation's first event records it"
    lines = dict(state.lines)
    match event:
        case ReconciliationProposed():
            lines |= {(line.sku, line.location): Proposal(line=line) for line in event.lines}
        case ReconciliationApproved():
            for made in event.lines:
                key = (made.sku, made.location)
                lines[key] = msgspec.structs.replace(lines[key], approved=True)
    return msgspec.structs.replace(state, version=state.version + 1, lines=lines)
