"""What each movement does to a stock; none is refused for lack of it."""

from typing import Any

import pytest

from ledger.domain.commands import RecordMovements
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.events import (
    ConflictOpened,
    StockAdjusted,
    StockMoved,
    StockOpened,
    StockReceived,
    StockReturned,
    StockScrapped,
    StockSold,
)
from ledger.domain.outcomes import MovementsRecorded
from ledger.domain.refusals import Malformed, StaleQuantity
from ledger.domain.values import PHYSICAL_BUCKETS, Money, PhysicalBucket
from tests.support.builders import (
    adjust,
    move,
    opening,
    receive,
    received,
    reserved,
    scrap,
    sell,
    take_back,
    together,
)
from tests.support.given import given, happened
from tests.support.manual_clock import moment

COST = Money(millionths=2_500_000, currency="EUR")


@pytest.mark.parametrize(
    ("movement", "event", "levels"),
    [
        (opening(3), happened(StockOpened, quantity=3), {"sellable": 13}),
        (
            receive(3, unit_cost=COST),
            happened(StockReceived, quantity=3, unit_cost=COST),
            {"sellable": 13},
        ),
        (
            sell(3, channel="web"),
            happened(StockSold, quantity=3, channel="web"),
            {"sellable": 7},
        ),
        (
            take_back(
                3,
            ),
            happened(StockReturned, quantity=3, to_bucket="returned"),
            {"sellable": 10, "returned": 3, "on_hand": 13},
        ),
        (
            take_back(3, to_bucket="sellable"),
            happened(StockReturned, to_bucket="sellable"),
            {"sellable": 13},
        ),
        (adjust(-4), happened(StockAdjusted, delta=-4), {"sellable": 6}),
        (adjust(4), happened(StockAdjusted, delta=4), {"sellable": 14}),
        (
            move(4, "sellable", "damaged"),
            happened(StockMoved, quantity=4, from_bucket="sellable", to_bucket="damaged"),
            {"sellable": 6, "damaged": 4, "on_hand": 10},
        ),
        (scrap(4), happened(StockScrapped, quantity=4), {"sellable": 6, "on_hand": 6}),
    ],
    ids=lambda value: type(value.movements[0]).__name__ if hasattr(value, "movements") else "",
)
def test_a_movement_changes_the_level_of_its_bucket(
    movement: RecordMovements, event: Any, levels: dict[str, int]
) -> None:
    """Each kind of movement is one event, and the event means these levels."""
    given(received(10)).when(movement).then(event).leaving(**levels)


@pytest.mark.parametrize("bucket", PHYSICAL_BUCKETS)
def test_units_can_be_scrapped_from_every_bucket(bucket: PhysicalBucket) -> None:
    """Whatever their condition was, scrapped units are on hand no longer."""
    given(take_back(5, to_bucket=bucket)).when(scrap(2, bucket=bucket)).then(
        happened(StockScrapped, quantity=2, bucket=bucket)
    ).leaving(**{bucket: 3, "on_hand": 3})


@pytest.mark.parametrize("target", [b for b in PHYSICAL_BUCKETS if b != "sellable"])
def test_units_change_their_condition_and_back(target: PhysicalBucket) -> None:
    """A move is within a location: what is on hand stays on hand."""
    given(received(5), move(2, "sellable", target)).when(move(2, target, "sellable")).leaving(
        on_hand=5, sellable=5
    )


def test_a_move_within_one_bucket_is_refused() -> None:
    """It says nothing, so it is most likely a mistake."""
    given(received(5)).when(move(2, "damaged", "damaged")).then_refused(
        Malformed, path="$.movements[0].to_bucket"
    )


def test_a_sale_beyond_the_stock_is_recorded() -> None:
    """Somebody carried the goods out: a fact is never refused for lack of stock."""
    given(received(2)).when(sell(5)).then(
        happened(StockSold, quantity=5),
        happened(ConflictOpened, kind="negative_stock", bucket="sellable", short=3),
    ).leaving(sellable=-3, available=-3)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [(9, 10), (11, 10), (0, 10), (-1, 10)],
)
def test_an_adjustment_from_another_level_than_expected_is_refused(
    expected: int, actual: int
) -> None:
    """Compare and set: who counted ten must not correct what became nine meanwhile."""
    given(received(10)).when(adjust(1, expected_on_hand=expected)).then_refused(
        StaleQuantity, expected=expected, actual=actual, sku="MUG", location="ams-1"
    )


def test_an_adjustment_from_the_expected_level_is_recorded() -> None:
    """On hand counts all physical buckets, not only what can be sold."""
    given(received(10), move(4, "sellable", "blocked")).when(adjust(-1, expected_on_hand=10)).then(
        happened(StockAdjusted, delta=-1)
    ).leaving(sellable=5, on_hand=9)


def test_a_fact_keeps_its_own_time() -> None:
    """A late one happened when it happened; the stock's effective time does not go back."""
    given(received(10)).when(sell(1, occurred_at=moment(-60))).then(
        happened(StockSold, occurred_at=moment(-60), effective_at=moment(1))
    )


def test_a_fact_without_a_time_happens_at_its_instant() -> None:
    """Whoever leaves the time out means now."""
    given(received(10)).when(sell(1)).then(
        happened(StockSold, occurred_at=moment(2), effective_at=moment(2))
    )


@pytest.mark.parametrize(
    ("ahead_s", "conflicts"),
    [
        (1, []),
        (300, []),
        (300.000001, [happened(ConflictOpened, kind=CLOCK_SKEW, short=300_000_001)]),
        (3600, [happened(ConflictOpened, kind=CLOCK_SKEW, short=3_600_000_000)]),
    ],
)
def test_a_time_ahead_counts_as_now_and_far_ahead_is_for_people(
    ahead_s: float, conflicts: list[Any]
) -> None:
    """Up to five minutes a shop's clock may be fast; beyond that somebody should know."""
    then = given(received(10)).when(sell(1, occurred_at=moment(2 + ahead_s)))

    then.then(happened(StockSold, occurred_at=moment(2), effective_at=moment(2)), *conflicts)
    causes = {effect.cause.claimed_at for effect in then.decision.effects}
    assert {moment(2 + ahead_s)} == causes


def test_each_movement_of_a_batch_is_told_its_place_and_version() -> None:
    """Positions count the ledger's events, versions the stock's."""
    then = given(received(10), reserved("order-1", 9)).when(
        together(sell(3), receive(1, sku="LAMP"), sell(1))
    )
    outcome = then.decision.outcome

    assert isinstance(outcome, MovementsRecorded)
    assert [(4, 3), (6, 1), (7, 4)] == [(r.position, r.version) for r in outcome.results]
    assert 8 == outcome.position
    assert [("promise_broken", 2), ("promise_broken", 3)] == [
        (note.kind, note.short) for result in outcome.results for note in result.conflicts
    ]


def test_the_movements_of_a_batch_happen_one_after_the_other() -> None:
    """Each has an instant of its own, so that now is unambiguous inside a batch."""
    events = given().when(together(receive(1), receive(2), receive(3))).decision.events

    assert [moment(1), moment(1) + 1, moment(1) + 2] == [event.occurred_at for event in events]


def test_every_event_has_a_reason() -> None:
    """Where the caller gives none, the kind of movement stands for it."""
    batch = together(receive(1), receive(1, reason="receipt_po"), scrap(1), adjust(1))
    effects = given().when(batch).decision.effects

    assert ["receipt", "receipt_po", "scrap", "adjustment"] == [e.cause.reason for e in effects]
