"""Events to reconciliations, given how far those that a batch goes on with have come."""

from typing import Final, TypeAlias, get_args

from msgspec import Struct, field

from ledger.domain.events import (
    AnyReconciliationEvent,
    LocationTally,
    ProposedLine,
    ReconciliationApproved,
    ReconciliationEvent,
    ReconciliationProposed,
    ReconciliationRecorded,
)
from ledger.recorded import Recorded
from projections.batch import Batch

_CONCERNED: Final = frozenset[type](get_args(AnyReconciliationEvent))


class Progress(Struct, kw_only=True):
    """How far a reconciliation has come. `recorded` only where the batch begins with it."""

    version: int
    proposed: int  # Lines so far: the next one's place.
    approved: int
    position: int
    recorded: ReconciliationRecorded | None = None
    recorded_position: int = 0


class Line(Struct, frozen=True):
    """A proposed correction and its place."""

    reconciliation_id: str
    place: int
    line: ProposedLine


Approved: TypeAlias = tuple[str, str, str, int]
"""Reconciliation, SKU, location, and the position of the approval."""


class Changes(Struct):
    """What a batch makes of the reconciliations it touches."""

    progress: dict[str, Progress] = field(default_factory=dict)
    locations: list[tuple[str, LocationTally]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    approved: list[Approved] = field(default_factory=list)


def concerned(batch: Batch) -> list[Recorded]:
    """The events of a batch that are about reconciliations."""
    return batch.of(_CONCERNED)


def needed(events: list[Recorded]) -> set[str]:
    """Reconciliations that the events go on with: all but those they begin."""
    named, begun = set(), set()
    for one in events:
        assert isinstance(one.event, ReconciliationEvent)
        named.add(one.event.reconciliation_id)
        if isinstance(one.event, ReconciliationRecorded):
            begun.add(one.event.reconciliation_id)
    return named - begun


def fold(events: list[Recorded], known: dict[str, Progress]) -> Changes:
    """What the events change; `known` moves on with them."""
    changes = Changes()
    for recorded in events:
        event, position = recorded.event, recorded.position
        assert isinstance(event, AnyReconciliationEvent)
        key = event.reconciliation_id
        if isinstance(event, ReconciliationRecorded):
            known[key] = Progress(
                version=0,
                proposed=0,
                approved=0,
                position=position,
                recorded=event,
                recorded_position=position,
            )
            changes.locations += [(key, one) for one in event.locations]
        progress = changes.progress[key] = known[key]
        progress.version += 1
        progress.position = position
        if isinstance(event, ReconciliationProposed):
            places = enumerate(event.lines, start=progress.proposed)
            changes.lines += [Line(key, place, line) for place, line in places]
            progress.proposed += len(event.lines)
        elif isinstance(event, ReconciliationApproved):
            changes.approved += [(key, line.sku, line.location, position) for line in event.lines]
            progress.approved += len(event.lines)
    return changes
