"""Transfers between shelves that people count: what was seen stays seen, whatever comes late."""

from itertools import permutations

from ledger.domain.events import (
    AnyEvent,
    StockAbsorbed,
    StockDispatched,
    TransferDispatched,
    in_transit_delta,
    postings,
)
from ledger.domain.values import Instant
from tests.support.builders import count
from tests.support.builders import receive as supply
from tests.support.given import Ledger, Step, given, happened
from tests.support.manual_clock import START
from tests.support.transfers import END, arrived, dispatch, of_sku, receive, request

DAY = 86_400 * 1_000_000


def day(number: float) -> Instant:
    """A moment before the tests begin."""
    return START - round((10 - number) * DAY)


STOCKED = supply(20, occurred_at=day(0))
ASKED = request("t-1", of_sku(5))


def level(ledger: Ledger, place: str, at: Instant, bucket: str = "sellable") -> int:
    """Units in a bucket of a place, by what had happened at a moment."""
    return sum(
        delta
        for event in _events(ledger)
        for stock_id, where, delta in postings(event)
        if (stock_id.location, where) == (place, bucket) and event.occurred_at <= at
    )


def under_way(ledger: Ledger, at: Instant) -> int:
    """Units on their way to the destination at a moment."""
    found = (in_transit_delta(event) for event in _events(ledger) if event.occurred_at <= at)
    return sum(transit[1] for transit in found if transit is not None)


def _events(ledger: Ledger) -> list[AnyEvent]:
    return [event for stream in ledger.streams.values() for event in stream]


def test_a_late_dispatch_does_not_move_a_shelf_that_was_seen_since() -> None:
    """It left before the count: the past has it, the count explains less, the way has all of it."""
    then = given(
        STOCKED,
        ASKED,
        count(20, occurred_at=day(5)),
        count(3, location=END, occurred_at=day(1)),
    ).when(dispatch("t-1", occurred_at=day(3)))

    then.then(
        happened(StockDispatched, quantity=5, occurred_at=day(3)),
        happened(StockAbsorbed, delta=5, occurred_at=day(5), location="ams-1"),
        happened(TransferDispatched),
    ).leaving(sellable=20).leaving("MUG", END, sellable=3)
    assert [20, 15, 15, 20, 20] == [
        level(then.ledger, "ams-1", at) for at in (day(2), day(3), day(4), day(5), day(6))
    ]
    assert [0, 5, 5] == [under_way(then.ledger, at) for at in (day(2), day(3), day(6))]


def test_a_late_arrival_does_not_move_a_shelf_that_was_seen_since() -> None:
    """The destination's count already had the units on it."""
    then = given(
        STOCKED,
        ASKED,
        dispatch("t-1", occurred_at=day(2)),
        count(5, location=END, occurred_at=day(6)),
    ).when(receive("t-1", arrived(4, damaged=1), occurred_at=day(4)))

    then.leaving("MUG", END, sellable=5, damaged=1)
    assert [0, 4, 5] == [level(then.ledger, END, at) for at in (day(3), day(4), day(6))]
    assert [5, 0] == [under_way(then.ledger, at) for at in (day(3), day(4))]


def test_every_order_of_arrival_tells_the_same_past() -> None:
    """Counts at both ends, a dispatch and an arrival between them: 120 orders, one history."""
    steps: tuple[Step, ...] = (
        dispatch("t-1", occurred_at=day(3)),
        receive("t-1", arrived(3, lost=1), occurred_at=day(4)),
        count(14, occurred_at=day(5)),
        count(9, location=END, occurred_at=day(6)),
        receive("t-1", arrived(2), occurred_at=day(7)),
    )
    moments = [day(number + half) for number in range(1, 9) for half in (0, 0.5)]
    histories = set()
    for order in permutations(steps):
        ledger = given(STOCKED, ASKED, *order).ledger
        histories.add(
            tuple(
                (
                    level(ledger, "ams-1", at),
                    level(ledger, END, at),
                    under_way(ledger, at),
                )
                for at in moments
            )
        )

    assert 1 == len(histories)
    (history,) = histories
    assert (14, 11, 0) == history[-1]
    assert [20, 15, 15, 14] == [history[moments.index(day(n))][0] for n in (2, 3, 4, 5)]
    assert [0, 3, 9, 11] == [history[moments.index(day(n))][1] for n in (3, 4, 6, 7)]
    assert [5, 1, 1, 0] == [history[moments.index(day(n))][2] for n in (3, 4, 6, 7)]
