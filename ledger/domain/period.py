"""A closed period, and how far the periods of a scope reach."""

from msgspec import Struct

from ledger.domain.events import CalendarAdvanced, PeriodClosed
from ledger.domain.values import Instant


class Period(Struct, frozen=True, kw_only=True, gc=False):
    """A period that was closed, which it stays."""

    closed: PeriodClosed


class Calendar(Struct, frozen=True, kw_only=True, gc=False):
    """The last period of a scope: the next one begins where it ends."""

    period_id: str
    ends_at: Instant


def evolve_period(period: Period | None, event: PeriodClosed) -> Period:
    """The period after its only event."""
    assert period is None, "a period is closed once"
    return Period(closed=event)


def evolve_calendar(_: Calendar | None, event: CalendarAdvanced) -> Calendar:
    """The calendar after one more period."""
    return Calendar(period_id=event.period_id, ends_at=event.ends_at)
