"""The auditor on periods: planted mistakes are found."""

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.commands import ClosePeriod
from ledger.domain.events import AnyEvent, CalendarAdvanced, PeriodClosed
from ledger.recorded import Recorded
from tests.support.builders import receive
from tests.support.histories import BEGIN, Histories
from tests.unit.projections.audit.test_checker import breaches

DAY = 86_400_000_000


@pytest.fixture
def log() -> list[Recorded]:
    """Two periods of the network."""
    histories = Histories(1)
    commands = (
        receive(10),
        ClosePeriod(period_id="p-1", starts_at=BEGIN - 2 * DAY, ends_at=BEGIN - DAY),
        receive(10),
        ClosePeriod(period_id="p-2", starts_at=BEGIN - DAY, ends_at=BEGIN),
    )
    items = [histories.attempt(command) for command in commands]
    return [event for item in items if item is not None for event in item.events]


def test_periods_decided_by_the_rules_break_no_law(log: list[Recorded]) -> None:
    """Each is pinned to where it was closed, and follows the one before."""
    assert [PeriodClosed, CalendarAdvanced] == [type(one.event) for one in log[-2:]]
    assert [] == breaches(log)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (PeriodClosed, {"known_position": 3}),
        (PeriodClosed, {"starts_at": BEGIN - DAY - 1}),
        (PeriodClosed, {"ends_at": BEGIN + DAY}),
        (PeriodClosed, {"ends_at": BEGIN - 2 * DAY}),
        (PeriodClosed, {"follows": "p-0"}),
        (PeriodClosed, {"period_id": "p-1"}),
        (PeriodClosed, {"location": "ams-1"}),
        (CalendarAdvanced, {"ends_at": BEGIN + 1}),
        (CalendarAdvanced, {"period_id": "p-1"}),
    ],
)
def test_an_event_written_otherwise_is_found(
    log: list[Recorded], kind: type, fields: dict[str, Any]
) -> None:
    """In the second of two periods."""
    chosen = [one for one in log if type(one.event) is kind][-1]
    event: AnyEvent = replace(chosen.event, **fields)
    wrong = [replace(one, event=event) if one is chosen else one for one in log]

    assert breaches(wrong)


def test_a_period_that_no_calendar_tells_of_is_found(log: list[Recorded]) -> None:
    """The next one could begin anywhere."""
    assert breaches(log[:-1])
