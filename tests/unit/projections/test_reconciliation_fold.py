"""Reconciliations as rows: begun, proposed, approved, in batches cut anywhere."""

import pytest

from ledger.domain.events import (
    AnyEvent,
    ApprovedLine,
    ReconciliationApproved,
    ReconciliationProposed,
)
from ledger.domain.values import Instant
from projections.reconciliations.classify import Explanation
from projections.reconciliations.comparison import (
    LOCATIONS_MAX,
    PROPOSALS_MAX,
    Findings,
    Variance,
    allowed,
)
from projections.reconciliations.projection import Progress, fold, needed
from tests.support.reconciled import found, proposal
from tests.unit.projections.builders import recorded

AT: Instant = 5
EVENTS: list[AnyEvent] = [
    found("erp-1", proposal("MUG", 2), proposal("LAMP", 1), proposal("VASE", 4)).found,
    ReconciliationProposed(
        occurred_at=AT, reconciliation_id="erp-1", lines=(proposal("MUG", 2), proposal("LAMP", 1))
    ),
    ReconciliationProposed(occurred_at=AT, reconciliation_id="erp-1", lines=(proposal("VASE", 4),)),
    ReconciliationApproved(
        occurred_at=AT,
        reconciliation_id="erp-1",
        lines=(ApprovedLine(sku="LAMP", location="ams-1", delta=1),),
        approved_by="desk",
        as_of=1,
    ),
]


@pytest.mark.parametrize("cut", range(len(EVENTS) + 1))
def test_a_batch_may_be_cut_anywhere(cut: int) -> None:
    """Versions, places and counts go on where the batch before them ended."""
    rows = recorded(EVENTS)
    known: dict[str, Progress] = {}
    places: list[tuple[str, int]] = []
    approved: list[tuple[str, str, str, int]] = []
    for part in (rows[:cut], rows[cut:]):
        assert needed(part) <= known.keys()
        changes = fold(part, known)
        places += [(line.line.sku, line.place) for line in changes.lines]
        approved += changes.approved

    assert [("MUG", 0), ("LAMP", 1), ("VASE", 2)] == places
    assert [("erp-1", "LAMP", "ams-1", 4)] == approved
    assert (4, 3, 1, 4) == (
        known["erp-1"].version,
        known["erp-1"].proposed,
        known["erp-1"].approved,
        known["erp-1"].position,
    )


def variance(sku: str, units: int, location: str = "ams-1") -> Variance:
    """A key that nothing explains."""
    unknown = Explanation("unknown", (), units)
    return Variance(sku=sku, location=location, theirs=units, ours=0, explanation=unknown)


def test_the_largest_variances_are_proposed() -> None:
    """A list that agrees nowhere does not fill the ledger with proposals."""
    findings = Findings()
    for units in range(1, PROPOSALS_MAX + 3):
        findings.take(variance(f"SKU-{units}", units))
    deltas = [line.delta for line in findings.proposals]

    assert list(range(PROPOSALS_MAX + 2, 2, -1)) == deltas
    assert (2, PROPOSALS_MAX + 2) == (findings.proposals_left_out, findings.tally.unknown)


def test_only_so_many_locations_have_a_tally_of_their_own() -> None:
    """The others are in the total, and their keys are counted."""
    findings = Findings()
    for number in range(LOCATIONS_MAX + 2):
        findings.close(f"place-{number}", number % 2)
    findings.take(variance("MUG", 3, f"place-{LOCATIONS_MAX}"))

    assert (LOCATIONS_MAX, 3) == (len(findings.locations), findings.keys_elsewhere)
    tally = findings.tally
    assert tally.keys == tally.matched + tally.within + tally.beyond == LOCATIONS_MAX + 3


@pytest.mark.parametrize(
    ("ours", "units", "per_mille", "tolerance"),
    [
        (100, 0, 0, 0),
        (100, 3, 0, 3),
        (1_999, 0, 1, 1),
        (2_000, 1, 1, 2),
        (-2_000, 0, 10, 20),
        (0, 0, 1_000, 0),
    ],
)
def test_the_greater_tolerance_counts(
    ours: int, units: int, per_mille: int, tolerance: int
) -> None:
    """Whole units: what is less than one is none."""
    assert tolerance == allowed(ours, units, per_mille)
