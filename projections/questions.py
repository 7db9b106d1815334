"""How many, where, now or then: the question that the present and the past answer together."""

from msgspec import Struct

from ledger.domain.values import Instant
from projections.answers import Balance, StockPage, Total, TotalsPage
from projections.clocks import Asked, Clocks, at_present, clocks
from projections.cursors import BadCursor, decode, encode
from projections.history import queries as history
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for
from projections.sorting import After, Group, Sort, place_of
from projections.stock import queries as present


class StockQuestion(Asked, frozen=True, kw_only=True):
    """Which stocks, at which business time (`as_of`), as known when (a time or a position)."""

    sku: str | None = None
    location: str | None = None
    sort: Sort = "location"


class TotalsQuestion(Asked, frozen=True, kw_only=True):
    """Which stocks to add up, and by what; likewise."""

    sku: str | None = None
    location: str | None = None
    group: Group = "none"


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended; `as_of` and what is known stay the same on every page."""

    clocks: Clocks
    after: After


class GroupPlace(Struct, frozen=True, array_like=True):
    """The last group of a page of sums; the clocks stay the same on every page."""

    clocks: Clocks
    after: str


async def stock(
    pool: Pool,
    question: StockQuestion,
    *,
    now: Instant,
    cursor: str | None = None,
    limit: int = 100,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> StockPage:
    """Balances of stocks. Never older than asked: it waits, then `ProjectionBehind`."""
    if cursor is not None:
        place = decode(cursor, Place, *_about(question, question.sort))
        if not place.clocks.fit(question):
            raise BadCursor(BadCursor.__doc__)
    elif question.present:
        return await _present(pool, question, now, limit, timeout_s)
    else:
        at = await clocks(pool, question, "history", now=now, timeout_s=timeout_s)
        place = Place(at, ())
    return await _past(pool, question, place, limit, timeout_s)


async def totals(
    pool: Pool,
    question: TotalsQuestion,
    *,
    now: Instant,
    cursor: str | None = None,
    limit: int = 100,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> TotalsPage:
    """Sums over stocks, one or a group each. Never older than asked, likewise."""
    if cursor is not None:
        place = decode(cursor, GroupPlace, *_about(question, question.group))
        if not place.clocks.fit(question):
            raise BadCursor(BadCursor.__doc__)
    elif question.present:
        return await _present_totals(pool, question, now, limit, timeout_s)
    else:
        at = await clocks(pool, question, "history", now=now, timeout_s=timeout_s)
        place = GroupPlace(at, "")
    at = place.clocks
    await wait_for(pool, "history", max(at.known, question.min_position), timeout_s)
    asked = history.Question(question.sku, question.location, at)
    page = await history.totals_at(pool, asked, question.group, place.after, limit)
    return _totals_page(page.items, question, at, page.position, more=page.more)


async def _present(
    pool: Pool, question: StockQuestion, now: Instant, limit: int, timeout_s: float
) -> StockPage:
    if question.min_position:
        await wait_for(pool, "stock", question.min_position, timeout_s)
    page = await present.list_stocks(
        pool,
        sku=question.sku,
        location=question.location,
        now=now,
        limit=limit,
        sort=question.sort,
    )
    at = at_present(now, page.position)
    return _page(page.items, question, at, page.position, more=page.more)


async def _past(
    pool: Pool, question: StockQuestion, place: Place, limit: int, timeout_s: float
) -> StockPage:
    at = place.clocks
    await wait_for(pool, "history", max(at.known, question.min_position), timeout_s)
    asked = history.Question(question.sku, question.location, at, question.sort, place.after)
    page = await history.list_at(pool, asked, limit)
    return _page(page.items, question, at, page.position, more=page.more)


def _page(
    items: list[Balance], question: StockQuestion, at: Clocks, position: int, *, more: bool
) -> StockPage:
    following = None
    if more:
        place = Place(at, place_of(items[-1], question.sort))
        following = encode(place, *_about(question, question.sort))
    return StockPage(
        items=items,
        as_of=at.as_of,
        known_at=at.known_at,
        known_at_position=at.known,
        settled=at.settled,
        position=position,
        next_cursor=following,
    )


async def _present_totals(
    pool: Pool, question: TotalsQuestion, now: Instant, limit: int, timeout_s: float
) -> TotalsPage:
    if question.min_position:
        await wait_for(pool, "stock", question.min_position, timeout_s)
    page = await present.totals(
        pool,
        sku=question.sku,
        location=question.location,
        group=question.group,
        now=now,
        limit=limit,
    )
    at = at_present(now, page.position)
    return _totals_page(page.items, question, at, page.position, more=page.more)


def _totals_page(
    items: list[Total], question: TotalsQuestion, at: Clocks, position: int, *, more: bool
) -> TotalsPage:
    following = None
    if more:
        last = items[-1].sku if question.group == "sku" else items[-1].location
        assert last is not None, "a group has a name"
        following = encode(GroupPlace(at, last), *_about(question, question.group))
    return TotalsPage(items=items, clocks=at, position=position, next_cursor=following)


def _about(question: StockQuestion | TotalsQuestion, order: str) -> tuple[str | None, ...]:
    """What a cursor is sealed with."""
    return type(question).__name__, question.sku, question.location, order
