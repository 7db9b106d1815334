"""Transfers over three locations: nothing is made up or lost, and only what happened counts.

What is on its way to a place at a moment is said here once more, as plainly as possible, and
compared with what the events of any order of arrival come to.
"""

from collections import defaultdict
from random import Random
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.commands import AnyCommand, DispatchTransfer, ReceiveTransfer
from ledger.domain.events import AnyEvent, in_transit_delta, postings
from ledger.domain.outcomes import TransferState
from ledger.domain.transfer import Transfer
from ledger.domain.values import PHYSICAL_BUCKETS, Instant, StockId, transfer_stream
from tests.support.builders import receive as supply
from tests.support.given import Ledger
from tests.support.manual_clock import START
from tests.support.transfers import arrived, close, dispatch, of_sku, receive, request

PLACES = ("ams-1", "nyc-2", "lon-3")
SKUS = ("MUG", "LAMP")
STOCKED = 20
SECOND = 1_000_000

_times = st.integers(-500, -1).map(lambda second: START + second * SECOND)
_skus = st.sampled_from(SKUS)
_transfers = st.integers(0, 3).map(lambda number: f"t-{number}")
_units = st.integers(0, 4)
_facts: st.SearchStrategy[DispatchTransfer | ReceiveTransfer] = st.one_of(
    st.builds(
        lambda t, q, s, at: dispatch(t, of_sku(q, s), occurred_at=at),
        _transfers,
        st.integers(1, 9),
        _skus,
        _times,
    ),
    st.builds(
        lambda t, s, at, r, d, lo, re: receive(
            t, arrived(r + 1, s, damaged=d, lost=lo, returned=re), occurred_at=at
        ),
        _transfers,
        _skus,
        _times,
        *[_units] * 4,
    ),
)
_ways = st.lists(st.permutations(PLACES), min_size=4, max_size=4)


class World(NamedTuple):
    """What a ledger came to."""

    events: list[AnyEvent]
    documents: dict[str, Any]
    conflicts: set[tuple[str, str, str, int]]
    ledger: Ledger


def play(ways: list[list[str]], facts: list[AnyCommand]) -> World:
    """Stock every shelf, ask for four transfers, and report facts in an order."""
    ledger = Ledger()
    commands: list[AnyCommand] = [
        supply(STOCKED, sku=sku, location=place, occurred_at=START - 1_000 * SECOND)
        for sku in SKUS
        for place in PLACES
    ]
    for number, way in enumerate(ways):
        lines = (of_sku(3), of_sku(2, "LAMP"))
        commands.append(request(f"t-{number}", *lines, source=way[0], to=way[1]))
    for command in (*commands, *facts):
        decision = ledger.ask(command)
        assert decision.refusal is None, repr(decision.refusal)
    documents = {}
    for number in range(len(ways)):
        state = ledger.world.state(transfer_stream(f"t-{number}"))
        assert isinstance(state, Transfer)
        lines_by_sku = {line.sku: line.state() for line in state.lines}
        documents[state.transfer_id] = (state.status, lines_by_sku)
    conflicts = {
        (stock_id.stream, kind, holder, conflict.short)
        for stock_id in _stocks()
        for (kind, holder), conflict in ledger.stock(
            stock_id.sku, stock_id.location
        ).conflicts.items()
    }
    events = [event for stream in ledger.streams.values() for event in stream]
    return World(events, documents, conflicts, ledger)


def _stocks() -> list[StockId]:
    return [StockId(place, sku) for place in PLACES for sku in SKUS]


def levels(events: list[AnyEvent], at: Instant) -> dict[StockId, dict[str, int]]:
    """Every bucket, and what is on its way, by what had happened at a moment."""
    found: dict[StockId, dict[str, int]] = {stock: defaultdict(int) for stock in _stocks()}
    for event in events:
        if event.occurred_at > at:
            continue
        for stock_id, bucket, delta in postings(event):
            found[stock_id][bucket] += delta
        transit = in_transit_delta(event)
        if transit is not None:
            found[transit[0]]["in_transit"] += transit[1]
    kept = (*PHYSICAL_BUCKETS, "in_transit")
    return {stock: {name: units[name] for name in kept} for stock, units in found.items()}


def on_the_way(ways: list[list[str]], facts: list[Any], at: Instant) -> dict[StockId, int]:
    """The definition: what left so far, less what arrived so far of all that ever left."""
    found = dict.fromkeys(_stocks(), 0)
    for number, way in enumerate(ways):
        mine = [fact for fact in facts if fact.transfer_id == f"t-{number}"]
        for sku in SKUS:
            left, left_by_then = _units_of(mine, DispatchTransfer, sku, at)
            _, came_by_then = _units_of(mine, ReceiveTransfer, sku, at)
            found[StockId(way[1], sku)] += left_by_then - min(left, came_by_then)
    return found


def _units_of(facts: list[Any], kind: type[Any], sku: str, at: Instant) -> tuple[int, int]:
    """All units of a SKU in facts of a kind, and those up to a moment."""
    told: list[tuple[Instant, int]] = []
    for fact in facts:
        if isinstance(fact, kind):
            for line in fact.lines:
                units = line.arrived if kind is ReceiveTransfer else line.quantity
                told.append((fact.occurred_at, units if line.sku == sku else 0))
    return sum(units for _, units in told), sum(units for when, units in told if when <= at)


@settings(max_examples=150)
@given(
    ways=_ways, facts=st.lists(_facts, min_size=1, max_size=12), seed=st.integers(0, 99), at=_times
)
def test_the_order_of_arrival_does_not_count(
    ways: list[list[str]], facts: list[Any], seed: int, at: Instant
) -> None:
    """Levels, what is on its way, documents and open conflicts: now and at any moment."""
    one = play(ways, facts)
    shuffled = Random(seed).sample(facts, len(facts))
    other = play(ways, shuffled)

    assert one.documents == other.documents
    assert one.conflicts == other.conflicts
    for moment in (at, START):
        assert levels(one.events, moment) == levels(other.events, moment)
        assert on_the_way(ways, facts, moment) == {
            stock: units["in_transit"] for stock, units in levels(one.events, moment).items()
        }


@settings(max_examples=100)
@given(ways=_ways, facts=st.lists(_facts, min_size=1, max_size=12))
def test_units_are_neither_made_up_nor_lost(ways: list[list[str]], facts: list[Any]) -> None:
    """All there ever was is on a shelf, on its way or written off, but for what nobody sent."""
    world = play(ways, facts)
    found = levels(world.events, START)
    for sku in SKUS:
        lines = [by_sku[sku] for _, by_sku in world.documents.values() if sku in by_sku]
        there = sum(sum(units.values()) for stock, units in found.items() if stock.sku == sku)
        lost = sum(
            line.lost
            for fact in facts
            if isinstance(fact, ReceiveTransfer)
            for line in fact.lines or ()
            if line.sku == sku
        )

        assert STOCKED * len(PLACES) + sum(line.surplus for line in lines) == there + lost
        assert sum(line.in_transit for line in lines) == sum(
            units["in_transit"] for stock, units in found.items() if stock.sku == sku
        )


@settings(max_examples=50)
@given(ways=_ways, facts=st.lists(_facts, min_size=1, max_size=12))
def test_a_transfer_ends_exactly_when_nothing_is_on_its_way(
    ways: list[list[str]], facts: list[Any]
) -> None:
    """What is still under way is received, and then it may be closed."""
    world = play(ways, facts)
    for name, (status, lines) in world.documents.items():
        if status == "requested":
            continue
        under_way = sum(line.in_transit for line in lines.values())
        refusal = world.ledger.ask(close(name)).refusal
        assert bool(under_way) == (refusal is not None)
        if under_way:
            world.ledger.ask(receive(name))
            ended = world.ledger.ask(close(name)).outcome
            assert isinstance(ended, TransferState)
            assert "closed" == ended.status
