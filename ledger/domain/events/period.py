"""Events of `period/<id>`, and of the calendar of its scope: a location, or the whole network.

They move nothing and forbid nothing: a fact about a closed period is recorded as ever.
"""

from typing import TypeAlias

from ledger.domain.events.base import Event
from ledger.domain.values import Code, Id, Instant, calendar_stream, period_stream


class PeriodClosed(Event, frozen=True, kw_only=True, tag="period.closed.v1"):
    """What is known about a span of business time is pinned to a position of the ledger.

    It begins with `starts_at`, and ends before `ends_at`. Without a location it is of them all.
    """

    period_id: Id
    starts_at: Instant
    ends_at: Instant
    known_position: int  # The last one before this event: what was known when it was closed.
    location: Code | None = None
    follows: Id | None = None  # The period that ended where this one begins.

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return period_stream(self.period_id)


class CalendarAdvanced(Event, frozen=True, kw_only=True, tag="calendar.advanced.v1"):
    """The periods of a scope reach up to an instant by now; the next one begins there."""

    period_id: Id
    ends_at: Instant
    location: Code | None = None

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return calendar_stream(self.location)


AnyPeriodEvent: TypeAlias = PeriodClosed | CalendarAdvanced
