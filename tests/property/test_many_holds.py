"""A stock with very many open holds: no decision looks at more of them than it changes."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sortedcontainers import SortedList

from ledger.domain.commands import AnyCommand
from ledger.domain.events import FencedUnits, StockReserved
from tests.support.builders import (
    PLACE,
    SKU,
    amend,
    backorders,
    confirm,
    extend,
    fence,
    fulfil,
    line,
    receive,
    release,
    relocate,
    reserve,
    scrap,
    sell,
    shift,
    sweep,
    unfence,
)
from tests.support.given import Ledger
from tests.support.manual_clock import moment

HOLDS = 20_000
VISITS_MAX = 16
"""For everything one command may look up; the promises it breaks or mends come on top."""


class Visits:
    """How many holds were looked at, one by one or by walking."""

    count: ClassVar[int] = 0


class CountedDict(dict[str, Any]):
    """Holds, or what they have of a fence, that notice who looks at them."""

    def __getitem__(self, key: str) -> Any:
        Visits.count += 1
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        Visits.count += 1
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            Visits.count += 1
            yield key

    def items(self) -> Any:
        Visits.count += len(self)
        return super().items()

    def values(self) -> Any:
        Visits.count += len(self)
        return super().values()


class CountedOrder(SortedList):  # type: ignore[misc]
    """A sorted list that counts what is walked over; searching in it is logarithmic."""

    def irange(self, *arguments: Any, **named: Any) -> Iterator[Any]:
        for key in super().irange(*arguments, **named):
            Visits.count += 1
            yield key

    def __iter__(self) -> Iterator[Any]:
        for key in super().__iter__():
            Visits.count += 1
            yield key

    def __reversed__(self) -> Iterator[Any]:
        for key in super().__reversed__():
            Visits.count += 1
            yield key


def _crowded(broken: int, *, fenced: bool = False) -> Ledger:
    """A stock with very many holds of two units, of which the newest ones are broken.

    Where it is `fenced`, each of them has a unit of its channel's fence.
    """
    ledger = Ledger()
    ledger.ask(receive(2 * HOLDS + 20))
    ledger.ask(receive(9, location="nyc-2"))
    stock = ledger.stock()
    if fenced:
        assert ledger.ask(fence("web", HOLDS + 9)).refusal is None
    for number in range(HOLDS):
        soft = number % 2 == 0
        stock.evolve(
            StockReserved(
                occurred_at=number,
                effective_at=stock.effective_at,
                location=PLACE,
                sku=SKU,
                reservation_id=f"crowd-{number}",
                quantity=2,
                kind="soft" if soft else "hard",
                expires_at=moment(9e6) if soft else None,
                fence=FencedUnits(channel="web", quantity=1) if fenced else None,
            )
        )
    for step in (
        reserve("hard", 4),
        reserve("soft", 4, expires_at=moment(9e5)),
        reserve("brief", 4, expires_at=moment(60)),
        sell(8 + 2 * broken) if broken else receive(1),
    ):
        assert ledger.ask(step).refusal is None
    stock.holds = CountedDict(stock.holds)
    stock.order = CountedOrder(stock.order)
    stock.broken = CountedOrder(stock.broken)
    if stock.fences is not None:
        stock.fences.held = CountedDict(stock.fences.held)
    return ledger


@pytest.fixture(scope="module")
def whole() -> Ledger:
    """Nothing is broken."""
    return _crowded(0)


@pytest.fixture(scope="module")
def short() -> Ledger:
    """Five hundred promises are broken."""
    return _crowded(500)


@pytest.fixture(scope="module")
def parted() -> Ledger:
    """All holds have a part of a fence."""
    return _crowded(0, fenced=True)


def _visits(ledger: Ledger, command: AnyCommand) -> int:
    Visits.count = 0
    ledger.ask(command)
    return Visits.count


@pytest.mark.parametrize(
    "command",
    [
        reserve("new", 1),
        reserve("too-much", 1_000_000),
        confirm("soft"),
        extend("brief", moment(70)),
        amend("hard", line(5)),
        fulfil("soft", line(1)),
        release("soft"),
        relocate("hard", shift(1, PLACE, "nyc-2")),
        sell(1),
        scrap(1),
        receive(1),
        sweep(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_decision_looks_at_few_of_many_holds(whole: Ledger, command: AnyCommand) -> None:
    """Whatever is asked: a handful of look-ups, not twenty thousand."""
    assert _visits(whole, command) <= VISITS_MAX


@pytest.mark.parametrize(
    "command",
    [
        reserve("new", 3),
        reserve("others", 1, channel="shop"),
        confirm("soft"),
        extend("brief", moment(70)),
        amend("hard", line(6)),
        fulfil("soft", line(1)),
        release("soft"),
        relocate("hard", shift(1, PLACE, "nyc-2")),
        sell(1, channel="web"),
        receive(1),
        fence("web", 1),
        unfence("web", 1),
        backorders(3),
        sweep(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_fence_of_many_holds_costs_no_more(parted: Ledger, command: AnyCommand) -> None:
    """What each hold has of the fence is looked up, never added up."""
    assert _visits(parted, command) <= VISITS_MAX + 8


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        (sell(1), 1),
        (sell(20), 11),
        (receive(1), 1),
        (receive(40), 21),
        (confirm("soft"), 0),
        (fulfil("hard", line(1)), 1),
        (release("hard", line(2)), 2),
        (reserve("new", 1), 0),
        (relocate("hard", shift(1, PLACE, "nyc-2")), 1),
        (sweep(), 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_decision_looks_at_the_promises_it_changes(
    short: Ledger, command: AnyCommand, changed: int
) -> None:
    """Where five hundred are broken already: what breaks or mends is visited, no other."""
    assert _visits(short, command) <= VISITS_MAX + 6 * changed


def test_the_counting_counts(whole: Ledger) -> None:
    """A walk over all holds would be seen."""
    Visits.count = 0
    sum(hold.quantity for hold in whole.stock().holds.values())

    assert Visits.count >= HOLDS
