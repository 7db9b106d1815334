"""Messages about periods: what is known about a span of business time is pinned to a position."""

from subscribers.messages.base import Message, Timestamp


class PeriodClosed(Message, frozen=True, kw_only=True, omit_defaults=True):
    """From `starts_at` on and before `ends_at`, as known at `known_position`.

    Without a location it is of the whole network.
    """

    TYPE = "inventory.period.closed.v1"
    period_id: str
    starts_at: Timestamp
    ends_at: Timestamp
    known_position: int
    location: str | None = None
    follows: str | None = None


class CalendarAdvanced(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The periods of a location, or of the network, reach up to `ends_at` by now."""

    TYPE = "inventory.calendar.advanced.v1"
    period_id: str
    ends_at: Timestamp
    location: str | None = None
