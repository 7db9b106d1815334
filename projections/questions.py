"""How many, where, now or then: the question that the present and the past answer together."""

from msgspec import Struct

from ledger.domain.values import Instant
from projections.answers import Balance, StockPage
from projections.clocks import Asked, Clocks, at_present, clocks
from projections.cursors import decode, encode
from projections.history import queries as history
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for
from projections.stock import queries as present


class StockQuestion(Asked, frozen=True, kw_only=True):
    """Which stocks, at which business time (`as_of`), as known when (a time or a position)."""

    sku: str | None = None
    location: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended; `as_of` and what is known stay the same on every page."""

    clocks: Clocks
    location: str
    sku: str


async def stock(
    pool: Pool,
    question: StockQuestion,
    *,
    now: Instant,
    cursor: str | None = None,
    limit: int = 100,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> StockPage:
    """Balances by location and SKU. Never older than asked: it waits, then `ProjectionBehind`."""
    if cursor is not None:
        place = decode(cursor, Place)
    elif question.present:
        return await _present(pool, question, now, limit, timeout_s)
    else:
        at = await clocks(pool, question, "history", now=now, timeout_s=timeout_s)
        place = Place(at, "", "")
    return await _past(pool, question, place, limit, timeout_s)


async def _present(
    pool: Pool, question: StockQuestion, now: Instant, limit: int, timeout_s: float
) -> StockPage:
    if question.min_position:
        await wait_for(pool, "stock", question.min_position, timeout_s)
    page = await present.list_stocks(
        pool, sku=question.sku, location=question.location, now=now, limit=limit
    )
    at = at_present(now, page.position)
    return _page(page.items, at, page.position, more=page.more)


async def _past(
    pool: Pool, question: StockQuestion, place: Place, limit: int, timeout_s: float
) -> StockPage:
    at = place.clocks
    await wait_for(pool, "history", max(at.known, question.min_position), timeout_s)
    after = (place.location, place.sku)
    asked = history.Question(question.sku, question.location, at.as_of, at.known, after)
    page = await history.list_at(pool, asked, limit)
    return _page(page.items, at, page.position, more=page.more)


def _page(items: list[Balance], at: Clocks, position: int, *, more: bool) -> StockPage:
    return StockPage(
        items=items,
        as_of=at.as_of,
        known_at=at.known_at,
        known_at_position=at.known,
        settled=at.settled,
        position=position,
        next_cursor=encode(Place(at, items[-1].location, items[-1].sku)) if more else None,
    )
