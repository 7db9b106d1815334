"""What the auditor reads of periods."""

from typing import TypeAlias

from msgspec import Struct


class PeriodClosed(Struct, gc=False, kw_only=True, tag="period.closed.v1"):
    """A span of business time, and the position to which knowledge of it is pinned."""

    occurred_at: int
    period_id: str
    starts_at: int
    ends_at: int
    known_position: int
    location: str | None = None
    follows: str | None = None


class CalendarAdvanced(Struct, gc=False, kw_only=True, tag="calendar.advanced.v1"):
    """How far the periods of a scope reach."""

    occurred_at: int
    period_id: str
    ends_at: int
    location: str | None = None


AnyPeriod: TypeAlias = PeriodClosed | CalendarAdvanced
