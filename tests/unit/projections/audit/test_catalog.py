"""What the auditor holds against definitions, conversions and facts that waited."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.events import (
    ConflictOpened,
    ConflictResolved,
    SkuDefined,
    StockReceived,
)
from ledger.domain.laws import Breach
from ledger.recorded import Recorded
from projections.audit.checker import Checker
from projections.audit.row import Row
from tests.support.histories import Histories, state

COMMANDS = 500
SEEDS = range(60)

Fits = Callable[[Recorded], bool]


def breaches(events: list[Recorded]) -> list[Breach]:
    """What an auditor finds in a log."""
    checker = Checker()
    for one in events:
        row = Row(one.position, one.stream, one.version, one.topic, state(one), one.recorded_at)
        checker.take(row)
    checker.close()
    return checker.breaches


def history_with(fits: Fits) -> tuple[list[Recorded], Recorded]:
    """A history in which such an event occurs, and the first of them."""
    for seed in SEEDS:
        events = Histories(seed).events(COMMANDS)
        for one in events:
            if fits(one):
                return events, one
    raise LookupError("no seed draws such an event")


def forged(events: list[Recorded], one: Recorded, **changes: Any) -> list[Recorded]:
    """The history with another body in one place."""
    other = replace(one, event=replace(one.event, **changes))
    return [other if event is one else event for event in events]


def _redefined(one: Recorded) -> bool:
    return isinstance(one.event, SkuDefined) and one.version > 1


def _parked(one: Recorded) -> bool:
    return isinstance(one.event, ConflictOpened) and one.event.parked is not None


def _released(one: Recorded) -> bool:
    event = one.event
    return (
        isinstance(event, ConflictResolved)
        and event.resolution == "release"
        and (event.kind == "unknown_item")
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"scale": 3}, "scale"),
        ({"base_unit": "pair"}, "base_unit"),
        ({"service": True}, "goods"),
    ],
)
def test_what_integers_mean_never_changes(changes: dict[str, Any], what: str) -> None:
    """A definition that gives recorded quantities another meaning is none."""
    events, one = history_with(
        lambda one: _redefined(one) and not getattr(one.event, "service", True)
    )

    found = breaches(forged(events, one, **changes))

    assert [one.position] == [breach.position for breach in found if breach.law == 11]
    assert what in next(breach.what for breach in found if breach.law == 11)


def test_a_quantity_is_what_its_reporter_stated() -> None:
    """Converted once more by the definitions of its time, to the last unit."""
    events, one = history_with(
        lambda one: (
            isinstance(one.event, StockReceived)
            and one.meta.stated is not None
            and "case" in one.meta.stated
        )
    )
    assert isinstance(one.event, StockReceived)

    found = breaches(forged(events, one, quantity=one.event.quantity + 1))

    assert (18, one.position) in [(breach.law, breach.position) for breach in found]


def test_a_fact_waits_as_it_was_reported() -> None:
    """What its conflict says of it and what is kept are one thing."""
    events, one = history_with(_parked)

    found = breaches(forged(events, one, sku="GHOST"))

    assert (7, one.position) in [(breach.law, breach.position) for breach in found]


def test_a_released_fact_was_recorded_and_in_full() -> None:
    """Saying that it was is not enough, and neither is a part of it."""
    events, one = history_with(_released)
    position = one.position
    meta = one.meta
    silent = [
        replace(event, meta=replace(event.meta, owner=None))
        if event.meta.command_id == meta.command_id
        else event
        for event in events
    ]

    assert 7 in {
        breach.law for breach in breaches(silent) if position <= breach.position < position + 9
    }


def test_only_what_waited_is_recorded_for_somebody_else() -> None:
    """An event in the name of another principal needs a fact that he had parked."""
    events, one = history_with(
        lambda one: isinstance(one.event, StockReceived) and one.meta.owner is None
    )
    lent = replace(one, meta=replace(one.meta, owner="somebody"))

    found = breaches([lent if event is one else event for event in events])

    assert "never waited" in " ".join(breach.what for breach in found)


def test_a_released_fact_has_the_quantity_that_was_reported() -> None:
    """One unit more or less on the way is found."""
    events, one = history_with(
        lambda one: (
            isinstance(one.event, StockReceived)
            and one.meta.owner is not None
            and one.meta.stated is None
        )
    )
    assert isinstance(one.event, StockReceived)

    found = breaches(forged(events, one, quantity=one.event.quantity + 1))

    assert any("were recorded" in breach.what for breach in found)
