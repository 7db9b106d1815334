"""Units set aside for a channel, and promises beyond what is there: requests are bound by both."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.events import (
    BackorderLimitSet,
    ConflictCleared,
    ConflictOpened,
    FencedUnits,
    FenceGranted,
    FenceReturned,
    HoldAmended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockReceived,
    StockReserved,
    StockSold,
)
from ledger.domain.refusals import IllegalState, InsufficientStock
from ledger.domain.stock import Stock
from ledger.domain.stock.fences import Fence
from ledger.domain.values import StockId
from tests.support.builders import (
    PLACE,
    amend,
    anywhere,
    backorders,
    confirm,
    fence,
    fulfil,
    line,
    receive,
    received,
    release,
    relocate,
    reserve,
    reserved,
    scrap,
    sell,
    shift,
    sold,
    sweep,
    unfence,
)
from tests.support.given import Step, Then, Wait, given, happened
from tests.support.manual_clock import moment

NYC = "nyc-2"
FENCED: list[Step] = [received(10), fence("web", 4)]
"""Ten mugs, four of them for the web alone."""


def _web(units: int, expires_at: int | None = None) -> FencedUnits:
    return FencedUnits(channel="web", quantity=units, expires_at=expires_at)


def _fenced(then: Then, free: int, held: int, location: str = PLACE) -> None:
    """What the web's fence has, and what its promises hold of it."""
    fences = then.ledger.stock(location=location).fences
    found = None if fences is None else fences.channels.get("web")
    assert Fence(free, held) == (found or Fence(0, 0))


def test_granting_sets_units_aside_and_says_so() -> None:
    """The answer has what is free and what is held of it."""
    then = (
        given(received(10))
        .when(fence("web", 4))
        .then(happened(FenceGranted, channel="web", quantity=4))
    )
    then.answering(channel="web", free=4, held=0).leaving(available=10, reserved=0)


@pytest.mark.parametrize(
    ("before", "asked", "spare"),
    [
        ([received(3)], 4, 3),
        ([received(10), reserved("order-1", 7)], 4, 3),
        ([received(10), fence("shop", 7)], 4, 3),
        ([sold(1)], 1, -1),
        ([backorders(9)], 1, 0),
    ],
)
def test_only_what_nobody_has_can_be_set_aside(before: list[Step], asked: int, spare: int) -> None:
    """A fence is a request, too: over units that are there, not held and not fenced."""
    given(*before).when(fence("web", asked)).then_refused(
        InsufficientStock, requested=asked, available=spare
    )


@pytest.mark.parametrize(
    ("channel", "asked", "free"),
    [("web", 10, None), ("web", 11, 10), ("shop", 6, None), ("shop", 7, 6), (None, 7, 6)],
)
def test_a_promise_counts_on_all_but_what_is_set_aside_for_others(
    channel: str | None, asked: int, free: int | None
) -> None:
    """The channel itself has its own units and everybody's."""
    then = given(*FENCED).when(reserve("order-1", asked, channel=channel))
    if free is None:
        then.answering(status="placed")
    else:
        then.then_refused(InsufficientStock, requested=asked, available=free)


@pytest.mark.parametrize(
    ("asked", "taken", "left"), [(3, _web(3), (1, 3)), (4, _web(4), (0, 4)), (6, _web(4), (0, 4))]
)
def test_a_promise_of_the_channel_takes_from_its_fence_first(
    asked: int, taken: FencedUnits, left: tuple[int, int]
) -> None:
    """The event says how much of it; the rest is from what is anybody's."""
    then = given(*FENCED).when(reserve("order-1", asked))

    assert [taken] == [e.fence for e in then.decision.events if isinstance(e, StockReserved)]
    _fenced(then, *left)


HELD: list[Step] = [*FENCED, reserved("order-1", 6, expires_at=moment(60))]
"""Six held by the web: four of its fence, two of everybody's."""


@pytest.mark.parametrize(
    ("command", "kind", "units", "left"),
    [
        (release("order-1"), HoldReleased, _web(4), (4, 0)),
        (release("order-1", line(1)), HoldReleased, None, (0, 4)),
        (release("order-1", line(3)), HoldReleased, _web(1), (1, 3)),
        (amend("order-1", line(3)), HoldAmended, _web(1), (1, 3)),
        (amend("order-1", line(7)), HoldAmended, None, (0, 4)),
        (fulfil("order-1", line(3)), HoldFulfilled, _web(3), (0, 1)),
        (fulfil("order-1"), HoldFulfilled, _web(4), (0, 0)),
        (sell(3, reservation_id="order-1"), HoldFulfilled, _web(3), (0, 1)),
    ],
)
def test_what_a_hold_gives_up_goes_back_and_what_leaves_is_used(
    command: AnyCommand, kind: type, units: FencedUnits | None, left: tuple[int, int]
) -> None:
    """Given up first: what it had beyond the fence. Used first: what the fence gave."""
    then = given(*HELD).when(command)
    events: list[Any] = [e for e in then.decision.events if isinstance(e, kind)]

    assert [units] == [event.fence for event in events]
    _fenced(then, *left)


def test_released_units_are_not_everybodys() -> None:
    """They are the channel's again, and another channel is told no."""
    given(*HELD, release("order-1")).when(reserve("order-2", 7, channel="shop")).then_refused(
        InsufficientStock, available=6
    )


def test_a_hold_that_runs_out_gives_back_at_its_instant() -> None:
    """Written down or not; and the sweep, when it comes, gives nothing back twice."""
    base = given(*HELD)
    then = base.when(Wait(60), reserve("order-2", 7, channel="shop")).then_refused(
        InsufficientStock, available=6
    )
    _fenced(then, 4, 0)
    then = base.when(reserve("order-3", 10)).answering(status="placed")
    _fenced(then, 0, 4)
    then = base.when(sweep())
    swept = next(e for e in then.decision.events if isinstance(e, HoldsExpired))

    assert [_web(4)] == [hold.fence for hold in swept.holds]
    _fenced(then, 0, 4)


def test_sales_of_the_channel_use_its_fence() -> None:
    """With a hold or without; sales of others do not, even where they take the last unit."""
    then = (
        given(*FENCED)
        .when(sell(3, channel="web"))
        .then(happened(StockSold, quantity=3, fence=_web(3)))
    )
    _fenced(then, 1, 0)
    then = then.when(sell(9, channel="shop"))
    _fenced(then, 1, 0)
    then.leaving(sellable=-2)


def test_a_fact_takes_what_it_took() -> None:
    """Where units are missing behind the fences, requests of others are refused, facts are not."""
    short = given(*FENCED, fence("shop", 4), scrap(5))
    short.when(reserve("order-1", 2)).then_refused(InsufficientStock, available=1)
    short.when(reserve("order-1", 1)).answering(status="placed")


def test_what_is_left_of_a_fence_can_be_returned() -> None:
    """All of it or a part; what promises hold stays theirs, and goes back when they end."""
    then = (
        given(*FENCED, reserved("order-1", 1))
        .when(unfence("web"))
        .then(happened(FenceReturned, channel="web", quantity=3))
    )
    then.answering(free=0, held=1).when(unfence("web")).then_nothing().when(
        unfence("web", 1)
    ).then_refused(IllegalState, state="not fenced", requested=1, free=0)
    _fenced(then.when(release("order-1")), 1, 0)
    given(*FENCED).when(unfence("web", 5)).then_refused(IllegalState, requested=5, free=4).when(
        unfence("web", 1)
    ).answering(free=3)


def test_relocated_units_change_fences() -> None:
    """Back into the one they came from, out of the one where they go."""
    base = given(*HELD, received(5, location=NYC), fence("web", 2, location=NYC))
    then = base.when(relocate("order-1", shift(5, PLACE, NYC)))
    source, target = then.decision.events[:2]
    assert isinstance(source, HoldRelocated)
    assert isinstance(target, StockReserved)

    assert (_web(3), _web(2, moment(60))) == (source.fence, target.fence)
    _fenced(then, 3, 1)
    _fenced(then, 0, 2, NYC)


def test_candidates_are_judged_by_what_the_channel_may_have() -> None:
    """Most available is most available to this channel."""
    base = given(received(5), fence("shop", 4), received(3, location=NYC))
    most = anywhere(1, PLACE, NYC, sourcing="most_available")
    then = base.when(reserve("order-1", sourced=(most,)))

    assert [NYC] == [x.location for x in then.decision.outcome.lines]  # type: ignore[union-attr]


# --- beyond what is there -----------------------------------------------------------------------


def test_promises_may_go_beyond_what_is_there_up_to_the_limit() -> None:
    """And no further; they are not broken, and can be confirmed."""
    base = given(received(3), backorders(2))
    base.when(reserve("order-1", 6)).then_refused(InsufficientStock, requested=6, available=5)
    base.when(reserve("order-1", 5, expires_at=moment(60)), confirm("order-1")).answering(
        status="confirmed"
    ).broken({}).leaving(available=-2)


def test_a_lower_limit_breaks_what_it_leaves_out_and_a_higher_one_mends() -> None:
    """Nothing that was promised is forgotten: it is a conflict for people."""
    base = given(received(3), backorders(2), reserved("order-1", 5, expires_at=moment(60)))
    then = base.when(backorders(1)).then(
        happened(BackorderLimitSet, limit=1), happened(ConflictOpened)
    )
    then.broken({"order-1": 1}).when(backorders(4)).then(
        happened(BackorderLimitSet), happened(ConflictCleared)
    ).broken({}).when(backorders(4)).then_nothing()


def test_the_limit_counts_in_every_judgement_of_what_is_broken() -> None:
    """Facts break a promise only beyond the limit; receipts mend it."""
    base = given(received(5), backorders(2), reserved("order-1", 5, expires_at=moment(60)))
    base.when(sell(2)).broken({}).when(sell(2)).broken({"order-1": 2}).when(receive(1)).broken(
        {"order-1": 1}
    )


def test_a_limit_and_a_fence_are_both_kept() -> None:
    """Sellable and the limit together, less what is set aside for others."""
    base = given(*FENCED, backorders(3))
    base.when(reserve("order-1", 10, channel="shop")).then_refused(InsufficientStock, available=9)
    base.when(reserve("order-1", 9, channel="shop"), reserve("order-2", 5)).then_refused(
        InsufficientStock, available=4
    ).when(reserve("order-2", 4)).answering(status="placed")


def test_a_hold_that_ran_out_during_a_refused_command_gives_its_units_back_once() -> None:
    """Its part had left by then; taken back, the hold has all of it, and runs out again."""
    stock = Stock(StockId("ams-1", "MUG"))
    here: dict[str, Any] = {"location": "ams-1", "sku": "MUG"}
    web = FencedUnits(channel="web", quantity=4, expires_at=100)
    for event in (
        StockReceived(occurred_at=1, effective_at=1, quantity=10, **here),
        FenceGranted(occurred_at=2, effective_at=2, channel="web", quantity=5, **here),
        StockReserved(
            occurred_at=3,
            effective_at=3,
            reservation_id="r-1",
            quantity=4,
            kind="soft",
            expires_at=100,
            fence=web,
            **here,
        ),
    ):
        stock.evolve(event)
    assert stock.fences is not None

    stock.advance(99)
    stock.begin()
    left = HoldFulfilled(
        occurred_at=99, effective_at=99, reservation_id="r-1", quantity=1, channel="web", **here
    )
    stock.evolve(stock.fences.completed(left, stock.holds))
    stock.advance(100)  # Each movement of a call has an instant of its own.
    stock.rollback()

    assert {"web": Fence(free=1, held=4)} == stock.fences.channels
    assert 5 == stock.free_for(None)
    stock.advance(101)
    assert {"web": Fence(free=5, held=0)} == stock.fences.channels
    assert 5 == stock.free_for(None)
