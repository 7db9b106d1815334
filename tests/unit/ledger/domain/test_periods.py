"""Closing periods: what is known is pinned, the calendar goes on, and nothing is refused for it."""

import pytest

from ledger.domain.commands import ClosePeriod
from ledger.domain.events import CalendarAdvanced, PeriodClosed, StockSold
from ledger.domain.outcomes import PeriodState
from ledger.domain.refusals import IdTaken, IllegalState
from tests.support.builders import receive, sell
from tests.support.given import given, happened, strictly_given
from tests.support.manual_clock import moment


def close(period_id: str, starts: float, ends: float, location: str | None = None) -> ClosePeriod:
    """A period between seconds of the test's day."""
    return ClosePeriod(
        period_id=period_id, starts_at=moment(starts), ends_at=moment(ends), location=location
    )


def test_a_period_is_pinned_to_what_was_known_when_it_was_closed() -> None:
    """The last position before its own event: whatever comes later is not in it."""
    then = given(receive(10), sell(2)).when(close("p-1", -100, 1))

    then.then(
        happened(PeriodClosed, period_id="p-1", known_position=2, follows=None, location=None),
        happened(CalendarAdvanced, period_id="p-1", ends_at=moment(1)),
    )
    outcome = then.decision.outcome
    assert isinstance(outcome, PeriodState)
    assert 4 == outcome.position


def test_a_late_fact_into_a_closed_period_is_recorded() -> None:
    """A fact has happened, whatever was closed since."""
    then = given(receive(10), close("p-1", -100, 1)).when(sell(2, occurred_at=moment(-50)))

    then.then(happened(StockSold, occurred_at=moment(-50)))


def test_the_next_period_begins_where_the_last_one_ends() -> None:
    """It names the one it follows, so that it can open with what that was closed with."""
    then = given(close("p-1", -100, -50)).when(close("p-2", -50, 0))

    then.then(happened(PeriodClosed, follows="p-1"), happened(CalendarAdvanced))


@pytest.mark.parametrize("starts", [-60, -40])
def test_a_gap_and_an_overlap_are_refused(starts: float) -> None:
    """Units in no period, or in two, would make statements that do not add up."""
    then = given(close("p-1", -100, -50)).when(close("p-2", starts, 0))

    then.then_refused(
        IllegalState,
        id="p-2",
        state="not the next one",
        follows="p-1",
        due_from="2025-11-24T15:59:10.000000Z",
    )


def test_a_period_that_is_not_over_is_refused() -> None:
    """Facts would go on arriving in time."""
    then = given().when(close("p-1", -100, 60))

    then.then_refused(IllegalState, state="not over", ends_at="2025-11-24T16:01:00.000000Z")


def test_every_location_has_a_calendar_of_its_own() -> None:
    """And so has the network: none waits for another."""
    then = given(close("p-1", -100, -50), close("p-2", -90, -60, "ams-1")).when(
        close("p-3", -10, 0, "nyc-2")
    )

    then.then(happened(PeriodClosed, follows=None, location="nyc-2"), happened(CalendarAdvanced))


def test_the_same_period_again_decides_nothing() -> None:
    """And another one under its id is refused."""
    once = given(close("p-1", -100, -50), receive(1))

    once.when(close("p-1", -100, -50)).then_nothing()
    given(close("p-1", -100, -50)).when(close("p-1", -100, -40)).then_refused(IdTaken, id="p-1")


def test_where_the_catalog_is_strict_nobody_need_define_what_is_closed() -> None:
    """A period of a place where nothing is known says just that."""
    then = strictly_given().when(close("p-1", -100, -50, "nowhere"))

    then.then(happened(PeriodClosed, location="nowhere"), happened(CalendarAdvanced))
