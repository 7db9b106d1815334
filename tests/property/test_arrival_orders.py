"""The past is what happened and what was seen, in whatever order people came to tell it."""

import os
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.commands import RecordMovements
from ledger.domain.events import postings
from ledger.domain.stock import NEGATIVE_STOCK, PROMISE_BROKEN
from ledger.domain.values import PHYSICAL_BUCKETS, Instant, StockId
from tests.property import reference
from tests.support import builders as b
from tests.support.arrivals import PLACES, Day, Deed, shuffled
from tests.support.definition import Movement, Shelf, Truth
from tests.support.given import Ledger
from tests.support.manual_clock import START

EXAMPLES = int(os.environ.get("ARRIVAL_EXAMPLES", "100"))

SHELVES: list[Shelf] = [(place, bucket) for place in PLACES for bucket in PHYSICAL_BUCKETS]

_days = st.tuples(
    st.randoms(use_true_random=False), st.integers(1, 8), st.integers(0, 6), st.integers(0, 3)
)


def folded(ledger: Ledger, at: Instant) -> dict[Shelf, int]:
    """The levels at a moment, by the events recorded so far."""
    levels = dict.fromkeys(SHELVES, 0)
    for place in PLACES:
        for event in _stream(ledger, place):
            if event.occurred_at <= at:
                for stock_id, bucket, delta in postings(event):
                    if (stock_id.location, bucket) in levels:
                        levels[stock_id.location, bucket] += delta
    return levels


def conflicts(ledger: Ledger) -> dict[tuple[str, str, str], int]:
    """What is open at the end, by place, kind and holder."""
    return {
        (place, *key): conflict.short
        for place in PLACES
        for key, conflict in ledger.stock(location=place).conflicts.items()
    }


def _stream(ledger: Ledger, place: str) -> list[Any]:
    return ledger.streams.get(StockId(place, "MUG").stream, [])


def _opened() -> tuple[Ledger, Truth]:
    """Thirty mugs everywhere, two promises over some of them, before anything is told late."""
    ledger, truth = Ledger(), Truth()
    for place in PLACES:
        ledger.take(b.receive(30, location=place))
        at = ledger.clock.now()
        truth.movements[place] = Movement(at, (((place, "sellable"), 1),), 30)
    ledger.take(b.reserve("order-1", 11))
    ledger.take(b.reserve("order-2", None, b.line(14), b.line(29, location="nyc-2")))
    return ledger, truth


def _take(ledger: Ledger, deeds: list[Deed]) -> None:
    """Movements that are neighbours go in one batch, as offline stores send them."""
    batch: list[RecordMovements] = []
    for deed in deeds:
        if isinstance(deed.command, RecordMovements):
            batch.append(deed.command)
            continue
        _ask(ledger, batch)
        batch = []
        decision = ledger.take(deed.command)
        assert decision.refusal is None, f"{deed.name}: {decision.refusal!r}"
    _ask(ledger, batch)


def _ask(ledger: Ledger, batch: list[RecordMovements]) -> None:
    if batch:
        decision = ledger.take(b.together(*batch))
        assert decision.refusal is None, repr(decision.refusal)


@settings(max_examples=EXAMPLES)
@given(_days)
def test_levels_are_the_definition_at_every_step_of_every_order(
    day: tuple[Random, int, int, int],
) -> None:
    """As then known, and as corrected: after each arrival, at every moment of the past."""
    random, *numbers = day
    deeds = Day(random, PLACES).draw(*numbers)
    for _ in range(2):
        ledger, truth = _opened()
        for deed in shuffled(deeds, random):
            _take(ledger, [deed])
            deed.tell(truth)
            for at in truth.moments():
                found = folded(ledger, at)
                assert truth.levels(SHELVES, at) == found, f"after {deed.name}, at {at}"
            now = truth.levels(SHELVES, ledger.clock.now())
            for place in PLACES:
                levels = ledger.stock(location=place).levels
                assert {(place, bucket): n for bucket, n in levels.items()}.items() <= now.items()


@settings(max_examples=EXAMPLES)
@given(_days)
def test_what_is_open_in_the_end_depends_on_the_facts_only(
    day: tuple[Random, int, int, int],
) -> None:
    """In any order, one by one or in batches; and it is what the definition says is short."""
    random, *numbers = day
    deeds = Day(random, PLACES).draw(*numbers)
    found: list[dict[tuple[str, str, str], int]] = []
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
        short = {
            (place, NEGATIVE_STOCK, bucket): -level
            for (place, bucket), level in truth.levels(SHELVES, now).items()
            if level < 0
        }
        broken = {
            (place, PROMISE_BROKEN, holder): units
            for place in PLACES
            for holder, units in reference.broken(_stream(ledger, place), now).items()
        }
        found.append(conflicts(ledger))

        assert found[-1] == short | broken
    assert found[0] == found[1] == found[2]


@settings(max_examples=EXAMPLES)
@given(st.randoms(use_true_random=False))
def test_no_arrival_moves_what_was_seen(random: Random) -> None:
    """At each standing count the level is the counted one, and what explains it adds up."""
    ledger, truth = _opened()
    for deed in shuffled(Day(random, PLACES).draw(6, 6, 2), random):
        _take(ledger, [deed])
        deed.tell(truth)
        standing = {
            (anchor.at, (place, bucket), anchor.counted)
            for place in PLACES
            for bucket, anchors in ledger.stock(location=place).anchors.items()
            for anchor in anchors
        }

        assert {(c.at, c.shelf, c.counted) for c in truth.counts.values()} == standing
        for at, shelf, counted in standing:
            assert folded(ledger, at)[shelf] == counted
        for place in PLACES:
            stock = ledger.stock(location=place)
            times = [at for at, (where, _), _ in standing if where == place]
            assert stock.anchored_until == max(times, default=0)
            for bucket, anchors in stock.anchors.items():
                for anchor in anchors:
                    assert _held(ledger, (place, bucket), anchor.at) == anchor.held


def _held(ledger: Ledger, shelf: Shelf, at: Instant) -> int:
    """What counts have posted for a shelf at a moment, cancelled ones included."""
    place, bucket = shelf
    kinds = ("StockCounted", "StockAbsorbed", "StockCountCancelled")
    found = [e for e in _stream(ledger, place) if type(e).__name__ in kinds]
    return sum(e.delta for e in found if (e.bucket, e.occurred_at) == (bucket, at))


def test_the_days_of_these_tests_lie_in_the_past() -> None:
    """Otherwise nothing would be late."""
    deeds = Day(Random(1)).draw(20, 5)

    assert all(
        movement.occurred_at is None or movement.occurred_at <= START
        for deed in deeds
        if isinstance(deed.command, RecordMovements)
        for movement in deed.command.movements
    )
