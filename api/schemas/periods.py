"""Periods as they are closed, and as they are answered."""

from typing import Any, Final, Self

import msgspec
from msgspec import Struct, field

from api.schemas.fields import DocumentId, Time, check_code, instant_of, rfc3339
from api.schemas.questions import Cursor, Limit, Position, Timestamp
from ledger.domain.commands import ClosePeriod
from ledger.domain.outcomes import PeriodState
from ledger.domain.refusals import Malformed
from ledger.domain.values import Code
from projections.bookkeeping.periods import PeriodAnswer
from projections.bookkeeping.queries import GroupBy


class ClosePeriodRequest(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """From a business time on and before another one; without a location, the whole network."""

    period_id: DocumentId
    start: Time = field(name="from")
    end: Time = field(name="to")
    location: Code | None = None


class PeriodItem(Struct, frozen=True, kw_only=True):
    """A closed period. `known_at_position` is what its statement is pinned to, for ever."""

    period_id: str
    location: str | None
    start: Timestamp = field(name="from")
    end: Timestamp = field(name="to")
    known_at_position: int
    follows: str | None
    closed_at: Timestamp


class PeriodFound(PeriodItem, frozen=True, kw_only=True):
    """One period, and a position that has it."""

    position: int

    @classmethod
    def of(cls, state: PeriodState) -> Self:
        """A period right after it was closed."""
        closed = state.closed
        return cls(
            period_id=closed.period_id,
            location=closed.location,
            start=rfc3339(closed.starts_at),
            end=rfc3339(closed.ends_at),
            known_at_position=closed.known_position,
            follows=closed.follows,
            closed_at=rfc3339(closed.occurred_at),
            position=state.position,
        )


class PeriodsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which periods."""

    location: Code | None = None
    min_position: Position = 0
    cursor: Cursor | None = None
    limit: Limit = 100


class PeriodStatementQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of what a period was closed with."""

    sku: Code | None = None
    location: Code | None = None
    group_by: GroupBy = "none"
    min_position: Position = 0
    cursor: Cursor | None = None
    limit: Limit = 100


class PeriodsPage(Struct, frozen=True, kw_only=True):
    """Periods, the last closed first."""

    items: list[PeriodItem]
    position: int
    next_cursor: str | None


CLOSE: Final = msgspec.json.Decoder(ClosePeriodRequest)


def close_of(request: ClosePeriodRequest) -> ClosePeriod:
    """The command. Raises Malformed."""
    check_code("$.location", request.location)
    starts_at, ends_at = instant_of(request.start, "$.from"), instant_of(request.end, "$.to")
    assert starts_at is not None
    assert ends_at is not None
    if starts_at >= ends_at:
        raise Malformed("$.to", "must lie after from")
    return ClosePeriod(
        period_id=request.period_id,
        starts_at=starts_at,
        ends_at=ends_at,
        location=request.location,
    )


def item_of(period: PeriodAnswer) -> PeriodItem:
    """The public form of a period."""
    return PeriodItem(**_values(period))


def found_of(period: PeriodAnswer, position: int) -> PeriodFound:
    """The same of one period, and where it was read."""
    return PeriodFound(**_values(period), position=position)


def _values(period: PeriodAnswer) -> dict[str, Any]:
    return {
        "period_id": period.period_id,
        "location": period.location,
        "start": rfc3339(period.starts_at),
        "end": rfc3339(period.ends_at),
        "known_at_position": period.known_position,
        "follows": period.follows,
        "closed_at": rfc3339(period.closed_at),
    }
