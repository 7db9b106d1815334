"""How many, where, now or then: the question that the present and the past answer together."""

from msgspec import Struct

from ledger.domain.values import Instant
from projections.answers import StockPage
from projections.cursors import decode, encode
from projections.history import queries as history
from projections.history.answers import Known
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for
from projections.stock import queries as present


class StockQuestion(Struct, frozen=True, kw_only=True):
    """Which stocks, at which business time (`as_of`), as known when (a time or a position)."""

    sku: str | None = None
    location: str | None = None
    as_of: Instant | None = None
    known_at: Instant | None = None
    known_position: int | None = None
    min_position: int = 0


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended; `as_of` and what is known stay the same on every page."""

    as_of: Instant
    known_at: Instant | None
    known: int
    settled: bool
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
        return await _past(pool, question, place, limit, timeout_s)
    asked = (question.as_of, question.known_at, question.known_position)
    if asked == (None, None, None):
        return await _present(pool, question, now, limit, timeout_s)
    known = await _known(pool, question, timeout_s)
    as_of = question.as_of
    if as_of is None:
        as_of = now if known.known_at is None else known.known_at
    place = Place(as_of, known.known_at, known.position, known.settled, "", "")
    return await _past(pool, question, place, limit, timeout_s)


async def _present(
    pool: Pool, question: StockQuestion, now: Instant, limit: int, timeout_s: float
) -> StockPage:
    if question.min_position:
        await wait_for(pool, "stock", question.min_position, timeout_s)
    page = await present.list_stocks(
        pool, sku=question.sku, location=question.location, now=now, limit=limit
    )
    last = page.items[-1] if page.more else None
    after = last and Place(now, None, page.position, False, last.location, last.sku)
    return StockPage(
        items=page.items,
        as_of=now,
        known_at=None,
        known_at_position=page.position,
        settled=False,
        position=page.position,
        next_cursor=None if after is None else encode(after),
    )


async def _known(pool: Pool, question: StockQuestion, timeout_s: float) -> Known:
    if question.known_position is not None:
        return await history.known_at_position(pool, question.known_position)
    if question.known_at is not None:
        return await history.known_at_time(pool, question.known_at)
    position = await wait_for(pool, "history", question.min_position, timeout_s)
    return Known(position=position, known_at=None, settled=False)


async def _past(
    pool: Pool, question: StockQuestion, place: Place, limit: int, timeout_s: float
) -> StockPage:
    await wait_for(pool, "history", max(place.known, question.min_position), timeout_s)
    after = (place.location, place.sku)
    asked = history.Question(question.sku, question.location, place.as_of, place.known, after)
    page = await history.list_at(pool, asked, limit)
    last = page.items[-1] if page.more else None
    following = last and Place(
        place.as_of, place.known_at, place.known, place.settled, last.location, last.sku
    )
    return StockPage(
        items=page.items,
        as_of=place.as_of,
        known_at=place.known_at,
        known_at_position=place.known,
        settled=place.settled,
        position=page.position,
        next_cursor=None if following is None else encode(following),
    )
