"""Where units came from and where they went: statements, as known when."""

import msgspec
from msgspec import Struct

from ledger.domain.values import EARLIEST, Instant
from projections.bookkeeping import queries
from projections.bookkeeping.answers import (
    EntriesPage,
    Line,
    Movements,
    Shelves,
    Statement,
    StatementsPage,
    Sum,
)
from projections.bookkeeping.entries import EntriesAsked, Last, list_entries
from projections.bookkeeping.periods import PeriodAnswer
from projections.bookkeeping.queries import Group, Scope, Span
from projections.clocks import Asked, clocks
from projections.cursors import BadCursor, decode, encode
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for

PROJECTION = "statements"


class Limits(Struct, frozen=True, kw_only=True):
    """How much one answer may hold, and how long it may wait for the projection."""

    page: int = 100
    lines: int = 1_000
    timeout_s: float = DEFAULT_TIMEOUT_S


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended; what the question was about and what is known stay the same."""

    scope: Scope
    start: Instant
    until: Instant
    known_at: Instant | None
    known: int
    settled: bool
    after: str


async def statements(
    pool: Pool,
    scope: Scope,
    span: Span,
    when: Asked,
    *,
    cursor: str | None = None,
    limits: Limits,
) -> StatementsPage:
    """A page of statements. Never older than asked: it waits, then `ProjectionBehind`."""
    place = await _place(pool, scope, span, when, cursor, limits)
    await wait_for(pool, PROJECTION, max(place.known, when.min_position), limits.timeout_s)
    return await _page(pool, place, None, limits)


async def period_statements(
    pool: Pool,
    period: PeriodAnswer,
    scope: Scope,
    *,
    cursor: str | None = None,
    limits: Limits,
) -> StatementsPage:
    """A page of what a period was closed with: the same for ever.

    It opens with what the period before it was closed with. What was learned about that time
    between the two is told apart, so that opening, prior period and movements make the closing.
    """
    span = Span(period.starts_at, period.ends_at)
    when = Asked(known_position=period.known_position)
    place = await _place(pool, scope, span, when, cursor, limits)
    return await _page(pool, place, period.prior_position, limits)


async def _place(
    pool: Pool, scope: Scope, span: Span, when: Asked, cursor: str | None, limits: Limits
) -> Place:
    if cursor is None:
        at = await clocks(pool, when, PROJECTION, now=span.until, timeout_s=limits.timeout_s)
        return Place(scope, *span, at.known_at, at.known, at.settled, "")
    place = decode(cursor, Place)
    if (place.scope, place.start, place.until) != (scope, *span):
        raise BadCursor(BadCursor.__doc__)
    return place


async def _page(pool: Pool, place: Place, prior: int | None, limits: Limits) -> StatementsPage:
    span = Span(place.start, place.until)
    page = await queries.groups(pool, place.scope, place.known, place.after, limits.page)
    found = await queries.sums(pool, page.groups, span, place.known)
    items = [_statement(*one, limits.lines) for one in zip(page.groups, found, strict=True)]
    if prior is not None:
        early = Span(EARLIEST, place.start)
        pinned = await queries.sums(pool, page.groups, early, prior)
        learned = await queries.sums(pool, page.groups, early, place.known)
        parts = zip(items, pinned, learned, strict=True)
        items = [_after(*part, limits.lines) for part in parts]
    return StatementsPage(
        items=items,
        start=place.start,
        until=place.until,
        known_at=place.known_at,
        known_at_position=place.known,
        settled=place.settled,
        position=page.position,
        next_cursor=_following(place, page.groups) if page.more else None,
        prior_position=prior,
    )


def _following(place: Place, groups: list[Group]) -> str:
    pins = (place.scope, place.start, place.until, place.known_at, place.known, place.settled)
    last = groups[-1].sku if place.scope.group_by == "sku" else groups[-1].location
    return encode(Place(*pins, last or ""))


def _statement(group: Group, sums: list[Sum], lines_max: int) -> Statement:
    return Statement(
        sku=group.sku,
        location=group.location,
        opening=Shelves.of((s.from_bucket, s.to_bucket, s.before) for s in sums),
        movements=Movements.of(lines(sums, lines_max)),
        closing=Shelves.of((s.from_bucket, s.to_bucket, s.before + s.within) for s in sums),
    )


def _after(
    statement: Statement, pinned: list[Sum], learned: list[Sum], lines_max: int
) -> Statement:
    """A statement that opens with what had been known of the time before it."""
    late = {_way(one): one for one in learned}
    for one in pinned:
        more = late[_way(one)]  # What was known once is known for ever.
        late[_way(one)] = msgspec.structs.replace(
            more, within=more.within - one.within, entries=more.entries - one.entries
        )
    return msgspec.structs.replace(
        statement,
        opening=Shelves.of((s.from_bucket, s.to_bucket, s.within) for s in pinned),
        prior_period=Movements.of(lines(list(late.values()), lines_max)),
    )


def _way(one: Sum) -> tuple[str, str, str, str]:
    return one.from_bucket, one.to_bucket, one.type, one.reason


def lines(sums: list[Sum], lines_max: int) -> list[Line]:
    """What moved within the span; by type alone where reasons are too many for one answer."""
    told = [one for one in sums if one.entries]
    if len(told) > lines_max:
        merged: dict[tuple[str, str, str], tuple[int, int]] = {}
        for one in told:
            way = (one.from_bucket, one.to_bucket, one.type)
            quantity, entries = merged.get(way, (0, 0))
            merged[way] = quantity + one.within, entries + one.entries
        return [_line(*way, None, *amounts) for way, amounts in merged.items()]
    return [
        _line(one.from_bucket, one.to_bucket, one.type, one.reason, one.within, one.entries)
        for one in told
    ]


def _line(
    from_bucket: str, to_bucket: str, kind: str, reason: str | None, quantity: int, entries: int
) -> Line:
    return Line(
        from_bucket=from_bucket,
        to_bucket=to_bucket,
        type=kind,
        reason=reason,
        quantity=quantity,
        entries=entries,
    )


class EntriesPlace(Struct, frozen=True, array_like=True):
    """Where a page of entries ended, and what is known on every page."""

    asked: EntriesAsked
    known_at: Instant | None
    known: int
    settled: bool
    last: Last


async def entries(
    pool: Pool,
    asked: EntriesAsked,
    when: Asked,
    *,
    cursor: str | None = None,
    limits: Limits,
) -> EntriesPage:
    """A page of the movements behind a statement."""
    if cursor is None:
        at = await clocks(pool, when, PROJECTION, now=asked.until, timeout_s=limits.timeout_s)
        first = (asked.start, 0, -1)
        place = EntriesPlace(asked, at.known_at, at.known, at.settled, first)
    else:
        place = decode(cursor, EntriesPlace)
        if place.asked != asked:
            raise BadCursor(BadCursor.__doc__)
    wanted = max(place.known, when.min_position)
    position = await wait_for(pool, PROJECTION, wanted, limits.timeout_s)
    found = await list_entries(pool, asked, place.known, place.last, limits.page + 1)
    items = found[: limits.page]
    following = None
    if len(found) > limits.page:
        last = (items[-1].occurred_at, items[-1].position, items[-1].leg)
        pins = (place.known_at, place.known, place.settled)
        following = encode(EntriesPlace(asked, *pins, last))
    return EntriesPage(
        items=items,
        known_at=place.known_at,
        known_at_position=place.known,
        settled=place.settled,
        position=position,
        next_cursor=following,
    )
