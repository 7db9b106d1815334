"""Reconciliations of tests in one line each."""

from typing import Any, Final

from msgspec.structs import replace

from ledger.domain import commands as c
from ledger.domain.events import LocationTally, ProposedLine, ReconciliationRecorded, Tally
from tests.support.builders import PLACE
from tests.support.manual_clock import START

_BEFORE: Final = ReconciliationRecorded(
    occurred_at=0,
    reconciliation_id="",
    source="erp",
    content="",
    as_of=START,
    known_position=1,
    cut_position=1,
    horizon=1,
    measure="on_hand",
    tolerance_units=0,
    tolerance_per_mille=0,
    complete=False,
    alert=False,
    tally=Tally(),
    locations=(),
)


def proposal(sku: str, delta: int, location: str = PLACE) -> ProposedLine:
    """A variance that nothing explained."""
    return ProposedLine(sku=sku, location=location, theirs=9 + delta, ours=9, delta=delta)


def found(
    reconciliation_id: str, *proposals: ProposedLine, content: str = "list-1", **fields: Any
) -> c.RecordReconciliation:
    """What a list came to of which so much was unexplained, and one key was equal."""
    locations = dict.fromkeys(one.location for one in proposals)
    tallies = {place: _tally([p for p in proposals if p.location == place]) for place in locations}
    recorded = replace(
        _BEFORE,
        reconciliation_id=reconciliation_id,
        content=content,
        tally=_tally(list(proposals)),
        alert=bool(proposals),
        locations=tuple(LocationTally(location=p, tally=t) for p, t in tallies.items()),
        proposals=len(proposals),
        **fields,
    )
    return c.RecordReconciliation(found=recorded, proposals=proposals)


def _tally(proposals: list[ProposedLine]) -> Tally:
    many = len(proposals)
    return Tally(
        keys=many,
        beyond=many,
        unknown=many,
        unknown_units=sum(abs(one.delta) for one in proposals),
        net_units=sum(one.delta for one in proposals),
    )


def approve(reconciliation_id: str, *skus: str, location: str = PLACE) -> c.ApproveReconciliation:
    """Have proposals made: those of some SKUs, or all."""
    lines = tuple(c.KeyLine(sku=sku, location=location) for sku in skus)
    return c.ApproveReconciliation(reconciliation_id=reconciliation_id, lines=lines or None)
