"""A stock with very many open holds: no decision looks at more of them than it changes."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sortedcontainers import SortedList

from ledger.domain.commands import AnyCommand
from ledger.domain.events import StockReserved
from ledger.domain.stock import Hold
from tests.support.builders import (
    PLACE,
    SKU,
    amend,
    confirm,
    extend,
    fulfil,
    line,
    receive,
    release,
    reserve,
    scrap,
    sell,
    sweep,
)
from tests.support.given import Ledger
from tests.support.manual_clock import moment

HOLDS = 20_000
VISITS_MAX = 16
"""For everything one command may look up; the promises it breaks or mends come on top."""


class Visits:
    """How many holds were looked at, one by one or by walking."""

    count: ClassVar[int] = 0


class CountedHolds(dict[str, Hold]):
    """Holds that notice who looks at them."""

    def __getitem__(self, key: str) -> Hold:
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


def _crowded(broken: int) -> Ledger:
    """A stock with very many holds of two units, of which the newest ones are broken."""
    ledger = Ledger()
    ledger.ask(receive(2 * HOLDS + 20))
    stock = ledger.stock()
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
            )
        )
    for step in (
        reserve("hard", 4),
        reserve("soft", 4, expires_at=moment(9e5)),
        reserve("brief", 4, expires_at=moment(60)),
        sell(8 + 2 * broken) if broken else receive(1),
    ):
        assert ledger.ask(step).refusal is None
    stock.holds = CountedHolds(stock.holds)
    stock.order = CountedOrder(stock.order)
    stock.broken = CountedOrder(stock.broken)
    return ledger


@pytest.fixture(scope="module")
def whole() -> Ledger:
    """Nothing is broken."""
    return _crowded(0)


@pytest.fixture(scope="module")
def short() -> Ledger:
    """Five hundred promises are broken."""
    return _crowded(500)


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
