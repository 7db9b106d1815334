"""Statements and their entries: what may be asked, and what is answered."""

from typing import Annotated, Any, Self, TypeAlias
from urllib.parse import urlencode

from msgspec import Meta, Struct, field

from api.schemas.fields import Time, rfc3339, rfc3339_or_none
from api.schemas.questions import Cursor, KnownAt, Limit, Position, Timestamp
from ledger.domain.values import EARLIEST, Bucket, Code, Instant, Text, VirtualBucket
from projections.bookkeeping import answers
from projections.bookkeeping.queries import GroupBy

ENTRIES_PATH = "/v1/statements/entries"

EventType: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]


class _Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both questions may say."""

    sku: Code | None = None
    location: Code | None = None
    known_at: KnownAt | None = None
    min_position: Position = 0
    cursor: Cursor | None = None
    limit: Limit = 100


class StatementsQuery(_Query, frozen=True):
    """Of what, from one business time on and before another one, as known when."""

    start: Time = field(name="from")
    end: Time = field(name="to")
    group_by: GroupBy = "none"


class EntriesQuery(_Query, frozen=True):
    """Which entries; every part left out matches all.

    `known_after` leaves out what had been recorded up to a position.
    """

    start: Time | None = field(default=None, name="from")
    end: Time | None = field(default=None, name="to")
    counter: VirtualBucket | None = None
    from_bucket: Bucket | None = None
    to_bucket: Bucket | None = None
    type: EventType | None = None
    reason: Text | None = None
    known_after: Position = 0


class LineAnswer(Struct, frozen=True, kw_only=True):
    """Units that moved in one way; `reason` is null where reasons were too many to tell apart.

    `entries_link` leads to the movements behind it.
    """

    from_bucket: str
    to_bucket: str
    type: str
    reason: str | None
    quantity: int
    entries: int
    entries_link: str


class CounterAnswer(Struct, frozen=True, kw_only=True):
    """What one place outside gave, or took (negative): the sum of its lines."""

    counter: str
    quantity: int
    lines: list[LineAnswer]


class PriorPeriod(Struct, frozen=True, kw_only=True):
    """What was learned about the time before, after that had been closed."""

    quantity: int
    counters: list[CounterAnswer]
    moves: list[LineAnswer]


class StatementItem(Struct, frozen=True, kw_only=True):
    """closing = opening + prior_period + the sum of the counters, in units on hand.

    `moves` only change the condition of units: they add nothing.
    """

    sku: str | None
    location: str | None
    opening: answers.Shelves
    prior_period: PriorPeriod | None
    counters: list[CounterAnswer]
    moves: list[LineAnswer]
    closing: answers.Shelves

    @classmethod
    def of(cls, one: answers.Statement, page: answers.StatementsPage) -> Self:
        """The public form of a statement."""
        links = _Links(one, page)
        prior = one.prior_period
        return cls(
            sku=one.sku,
            location=one.location,
            opening=one.opening,
            prior_period=None
            if prior is None
            else PriorPeriod(
                quantity=prior.change,
                counters=links.counters(prior, before=True),
                moves=links.lines(prior.moves, before=True),
            ),
            counters=links.counters(one.movements),
            moves=links.lines(one.movements.moves),
            closing=one.closing,
        )


class StatementsAnswer(Struct, frozen=True, kw_only=True):
    """Statements from a business time on and before another one, as known at a position."""

    items: list[StatementItem]
    start: Timestamp = field(name="from")
    end: Timestamp = field(name="to")
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None

    @classmethod
    def of(cls, page: answers.StatementsPage) -> Self:
        """The public form of a page."""
        return cls(
            items=[StatementItem.of(one, page) for one in page.items],
            start=rfc3339(page.start),
            end=rfc3339(page.until),
            known_at=rfc3339_or_none(page.known_at),
            known_at_position=page.known_at_position,
            settled=page.settled,
            position=page.position,
            next_cursor=page.next_cursor,
        )


class EntryItem(Struct, frozen=True, kw_only=True):
    """Units that one event moved from one bucket to another; negative where it took some back."""

    position: int
    leg: int
    sku: str
    location: str
    occurred_at: Timestamp
    recorded_at: Timestamp
    from_bucket: str
    to_bucket: str
    type: str
    reason: str
    quantity: int
    actor: str
    source: str
    reference: str | None
    correlation_id: str
    movement_id: str | None
    reservation_id: str | None
    transfer_id: str | None
    return_id: str | None
    count_id: str | None
    order: str | None
    restates: str | None

    @classmethod
    def of(cls, entry: answers.EntryAnswer) -> Self:
        """The public form of an entry."""
        values: dict[str, Any] = {name: getattr(entry, name) for name in cls.__struct_fields__}
        values["occurred_at"] = rfc3339(entry.occurred_at)
        values["recorded_at"] = rfc3339(entry.recorded_at)
        return cls(**values)


class EntriesAnswer(Struct, frozen=True, kw_only=True):
    """Entries in the order in which they happened, as known at a position."""

    items: list[EntryItem]
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None

    @classmethod
    def of(cls, page: answers.EntriesPage) -> Self:
        """The public form of a page."""
        return cls(
            items=[EntryItem.of(entry) for entry in page.items],
            known_at=rfc3339_or_none(page.known_at),
            known_at_position=page.known_at_position,
            settled=page.settled,
            position=page.position,
            next_cursor=page.next_cursor,
        )


class _Links:
    """Ways from the lines of one statement to their entries."""

    def __init__(self, one: answers.Statement, page: answers.StatementsPage) -> None:
        about = {"sku": one.sku, "location": one.location, "known_at": page.known_at_position}
        self._about = {name: value for name, value in about.items() if value is not None}
        self._page = page

    def counters(
        self, movements: answers.Movements, *, before: bool = False
    ) -> list[CounterAnswer]:
        return [
            CounterAnswer(
                counter=counter.counter,
                quantity=counter.quantity,
                lines=self.lines(counter.lines, before=before),
            )
            for counter in movements.counters
        ]

    def lines(self, lines: list[answers.Line], *, before: bool = False) -> list[LineAnswer]:
        return [self._line(line, before=before) for line in lines]

    def _line(self, line: answers.Line, *, before: bool) -> LineAnswer:
        page = self._page
        start, end = (EARLIEST, page.start) if before else (page.start, page.until)
        asked = self._about | _times(start, end)
        if before and page.prior_position is not None:
            asked["known_after"] = page.prior_position
        asked |= {"from_bucket": line.from_bucket, "to_bucket": line.to_bucket, "type": line.type}
        if line.reason is not None:
            asked["reason"] = line.reason
        return LineAnswer(
            from_bucket=line.from_bucket,
            to_bucket=line.to_bucket,
            type=line.type,
            reason=line.reason,
            quantity=line.quantity,
            entries=line.entries,
            entries_link=f"{ENTRIES_PATH}?{urlencode(asked)}",
        )


def _times(start: Instant, end: Instant) -> dict[str, Any]:
    times = {"to": rfc3339(end)}
    return times if start == EARLIEST else {"from": rfc3339(start)} | times
