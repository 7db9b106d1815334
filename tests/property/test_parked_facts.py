"""Under a strict catalog it does not matter whether a fact or its definition comes first."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.commands import AnyCommand, RecordMovements
from ledger.domain.conflict import UNKNOWN_ITEM
from ledger.domain.events import ConflictOpened, StockEvent, postings
from tests.support.builders import adjust, move, named, receive, sell, take_back, void
from tests.support.catalogs import define, packs, place, released, service, stated
from tests.support.given import By, Ledger
from tests.support.manual_clock import moment

SKUS = ("MUG", "Lamp", "WRAPPING")
PLACES = ("ams-1", "nyc-2")
DEFINITIONS: tuple[AnyCommand, ...] = (
    define("MUG", packs=packs(case=12)),
    define("LAMP", case_policy="upper"),
    service("WRAPPING"),
    *map(place, PLACES),
)

_units = st.integers(1, 9)


@st.composite
def facts(draw: st.DrawFn) -> list[RecordMovements]:
    """Facts with distinct business times in the past, each under an id of its own."""
    found: list[RecordMovements] = []
    sales: list[tuple[str, dict[str, Any]]] = []
    for number in range(draw(st.integers(1, 8))):
        about: dict[str, Any] = {
            "sku": draw(st.sampled_from(SKUS)),
            "location": draw(st.sampled_from(PLACES)),
            "occurred_at": moment(-draw(st.integers(1, 500)) - number / 10),
        }
        name, units = f"m-{number}", draw(_units)
        match draw(
            st.sampled_from(["receive", "case", "sale", "return", "move", "adjust", "void"])
        ):
            case "void" if sales:
                sale, place_of_sale = draw(st.sampled_from(sales))
                fact = void(sale, 1, **place_of_sale)
            case "case" if about["sku"] == "MUG":
                fact = receive(**stated("1", "case"), **about)
            case "sale":
                fact = sell(units, **about)
                sales.append((name, {k: about[k] for k in ("sku", "location")}))
            case "return":
                fact = take_back(units, **about)
            case "move":
                fact = move(units, "sellable", "damaged", **about)
            case "adjust":
                fact = adjust(-units, **about)
            case _:
                fact = receive(units, **about)
        found.append(named(name, fact))
    return found


def told(order: list[AnyCommand]) -> Ledger:
    """A ledger after these commands, with everything released that could be."""
    ledger = Ledger(strict=True)
    for command in order:
        ledger.take(command)
        if command in DEFINITIONS:
            _sweep(ledger)
    return ledger


def _sweep(ledger: Ledger) -> None:
    waiting = [
        event.conflict_id
        for events in ledger.streams.values()
        for event in events
        if isinstance(event, ConflictOpened) and event.kind == UNKNOWN_ITEM
    ]
    for conflict_id in waiting:
        ledger.take(By("sweeper", released(conflict_id)))


def _physical(ledger: Ledger) -> Counter[tuple[Any, ...]]:
    """What happened where and when, whoever was first."""
    return Counter(
        (event.occurred_at, *posting)
        for events in ledger.streams.values()
        for event in events
        if isinstance(event, StockEvent)
        for posting in postings(event)
    )


def _open(ledger: Ledger) -> dict[tuple[str, ...], int]:
    """The conflicts of all stocks that are open, with what is short."""
    return {
        (stream, *key): known.short
        for stream in ledger.streams
        if stream.startswith("stock/")
        for key, known in ledger.world.stock_of(stream).conflicts.items()
    }


@settings(max_examples=150, deadline=None)
@given(found=facts(), data=st.data())
def test_definitions_may_come_before_between_or_after_their_facts(
    found: list[RecordMovements], data: st.DataObject
) -> None:
    """Levels at every time, conflicts open at the end, and nothing twice: all the same."""
    order: list[AnyCommand] = list(found)
    for definition in data.draw(st.permutations(DEFINITIONS)):
        order.insert(data.draw(st.integers(0, len(order))), definition)

    first, mixed = told([*DEFINITIONS, *found]), told(order)

    assert _physical(first) == _physical(mixed)
    assert _open(first) == _open(mixed)
