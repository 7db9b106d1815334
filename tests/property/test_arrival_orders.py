"""The past is what happened and what was seen, in whatever order people came to tell it."""

import os
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.events import StockEvent, postings
from ledger.domain.stock import NEGATIVE_STOCK, PROMISE_BROKEN
from ledger.domain.values import PHYSICAL_BUCKETS, Instant, StockId
from tests.property import reference
from tests.support import builders as b
from tests.support.arrivals import Day, Deed, shuffled
from tests.support.definition import Movement, Truth
from tests.support.given import Ledger
from tests.support.manual_clock import START

EXAMPLES = int(os.environ.get("ARRIVAL_EXAMPLES", "100"))

STREAM = StockId("ams-1", "MUG").stream


def folded(ledger: Ledger, at: Instant) -> dict[str, int]:
    """The levels at a moment, by the events recorded so far."""
    levels: dict[str, int] = dict.fromkeys(PHYSICAL_BUCKETS, 0)
    for event in ledger.streams.get(STREAM, []):
        assert isinstance(event, StockEvent)
        if event.occurred_at <= at:
            for _, bucket, delta in postings(event):
                if bucket in levels:
                    levels[bucket] += delta
    return levels


def conflicts(ledger: Ledger) -> dict[tuple[str, str], int]:
    """What is open at the end, by kind and holder."""
    return {key: conflict.short for key, conflict in ledger.stock().conflicts.items()}


def _opened() -> tuple[Ledger, Truth]:
    """Thirty mugs, two promises over some of them, before anything is told late."""
    ledger, truth = Ledger(), Truth()
    ledger.take(b.receive(30))
    truth.movements["first"] = Movement(ledger.clock.now(), (("sellable", 1),), 30)
    ledger.take(b.reserve("order-1", 11))
    ledger.take(b.reserve("order-2", 14))
    return ledger, truth


def _take(ledger: Ledger, deeds: list[Deed]) -> None:
    decision = ledger.take(b.together(*(deed.command for deed in deeds)))

    assert decision.refusal is None, f"{[d.name for d in deeds]}: {decision.refusal!r}"


@settings(max_examples=EXAMPLES)
@given(st.randoms(use_true_random=False), st.integers(1, 8), st.integers(0, 5))
def test_levels_are_the_definition_at_every_step_of_every_order(
    random: Random, movements: int, counts: int
) -> None:
    """As then known, and as corrected: after each arrival, at every moment of the past."""
    deeds = Day(random).draw(movements, counts)
    for _ in range(2):
        ledger, truth = _opened()
        for deed in shuffled(deeds, random):
            _take(ledger, [deed])
            deed.tell(truth)
            for at in truth.moments():
                assert truth.levels(at) == folded(ledger, at), f"after {deed.name}, at {at}"
            assert ledger.stock().levels == truth.levels(ledger.clock.now())


@settings(max_examples=EXAMPLES)
@given(st.randoms(use_true_random=False), st.integers(1, 8), st.integers(0, 5))
def test_what_is_open_in_the_end_depends_on_the_facts_only(
    random: Random, movements: int, counts: int
) -> None:
    """In any order, one by one or in batches; and it is what the definition says is short."""
    deeds = Day(random).draw(movements, counts)
    found: list[dict[tuple[str, str], int]] = []
    for _ in range(3):
        ledger, truth = _opened()
        order = shuffled(deeds, random)
        while order:
            size = random.randrange(1, 5)
            _take(ledger, order[:size])
            for deed in order[:size]:
                deed.tell(truth)
            order = order[size:]
        now = ledger.clock.now()
        stream: list[Any] = ledger.streams[STREAM]
        broken = reference.broken(stream, now)
        short = {b: -level for b, level in truth.levels(now).items() if level < 0}
        found.append(conflicts(ledger))

        assert found[-1] == {
            **{(PROMISE_BROKEN, holder): units for holder, units in broken.items()},
            **{(NEGATIVE_STOCK, bucket): units for bucket, units in short.items()},
        }
    assert found[0] == found[1] == found[2]


@settings(max_examples=EXAMPLES)
@given(st.randoms(use_true_random=False))
def test_no_arrival_moves_what_was_seen(random: Random) -> None:
    """At each standing count the level is the counted one, and what explains it adds up."""
    ledger, truth = _opened()
    for deed in shuffled(Day(random).draw(6, 6), random):
        _take(ledger, [deed])
        deed.tell(truth)
        stock = ledger.stock()
        standing = {
            (anchor.at, bucket, anchor.counted)
            for bucket, anchors in stock.anchors.items()
            for anchor in anchors
        }

        assert {(c.at, c.bucket, c.counted) for c in truth.counts.values()} == standing
        assert stock.anchored_until == max((at for at, _, _ in standing), default=0)
        for bucket, anchors in stock.anchors.items():
            for anchor in anchors:
                assert folded(ledger, anchor.at)[bucket] == anchor.counted
                assert _held(ledger, bucket, anchor.at) == anchor.held


def _held(ledger: Ledger, bucket: str, at: Instant) -> int:
    """What counts have posted for a bucket at a moment, cancelled ones included."""
    kinds = ("StockCounted", "StockAbsorbed", "StockCountCancelled")
    found: list[Any] = [e for e in ledger.streams[STREAM] if type(e).__name__ in kinds]
    return sum(e.delta for e in found if (e.bucket, e.occurred_at) == (bucket, at))


def test_the_days_of_these_tests_lie_in_the_past() -> None:
    """Otherwise nothing would be late."""
    deeds = Day(Random(1)).draw(20, 5)

    assert all(
        movement.occurred_at is None or movement.occurred_at <= START
        for deed in deeds
        for movement in deed.command.movements
    )
