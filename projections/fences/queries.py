"""Questions about fences and limits."""

from typing import Final

from msgspec import Struct

from ledger.domain.values import Instant
from projections.cursors import decode, encode
from projections.fences.answers import FenceAnswer, FencesPage, LimitAnswer, LimitsPage
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")


class Filter(Struct, frozen=True, kw_only=True):
    """Which stocks and channels; every part left out matches all."""

    sku: str | None = None
    location: str | None = None
    channel: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last row of a page, and the instant at which fences are meant."""

    location: str
    sku: str
    channel: str
    now: Instant


async def list_fences(
    pool: Pool, wanted: Filter, *, now: Instant, cursor: str | None = None, limit: int = 100
) -> FencesPage:
    """A page of fences as they are at an instant; a cursor keeps that of the first page."""
    place = Place("", "", "", now) if cursor is None else decode(cursor, Place)
    parameters = {
        "sku": wanted.sku,
        "location": wanted.location,
        "channel": wanted.channel,
        "l": place.location,
        "s": place.sku,
        "c": place.channel,
        "now": place.now,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["list_fences"], parameters, prepare=False)
        rows = await found.fetchall()
    items = [
        FenceAnswer(location=row[1], sku=row[2], channel=row[3], free=row[4], held=row[5])
        for row in rows
        if row[1] is not None
    ]
    more = None
    if len(items) > limit:
        last = items[limit - 1]
        more = encode(Place(last.location, last.sku, last.channel, place.now))
    return FencesPage(items=items[:limit], position=rows[0][0], next_cursor=more)


async def list_limits(
    pool: Pool, wanted: Filter, *, cursor: str | None = None, limit: int = 100
) -> LimitsPage:
    """A page of backorder limits."""
    place = Place("", "", "", 0) if cursor is None else decode(cursor, Place)
    parameters = {
        "sku": wanted.sku,
        "location": wanted.location,
        "l": place.location,
        "s": place.sku,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["list_limits"], parameters, prepare=False)
        rows = await found.fetchall()
    items = [
        LimitAnswer(location=row[1], sku=row[2], limit=row[3]) for row in rows if row[1] is not None
    ]
    more = None
    if len(items) > limit:
        last = items[limit - 1]
        more = encode(Place(last.location, last.sku, "", 0))
    return LimitsPage(items=items[:limit], position=rows[0][0], next_cursor=more)
