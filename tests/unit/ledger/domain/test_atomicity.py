"""All of a command or none of it: what is refused leaves the world exactly as it was.

`Ledger.take` compares every stream, all that stocks derive included, around each refusal.
"""

import pytest

from ledger.domain.refusals import IllegalState, Refusal, StaleQuantity
from ledger.domain.values import PHYSICAL_BUCKETS
from tests.support.builders import (
    adjust,
    amend,
    fulfil,
    line,
    move,
    receive,
    received,
    reserve,
    reserved,
    scrap,
    sell,
    sold,
    take_back,
    together,
    void,
)
from tests.support.given import Ledger, Step, Wait, given
from tests.support.manual_clock import moment

WORLD: list[Step] = [
    received(12),
    received(5, location="nyc-2"),
    reserved("hard", 3),
    reserved("soft", 3, line(2, location="nyc-2"), expires_at=moment(600)),
    reserved("brief", 3, expires_at=moment(30)),
    sold(5, reference="breaks two promises"),
]

PARTS = [
    sell(1),
    sell(9),
    receive(50),
    sell(2, reservation_id="hard"),
    sell(4, reservation_id="soft"),
    sell(1, location="nyc-2", reservation_id="soft"),
    sell(1, reservation_id="unknown"),
    scrap(3, bucket="damaged"),
    take_back(4, to_bucket="blocked"),
    move(6, "sellable", "quarantine"),
    sell(1, occurred_at=moment(99_999)),
    receive(7, sku="NEVER-SEEN-BEFORE"),
]
STALE = adjust(1, expected_on_hand=-99)


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_refusal_in_the_middle_takes_back_what_came_before(part: object) -> None:
    """Levels, holds, conflicts, orders, versions, the head: as if nobody had asked."""
    assert isinstance(part, type(STALE))
    given(*WORLD).when(together(part, part, STALE, part)).then_refused(StaleQuantity)


@pytest.mark.parametrize("wait_s", [0, 23, 30, 700])
def test_a_long_batch_is_taken_back_whenever_it_is_refused(wait_s: float) -> None:
    """Before holds run out, while they do and after: time goes on, the rest does not."""
    given(*WORLD).when(Wait(wait_s), together(*PARTS, STALE)).then_refused(StaleQuantity)


def test_a_void_of_a_sale_of_the_refused_batch_is_taken_back_with_it() -> None:
    """The sale was never recorded, so nobody can void it later."""
    batch = together(sell(3), void("command-7/0", 2), void("command-7/0", 2))
    then = given(*WORLD).when(batch)

    then.then_refused(IllegalState, requested=2, left=1)
    assert then.ledger.origin("command-7/0") is None


@pytest.mark.parametrize(
    "command",
    [
        reserve("new", 1, line(9, location="nyc-2")),
        amend("soft", line(1), line(9, location="nyc-2")),
        fulfil("soft", line(1), line(9, location="nyc-2"), if_open=True),
    ],
)
def test_a_promise_over_two_stocks_is_taken_back_from_both(command: Step) -> None:
    """The first stock could, the second could not: neither did."""
    refusal = given(*WORLD).when(command).decision.refusal

    assert isinstance(refusal, Refusal)


def test_what_follows_a_refusal_is_decided_as_if_it_had_not_been() -> None:
    """The same commands with and without refused ones between them come to the same stocks."""
    plain, disturbed = Ledger(), Ledger()
    for step in [*WORLD, *PARTS]:
        assert plain.take(step).refusal is None
        assert disturbed.take(step).refusal is None
        plain.take(Wait(1))
        assert disturbed.take(together(*PARTS, STALE)).refusal is not None

    for location in ("ams-1", "nyc-2"):
        one = plain.stock(location=location)
        other = disturbed.stock(location=location)
        assert one.levels == other.levels
        assert one.holds == other.holds
        shorts = [{k: c.short for k, c in s.conflicts.items()} for s in (one, other)]
        assert shorts[0] == shorts[1]
        assert set(PHYSICAL_BUCKETS) == set(one.levels)
