"""Asking for a promise: how much is granted, and when the answer is no."""

from typing import Any

import pytest

from ledger.domain.commands import PlaceReservation
from ledger.domain.events import ReservationPlaced, StockReserved
from ledger.domain.refusals import IdTaken, InsufficientStock, Malformed, Refusal, Shortfall
from tests.support.builders import (
    adjust,
    line,
    move,
    receive,
    received,
    release,
    reserve,
    reserved,
    sold,
    together,
)
from tests.support.given import Step, Wait, given, happened
from tests.support.manual_clock import moment


def test_reserving_holds_units_where_they_are() -> None:
    """Reserved is an overlay: the units stay sellable until they leave."""
    given(received(10)).when(reserve("order-1", 4)).then(
        happened(StockReserved, reservation_id="order-1", quantity=4, kind="hard"),
        happened(ReservationPlaced, reservation_id="order-1", policy="all", channel="web"),
    ).answering(status="placed", kind="hard", position=3).with_line(
        requested=4, granted=4, open=4
    ).leaving(sellable=10, reserved=4, available=6, on_hand=10)


def test_nobody_is_promised_what_another_order_holds() -> None:
    """The second order is told no, what it asked for, and how much there would have been."""
    given(received(12), reserved("order-1", 5)).when(reserve("order-2", 8)).then_refused(
        InsufficientStock, requested=8, available=7
    )


@pytest.mark.parametrize(
    ("before", "asked", "granted"),
    [
        ([received(10)], 10, 10),
        ([received(10)], 11, None),
        ([], 1, None),
        ([received(10), sold(3)], 8, None),
        ([received(10), move(3, "sellable", "blocked")], 8, None),
        ([received(10), adjust(-3)], 7, 7),
        ([sold(3), received(5)], 2, 2),
        ([sold(3), received(5)], 3, None),
        ([received(10), reserved("order-0", 10), release("order-0")], 10, 10),
        ([received(10), reserved("order-0", 9, expires_at=moment(4))], 1, 1),
        ([received(10), reserved("order-0", 9, expires_at=moment(4))], 2, None),
        ([received(10), reserved("order-0", 9, expires_at=moment(4)), Wait(0)], 2, None),
        ([received(10), reserved("order-0", 9, expires_at=moment(4)), Wait(1)], 10, 10),
    ],
)
def test_what_is_granted_is_what_nobody_else_holds(
    before: list[Step], asked: int, granted: int | None
) -> None:
    """Sellable less reserved, at the instant: no more and no less."""
    then = given(*before).when(reserve("order-1", asked))
    if granted is None:
        then.then_refused(InsufficientStock, requested=asked)
    else:
        then.with_line(requested=asked, granted=granted, open=granted)


@pytest.mark.parametrize(
    ("free", "granted"),
    [(5, 5), (3, 3), (1, 1)],
)
def test_a_partial_promise_takes_what_there_is(free: int, granted: int) -> None:
    """Policy partial: the rest is rejected, and the answer says so."""
    given(received(free)).when(reserve("order-1", 5, policy="partial")).with_line(
        requested=5, granted=granted, rejected=5 - granted, open=granted
    ).leaving(available=0)


@pytest.mark.parametrize("before", [[], [sold(2)], [received(2), reserved("order-0", 2)]])
def test_a_partial_promise_of_nothing_is_refused(before: list[Step]) -> None:
    """An empty promise is none."""
    given(*before).when(reserve("order-1", 5, policy="partial")).then_refused(
        InsufficientStock, requested=5
    )


def test_a_partial_promise_may_leave_out_a_line() -> None:
    """What one stock cannot give is rejected while the other's units are held."""
    given(received(3)).when(reserve("order-1", 2, line(2, sku="LAMP"), policy="partial")).then(
        happened(StockReserved, sku="MUG", quantity=2), happened(ReservationPlaced)
    ).with_line(0, requested=2, granted=2, open=2).with_line(1, requested=2, rejected=2)


def test_lines_of_one_stock_are_added_up() -> None:
    """Six and six of ten is twelve of ten, however it is written."""
    given(received(10)).when(reserve("order-1", 6, line(6))).then_refused(
        InsufficientStock, requested=12, available=10
    ).when(reserve("order-1", 5, line(5))).with_line(requested=10, granted=10, open=10)


def test_a_promise_over_many_stocks_holds_all_or_none() -> None:
    """One shortfall, and no other stock is touched; every shortfall is named."""
    lines = (line(2, location="nyc-2"), line(1, sku="LAMP"), line(9, sku="ARMCHAIR"))
    then = given(together(receive(10), receive(1, location="nyc-2"), receive(1, sku="LAMP"))).when(
        reserve("order-1", 3, *lines)
    )

    then.then_refused(
        InsufficientStock, sku="MUG", location="nyc-2", requested=2, available=1
    ).leaving(reserved=0)
    refusal = then.decision.refusal
    assert isinstance(refusal, InsufficientStock)
    assert (
        Shortfall("MUG", "nyc-2", 2, 1),
        Shortfall("ARMCHAIR", "ams-1", 9, 0),
    ) == refusal.shortfalls


def test_a_promise_over_many_stocks_is_one_reservation() -> None:
    """Each stock's stream has its hold, the reservation's stream has all lines."""
    given(received(10), received(5, location="nyc-2")).when(
        reserve("order-1", 3, line(5, location="nyc-2"))
    ).then(
        happened(StockReserved, location="ams-1", quantity=3),
        happened(StockReserved, location="nyc-2", quantity=5),
        happened(ReservationPlaced),
    ).leaving(available=7).leaving("MUG", "nyc-2", available=0)


def test_the_same_request_again_decides_nothing() -> None:
    """It is already true; the order in which lines are written makes no other request."""
    again = reserve("order-1", None, line(2, sku="LAMP"), line(1), line(3))
    given(received(4), received(2, sku="LAMP"), reserve("order-1", 4, line(2, sku="LAMP"))).when(
        again
    ).then_nothing().answering(status="placed").with_line(requested=4, granted=4, open=4)


def test_the_same_request_after_its_end_tells_the_end() -> None:
    """A promise that was given up does not come back by asking again."""
    given(received(4), reserved("order-1", 4), release("order-1")).when(
        reserve("order-1", 4)
    ).then_nothing().answering(status="released").leaving(available=4)


@pytest.mark.parametrize(
    "other",
    [
        reserve("order-1", 3, expires_at=moment(60)),
        reserve("order-1", 4, expires_at=moment(61)),
        reserve("order-1", 4),
        reserve("order-1", 4, expires_at=moment(60), policy="partial"),
        reserve("order-1", 4, expires_at=moment(60), channel="shop"),
        reserve("order-1", 4, line(1, sku="LAMP"), expires_at=moment(60)),
        reserve("order-1", None, line(4, location="nyc-2"), expires_at=moment(60)),
    ],
)
def test_another_request_under_a_known_id_is_refused(other: PlaceReservation) -> None:
    """Two orders must never share one promise by accident."""
    given(received(10), reserved("order-1", 4, expires_at=moment(60))).when(other).then_refused(
        IdTaken, what="reservation", id="order-1"
    )


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        (reserve("order-1", 1, kind="soft"), {"problem": "a soft reservation needs one"}),
        (reserve("order-1", 1, expires_at=moment(2)), {"problem": "must lie in the future"}),
        (reserve("order-1", 1, expires_at=moment(-9)), {"problem": "must lie in the future"}),
        (
            reserve("order-1", 1, expires_at=moment(9), kind="hard"),
            {"problem": "a hard reservation has none"},
        ),
    ],
)
def test_an_expiry_belongs_to_soft_promises_and_to_the_future(
    command: PlaceReservation, facts: dict[str, Any]
) -> None:
    """A promise that has run out before it is made is a mistake of form."""
    refused: type[Refusal] = Malformed
    given(received(10)).when(command).then_refused(refused, path="$.expires_at", **facts)
