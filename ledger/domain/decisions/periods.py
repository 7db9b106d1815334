"""Closing a period: what is known about it by now is pinned, and nothing is refused for it.

The periods of a scope follow one another without a gap, so that each opens with what the one
before it closed with. The first one may begin anywhere.
"""

from collections.abc import Iterator
from typing import Final

from ledger.domain.commands import ClosePeriod
from ledger.domain.decisions.world import Cause, Decision, Effect, World
from ledger.domain.events import CalendarAdvanced, PeriodClosed
from ledger.domain.outcomes import PeriodState
from ledger.domain.period import Calendar, Period
from ledger.domain.refusals import IdTaken, IllegalState
from ledger.domain.values import Instant, calendar_stream, period_stream, utc_text

REASON: Final = "period_close"


def reads(command: ClosePeriod) -> Iterator[str]:
    """The period of this id, and the calendar of its scope."""
    yield period_stream(command.period_id)
    yield calendar_stream(command.location)


def close(command: ClosePeriod, world: World, now: Instant) -> Decision:
    """Pin a period to where the ledger stands. The same again under the same id decides nothing."""
    known = world.state(period_stream(command.period_id))
    if isinstance(known, Period):
        closed = known.closed
        asked = (command.starts_at, command.ends_at, command.location)
        if (closed.starts_at, closed.ends_at, closed.location) != asked:
            raise IdTaken("period", command.period_id)
        return PeriodState(closed=closed, position=world.head)
    last = _checked(command, world, now)
    event = PeriodClosed(
        occurred_at=now,
        period_id=command.period_id,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        known_position=world.head,
        location=command.location,
        follows=None if last is None else last.period_id,
    )
    cause = Cause(now, REASON, reference=command.period_id)
    yield Effect(event, cause, fresh=True)
    yield Effect(
        CalendarAdvanced(
            occurred_at=now,
            period_id=command.period_id,
            ends_at=command.ends_at,
            location=command.location,
        ),
        cause,
    )
    return PeriodState(closed=event, position=world.head)


def _checked(command: ClosePeriod, world: World, now: Instant) -> Calendar | None:
    """The last period of the scope. Refuses a gap, an overlap, and an end that has not come."""
    last = world.state(calendar_stream(command.location))
    if isinstance(last, Calendar) and last.ends_at != command.starts_at:
        raise IllegalState(
            "period",
            command.period_id,
            "not the next one",
            "close",
            follows=last.period_id,
            due_from=utc_text(last.ends_at),
            asked_from=utc_text(command.starts_at),
        )
    if command.ends_at > now:
        raise IllegalState(
            "period",
            command.period_id,
            "not over",
            "close",
            ends_at=utc_text(command.ends_at),
            now=utc_text(now),
        )
    return last if isinstance(last, Calendar) else None
