"""Reconciliations: recorded once, corrected on approval, each line once."""

import pytest
from msgspec.structs import replace

from ledger.domain import refusals as r
from ledger.domain.decisions.reconciliations import LINES_PER_EVENT_MAX
from ledger.domain.events import (
    ConflictOpened,
    ReconciliationApproved,
    ReconciliationProposed,
    ReconciliationRecorded,
    StockAdjusted,
)
from tests.support.builders import count, receive
from tests.support.catalogs import define, may, place, service
from tests.support.given import given, happened, strictly_given
from tests.support.manual_clock import START
from tests.support.reconciled import approve, found, proposal

RECORDED = happened(ReconciliationRecorded)


def test_what_a_list_came_to_is_recorded_with_what_it_proposes() -> None:
    """Nothing of it touches a stock."""
    then = given(receive(9)).when(found("erp-1", proposal("MUG", 2)))

    then.then(RECORDED, happened(ReconciliationProposed, lines=(proposal("MUG", 2),))).leaving(
        on_hand=9
    )


def test_a_list_without_proposals_is_one_event() -> None:
    """Every list is part of the trend, also one that agrees."""
    given().when(found("erp-1")).then(happened(ReconciliationRecorded, alert=False))


def test_many_proposals_come_in_several_events() -> None:
    """Each has to fit into a message."""
    many = [proposal(f"SKU-{n}", 1) for n in range(LINES_PER_EVENT_MAX + 1)]
    decision = given().when(found("erp-1", *many)).decision

    assert [LINES_PER_EVENT_MAX, 1] == [
        len(event.lines) for event in decision.events if isinstance(event, ReconciliationProposed)
    ]


def test_the_same_list_again_decides_nothing_and_another_one_is_refused() -> None:
    """An id is of one list."""
    ledger = given(found("erp-1", proposal("MUG", 2)))

    ledger.when(found("erp-1", proposal("MUG", 2))).then_nothing()
    ledger.when(found("erp-1", content="list-2")).then_refused(
        r.IdTaken, what="reconciliation", id="erp-1"
    )


def test_an_approval_makes_the_correction_now() -> None:
    """The moment of the balances stays in the approval: there, a count would absorb it."""
    then = given(receive(9), found("erp-1", proposal("MUG", -2))).when(approve("erp-1", "MUG"))

    then.then(
        happened(ReconciliationApproved, as_of=START, approved_by="till-7"),
        happened(StockAdjusted, sku="MUG", delta=-2),
    ).leaving(on_hand=7).answering(open=0)
    (_, adjusted) = then.decision.effects
    assert ("reconciliation", "erp-1") == (adjusted.cause.reason, adjusted.cause.reference)
    assert adjusted.cause.movement_id is not None
    assert adjusted.event.occurred_at == then.decision.now


def test_each_line_is_corrected_once() -> None:
    """Whoever approves all of it gets what is still open."""
    ledger = given(found("erp-1", proposal("MUG", 2), proposal("LAMP", 3)), approve("erp-1", "MUG"))

    ledger.when(approve("erp-1", "MUG")).then_nothing().answering(open=1, lines=())
    ledger.when(approve("erp-1")).then(
        happened(ReconciliationApproved), happened(StockAdjusted, sku="LAMP")
    ).answering(open=0)
    ledger.when(approve("erp-1")).then_nothing()


def test_one_approval_makes_no_more_than_one_call_may_move() -> None:
    """The rest is for the next one."""
    ledger = given(found("erp-1", *(proposal(f"SKU-{n}", 1) for n in range(5))))
    some = replace(approve("erp-1"), at_most=3)

    ledger.when(some).answering(open=2)
    ledger.when(some).answering(open=0)
    ledger.when(some).then_nothing()


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        (approve("erp-2"), {"what": "reconciliation", "id": "erp-2"}),
        (approve("erp-1", "MUG", "LAMP"), {"id": "LAMP at ams-1"}),
    ],
)
def test_what_was_never_proposed_is_not_approved(command: object, facts: dict[str, str]) -> None:
    """And nothing else of that approval either."""
    given(found("erp-1", proposal("MUG", 2))).when(command).then_refused(r.NotFound, **facts)  # type: ignore[arg-type]


def test_a_correction_may_break_what_any_fact_may_break() -> None:
    """It is recorded all the same, and the conflict is named."""
    given(receive(1), found("erp-1", proposal("MUG", -2))).when(approve("erp-1")).then(
        happened(ReconciliationApproved), happened(StockAdjusted), happened(ConflictOpened)
    )


def test_a_count_of_later_does_not_see_a_correction_of_now() -> None:
    """A correction behind an anchor moves the present."""
    given(receive(9), count(5), found("erp-1", proposal("MUG", 2))).when(approve("erp-1")).then(
        happened(ReconciliationApproved), happened(StockAdjusted, delta=2)
    ).leaving(on_hand=7)


def test_only_who_may_adjust_may_approve() -> None:
    """A location's rules hold for a correction as for any adjustment."""
    rules = place(authority=may(adjust="wms"))
    given(rules, found("erp-1", proposal("MUG", 2))).when(approve("erp-1")).then_refused(
        r.Forbidden, asked="adjust", location="ams-1"
    )


def test_what_nobody_has_defined_is_not_corrected_where_the_catalog_is_strict() -> None:
    """A typing error of the other system does not become a stock."""
    ledger = strictly_given(
        define(), place(), found("erp-1", proposal("MUG", 2), proposal("MGU", 3))
    )

    ledger.when(approve("erp-1", "MGU")).then_refused(r.NotFound, what="sku", id="MGU")
    ledger.when(approve("erp-1", "MUG")).then(
        happened(ReconciliationApproved), happened(StockAdjusted)
    )


def test_a_service_has_no_stock_to_correct() -> None:
    """Whatever the other system says of it."""
    ledger = given(service(), found("erp-1", proposal("WRAPPING", 2)))

    ledger.when(approve("erp-1")).then_refused(r.IllegalState, what="sku", asked="adjust")


def test_a_correction_reaches_the_stock_under_the_code_the_ledger_keeps() -> None:
    """The list may spell a SKU in its own way where the catalog folds cases."""
    ledger = given(define(case_policy="upper"), receive(9), found("erp-1", proposal("mug", 2)))

    ledger.when(approve("erp-1", "mug")).then(
        happened(ReconciliationApproved), happened(StockAdjusted, sku="MUG")
    ).leaving(on_hand=11)
