"""How the auditor reads periods: they follow one another, each pinned to where it was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain.laws import Breach
from ledger.domain.values import stream_id
from projections.audit.wire_periods import AnyPeriod, CalendarAdvanced, PeriodClosed

if TYPE_CHECKING:
    from projections.audit.checker import Checker


class PeriodBooks:
    """All closed periods, the last of each scope, and what an item has said of one of them."""

    __slots__ = ("calendars", "closed", "told")

    def __init__(self) -> None:
        """Nothing has been closed."""
        self.closed: dict[str, tuple[PeriodClosed, int]] = {}
        self.calendars: dict[str | None, PeriodClosed] = {}
        self.told: PeriodClosed | None = None


def take(checker: Checker, event: AnyPeriod, position: int) -> None:
    """Enter one event."""
    books = checker.periods
    if isinstance(event, CalendarAdvanced):
        told, books.told = books.told, None
        same = told is not None and (
            (told.period_id, told.ends_at, told.location)
            == (event.period_id, event.ends_at, event.location)
        )
        if not same:
            what = f"the calendar tells of {event.period_id!r} what its own event does not"
            checker.found([Breach(8, position, what)])
        return
    if event.period_id in books.closed:
        checker.found([Breach(11, position, f"period {event.period_id!r} was closed before")])
    if event.known_position != position - 1:
        what = f"period {event.period_id!r} is pinned to {event.known_position}"
        checker.found([Breach(11, position, what)])
    if event.starts_at >= event.ends_at or event.ends_at > event.occurred_at:
        what = f"period {event.period_id!r} has not gone by"
        checker.found([Breach(11, position, what)])
    last = books.calendars.get(event.location)
    due = (None, event.starts_at) if last is None else (last.period_id, last.ends_at)
    if (event.follows, event.starts_at) != due:
        what = f"period {event.period_id!r} does not go on where {due[0]!r} ends"
        checker.found([Breach(11, position, what)])
    books.closed[event.period_id] = event, position
    books.calendars[event.location] = books.told = event


def stream_of(event: AnyPeriod) -> str:
    """The stream an event of a period says it belongs to."""
    if isinstance(event, PeriodClosed):
        return stream_id("period", event.period_id)
    scope = ("network",) if event.location is None else ("location", event.location)
    return stream_id("calendar", *scope)


def judge(checker: Checker) -> None:
    """After an item: what was closed stands in the calendar, too."""
    told, checker.periods.told = checker.periods.told, None
    if told is not None:
        what = f"no calendar tells of period {told.period_id!r}"
        checker.found([Breach(8, checker.place.position, what)])
