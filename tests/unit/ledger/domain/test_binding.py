"""Rules that bind: what a channel is not told of, it cannot promise either."""

from typing import Any

import pytest

from ledger.domain.events import (
    ConflictOpened,
    HoldAmended,
    ReservationPlaced,
    StockReserved,
)
from ledger.domain.refusals import InsufficientStock
from tests.support.builders import (
    amend,
    anywhere,
    backorders,
    fence,
    line,
    received,
    relocate,
    reserve,
    resolve,
    scrap,
    sell,
    shift,
)
from tests.support.catalogs import define, place
from tests.support.channels import channel, rules
from tests.support.given import Step, given, happened

KEPT: dict[str, Any] = {"safety_stock": [{"units": 2}], "buffers": [{"basis_points": 1_000}]}
BINDING = channel(of=rules(**KEPT, binding=True), locations=("ams-1", "nyc-2"))
"""Of ten units at one location: two are kept back, and a tenth of the rest, rounded up: seven."""


CLASS_A = [{"units": 4, "sku_class": "A"}]


def _fed(**fields: Any) -> Step:
    """A channel that one location feeds, whose rules bind."""
    return channel(of=rules(**fields, binding=True), locations=("ams-1",))


def _web(units: int, **fields: Any) -> Step:
    return reserve("order-1", units, channel="web", **fields)


def _till(units: int) -> Step:
    return reserve("till", units, channel=None)


@pytest.mark.parametrize(
    ("before", "free"),
    [
        ([BINDING, received(10)], 7),
        ([channel(of=rules(**KEPT), locations=("ams-1",)), received(10)], 10),
        ([channel("app", of=rules(binding=True), locations=("ams-1",)), received(10)], 10),
        ([BINDING, received(10), sell(8)], 0),
        ([BINDING, received(10), sell(12)], -2),
        ([BINDING, received(10), reserve("order-9", 7)], 0),
        ([BINDING, received(10), _till(5)], 2),
        ([BINDING, received(10), fence("app", 4)], 3),
        ([BINDING, received(10), fence("web", 4)], 7),
        ([BINDING, received(10), backorders(5)], 7),
        ([_fed(backorder_limit=3), received(1), backorders(5)], 4),
        ([_fed(only_fenced=True), received(10), fence("web", 4)], 4),
        ([channel(of=rules(binding=True), locations=("nyc-2",)), received(10)], 0),
        ([channel(of=rules(binding=True)), received(10)], 0),
        ([channel(of=rules(binding=True)), place(), received(10)], 10),
        ([channel(of=rules(binding=True)), place(kind="warehouse"), received(10)], 0),
        ([_fed(buffers=CLASS_A), place(), define(sku_class="A"), received(10)], 6),
        ([_fed(buffers=CLASS_A), place(), define(sku_class="B"), received(10)], 10),
        ([_fed(caps=[{"units": 1}], rounding=[{"units": 4}]), received(10)], 10),
        ([BINDING, channel(of=rules(**KEPT), locations=("ams-1",)), received(10)], 10),
    ],
)
def test_a_promise_takes_no_more_than_the_locations_share(before: list[Step], free: int) -> None:
    """Safety stock, buffers, fences and backorder units as told; caps and packs are no stock."""
    units = max(0, free) + 1
    given(*before).when(_web(units)).then_refused(
        InsufficientStock, requested=units, available=free
    )
    if free > 0:
        given(*before).when(_web(free)).then(happened(StockReserved), happened(ReservationPlaced))


def test_others_may_have_what_a_channel_may_not() -> None:
    """What is kept back from the web is there for whoever asks without it."""
    given(BINDING, received(10)).when(_till(10)).then(
        happened(StockReserved, quantity=10), happened(ReservationPlaced)
    )


def test_a_partial_promise_gets_the_share() -> None:
    """And no more than that."""
    given(BINDING, received(10)).when(_web(9, policy="partial")).then(
        happened(StockReserved, quantity=7), happened(ReservationPlaced)
    ).with_line(requested=9, granted=7, rejected=2, open=7)


def test_units_from_anywhere_come_out_of_shares() -> None:
    """Each candidate gives what the channel may take of it."""
    stock: list[Step] = [BINDING, received(10), received(10, location="nyc-2")]
    line = anywhere(14, "ams-1", "nyc-2", split=True)

    given(*stock).when(reserve("order-1", sourced=(line,))).then(
        happened(StockReserved, location="ams-1", quantity=7),
        happened(StockReserved, location="nyc-2", quantity=7),
        happened(ReservationPlaced),
    )


def test_a_promise_grows_by_no_more_than_the_share() -> None:
    """To amend is to ask for more; the channel is that of the promise."""
    promised = [BINDING, received(10), _web(5)]

    given(*promised).when(amend("order-1", line(8))).then_refused(
        InsufficientStock, requested=3, available=2
    )
    then = given(*promised).when(amend("order-1", line(7)))
    assert [2] == [e.delta for e in then.decision.events if isinstance(e, HoldAmended)]
    given(*promised).when(amend("order-1", sourced=(anywhere(8, "ams-1"),))).then_refused(
        InsufficientStock
    )


def test_a_promise_moves_only_into_a_share() -> None:
    """Also where it is held already elsewhere."""
    there = reserve("order-2", None, line(3, location="nyc-2"))
    promised = [BINDING, received(10), received(10, location="nyc-2"), _web(7), there]

    given(*promised).when(relocate("order-1", shift(5, "ams-1", "nyc-2"))).then_refused(
        InsufficientStock, requested=5, available=4
    )


def test_people_may_give_what_rules_keep_back() -> None:
    """Whoever re-sources a broken promise has seen it: only what is there binds the word."""
    then = given(BINDING, received(10), received(3, location="nyc-2"), _web(7)).when(scrap(6))
    (conflict_id,) = [e.conflict_id for e in then.decision.events if type(e) is ConflictOpened]

    after = then.when(resolve(conflict_id, "re_source", "nyc-2"))

    assert [(3, "nyc-2")] == [
        (e.quantity, e.location) for e in after.decision.events if isinstance(e, StockReserved)
    ]


def test_facts_are_not_bound() -> None:
    """What was sold was sold: rules are about promises, never about the world."""
    given(BINDING, received(10)).when(sell(10, channel="web")).leaving(sellable=0)
    given(BINDING, received(10), _web(7)).when(scrap(9)).leaving(sellable=1, reserved=7)
