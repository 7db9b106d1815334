"""Promised goods left: a fact, whatever the promise still held."""

from typing import Any

import pytest

from ledger.domain.conflict import CLOCK_SKEW, FULFILLED_WITHOUT_HOLD
from ledger.domain.events import (
    ConflictOpened,
    HoldFulfilled,
    ReservationFulfilled,
    StockSold,
)
from ledger.domain.refusals import IllegalState
from tests.support.builders import (
    amend,
    fulfil,
    line,
    received,
    release,
    reserve,
    reserved,
    sell,
)
from tests.support.given import Step, Wait, given, happened
from tests.support.manual_clock import moment

HARD: list[Step] = [received(10), reserved("order-1", 4)]
SOFT: list[Step] = [received(10), reserved("order-1", 4, expires_at=moment(60))]
EXPIRED: list[Step] = [*SOFT, Wait(60)]

SOLD_WITHOUT_HOLD = (
    happened(StockSold, quantity=4, reservation_id="order-1", channel="web"),
    happened(ConflictOpened, kind=FULFILLED_WITHOUT_HOLD, short=4, reservation_id="order-1"),
)


@pytest.mark.parametrize(
    ("lines", "status", "numbers"),
    [
        ((), "fulfilled", {"fulfilled": 4}),
        ((line(4),), "fulfilled", {"fulfilled": 4}),
        ((line(3), line(1)), "fulfilled", {"fulfilled": 4}),
        ((line(1),), "partially_fulfilled", {"fulfilled": 1, "open": 3}),
    ],
)
def test_fulfilling_consumes_the_hold(lines: Any, status: str, numbers: dict[str, int]) -> None:
    """The units leave both the shelf and the promise; nothing is available that was not."""
    left = numbers["fulfilled"]
    given(*HARD).when(fulfil("order-1", *lines)).then(
        happened(HoldFulfilled, quantity=left, channel="web"), happened(ReservationFulfilled)
    ).answering(status=status, conflicts=()).with_line(requested=4, granted=4, **numbers).leaving(
        sellable=10 - left, reserved=4 - left, available=6
    )


def test_fulfilling_in_steps_ends_the_promise() -> None:
    """Each step counts; the last one ends it."""
    given(*HARD, fulfil("order-1", line(1))).when(fulfil("order-1")).then(
        happened(HoldFulfilled, quantity=3), happened(ReservationFulfilled)
    ).answering(status="fulfilled").with_line(requested=4, granted=4, fulfilled=4)


def test_fulfilling_what_has_no_open_unit_is_refused() -> None:
    """Without lines there is nothing it could mean."""
    given(*HARD, fulfil("order-1")).when(fulfil("order-1")).then_refused(
        IllegalState, state="fulfilled", asked="fulfil"
    )


def test_a_fact_beyond_its_hold_is_a_sale_and_a_conflict() -> None:
    """Six left where four were held: the hold gives four, two are sold, people are told."""
    then = given(*HARD).when(fulfil("order-1", line(6)))

    then.then(
        happened(HoldFulfilled, quantity=4),
        happened(StockSold, quantity=2, reservation_id="order-1"),
        happened(ConflictOpened, kind=FULFILLED_WITHOUT_HOLD, short=2, bucket=None),
        happened(ReservationFulfilled, lines=(line(4),)),
    ).answering(status="fulfilled").leaving(sellable=4, reserved=0)
    outcome: Any = then.decision.outcome
    assert [(FULFILLED_WITHOUT_HOLD, 2)] == [(n.kind, n.short) for n in outcome.conflicts]


@pytest.mark.parametrize(
    "before",
    [EXPIRED, [*HARD, release("order-1")], [*HARD, fulfil("order-1")]],
    ids=["expired", "released", "fulfilled"],
)
def test_a_fact_about_an_ended_promise_is_recorded_all_the_same(before: list[Step]) -> None:
    """The goods are gone; terminal states never reopen, so the reservation does not change."""
    given(*before).when(fulfil("order-1", line(4))).then(*SOLD_WITHOUT_HOLD)


def test_an_expired_promise_without_lines_ships_what_it_meant_to() -> None:
    """Expiry took the hold, not the parcel that left a moment too late."""
    given(*EXPIRED).when(fulfil("order-1")).then(*SOLD_WITHOUT_HOLD).answering(
        status="expired"
    ).with_line(requested=4, granted=4, expired=4).leaving(sellable=6, reserved=0)


def test_a_stock_that_is_not_in_the_promise_is_sold() -> None:
    """The wrong article left: a fact, and a conflict."""
    given(*HARD, received(3, sku="LAMP")).when(fulfil("order-1", line(1, sku="LAMP"))).then(
        happened(StockSold, sku="LAMP", quantity=1),
        happened(ConflictOpened, kind=FULFILLED_WITHOUT_HOLD, sku="LAMP", short=1),
    ).answering(status="placed").leaving(reserved=4)


@pytest.mark.parametrize(
    ("occurred_s", "consumed"),
    [
        (1.5, 0),  # Before the promise was made.
        (2, 4),  # At the instant it was made.
        (2.5, 4),
        (3, 7),  # Amended from four to seven.
        (3.5, 7),
        (4, 5),  # Two given up.
        (9, 5),
    ],
)
def test_a_late_fact_consumes_what_was_open_then_and_is_open_still(
    occurred_s: float, consumed: int
) -> None:
    """As recorded at its business time, and never a unit that has left since."""
    then = given(*HARD, amend("order-1", line(7)), release("order-1", line(2))).when(
        Wait(5), fulfil("order-1", line(9), occurred_at=moment(occurred_s))
    )
    open_still = min(consumed, 5)
    quantities = [
        event.quantity
        for event in then.decision.events
        if isinstance(event, HoldFulfilled | StockSold)
    ]

    assert [q for q in (open_still, 9 - open_still) if q] == quantities
    then.leaving(reserved=5 - open_still, sellable=1)


def test_a_late_fact_takes_no_unit_that_was_given_up_before_others_were_added() -> None:
    """Three of four are released, then three others promised: one has been open all the time."""
    then = given(*HARD, release("order-1", line(3)), amend("order-1", line(7))).when(
        Wait(5), fulfil("order-1", line(4), occurred_at=moment(2))
    )

    then.then(
        happened(HoldFulfilled, quantity=1),
        happened(StockSold, quantity=3),
        happened(ConflictOpened, kind=FULFILLED_WITHOUT_HOLD, short=3),
        happened(ReservationFulfilled),
    ).leaving(reserved=3)


def test_a_late_fact_before_the_expiry_does_not_reopen_what_expired() -> None:
    """The hold ended at its instant; a unit leaves open once."""
    given(*EXPIRED).when(fulfil("order-1", line(4), occurred_at=moment(30))).then(
        *SOLD_WITHOUT_HOLD
    )


@pytest.mark.parametrize(
    ("before", "lines", "facts"),
    [
        (HARD, (line(5),), {"requested": 5, "open": 4, "state": "placed"}),
        (EXPIRED, (), {"requested": 4, "open": 0, "state": "expired"}),
        (HARD, (line(1), line(1, sku="LAMP")), {"requested": 1, "open": 0}),
        ([*HARD, release("order-1", line(3))], (line(2),), {"requested": 2, "open": 1}),
    ],
)
def test_only_if_open_asks_for_a_refusal_instead(
    before: list[Step], lines: Any, facts: dict[str, Any]
) -> None:
    """A robot that has not moved yet may rather not."""
    given(*before).when(fulfil("order-1", *lines, if_open=True)).then_refused(
        IllegalState, asked="fulfil", **facts
    )


def test_if_open_goes_through_where_it_is() -> None:
    """Then it is a fulfilment like any other."""
    given(*HARD).when(fulfil("order-1", if_open=True)).answering(status="fulfilled")


def test_a_sale_that_names_a_promise_is_its_fulfilment() -> None:
    """Two words for one fact."""
    given(*HARD).when(sell(3, reservation_id="order-1", channel="shop")).then(
        happened(HoldFulfilled, quantity=3, channel="shop"),
        happened(ReservationFulfilled, lines=(line(3),)),
    ).leaving(reserved=1, sellable=7).when(reserve("order-1", 4)).with_line(
        requested=4, granted=4, open=1, fulfilled=3
    )


def test_a_sale_that_names_an_unknown_promise_is_recorded() -> None:
    """The till knows an order the ledger does not: sold all the same, with a conflict."""
    given(received(10)).when(sell(4, reservation_id="order-1", channel="web")).then(
        *SOLD_WITHOUT_HOLD
    )


def test_a_fulfilment_far_ahead_of_time_is_for_people() -> None:
    """It counts as now, and a clock is wrong somewhere."""
    given(*HARD).when(fulfil("order-1", occurred_at=moment(3600))).then(
        happened(HoldFulfilled, occurred_at=moment(3)),
        happened(ReservationFulfilled, occurred_at=moment(3)),
        happened(ConflictOpened, kind=CLOCK_SKEW),
    )
