"""Questions about count documents."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct

from projections.counts.answers import CountAnswer, CountFound, CountsPage
from projections.counts.view import COLUMNS, count_of, line_of
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1
_OPENED: Final = 11  # The column of the position that pages are ordered by.
_LINE: Final = COLUMNS + 1  # The column at which a line begins.
_ENDED: Final = ("posted", "cancelled")


class Filter(Struct, frozen=True, kw_only=True):
    """Which count documents; every part left out matches all."""

    status: str | None = None
    location: str | None = None
    sku: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last document of a page."""

    before: int


async def get(pool: Pool, count_id: str) -> CountFound:
    """One count document."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_count"], {"count_id": count_id})
        rows = await cursor.fetchall()
    found = _counts(rows)
    return CountFound(found=found[0] if found else None, position=rows[0][0])


async def list_counts(
    pool: Pool, wanted: Filter, *, cursor: str | None = None, limit: int = 100
) -> CountsPage:
    """A page of count documents, newest first."""
    place = Place(_NEWEST) if cursor is None else decode(cursor, Place)
    parameters = {
        "status": wanted.status,
        "location": wanted.location,
        "sku": wanted.sku,
        "before": place.before,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_statement(wanted), parameters, prepare=False)
        rows = await found.fetchall()
    items = _counts(rows)
    positions = list(dict.fromkeys(row[_OPENED] for row in rows))
    more = len(items) > limit
    return CountsPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=encode(Place(positions[limit - 1])) if more else None,
    )


def _statement(wanted: Filter) -> bytes:
    """The list with only the conditions it needs, so that each has its index."""
    conditions = []
    if wanted.status is not None:
        conditions.append(b"and x.status = %(status)s")
        if wanted.status not in _ENDED:
            conditions.append(b"and x.status not in ('posted', 'cancelled')")
    if wanted.location is not None:
        conditions.append(b"and x.location = %(location)s")
    if wanted.sku is not None:
        conditions.append(_SQL["of_sku"].split(b"\n", 1)[1])
    return _SQL["list_counts"].replace(b"{conditions}", b"\n".join(conditions))


def _counts(rows: list[tuple[Any, ...]]) -> list[CountAnswer]:
    found = [row for row in rows if row[1] is not None]
    return [_answer(list(group)) for _, group in groupby(found, key=lambda row: row[1])]


def _answer(rows: list[tuple[Any, ...]]) -> CountAnswer:
    lines = [line_of(row[_LINE:]) for row in rows if row[_LINE] is not None]
    count = count_of(rows[0][1:_LINE], lines)
    document, asked = count.document, count.document.opened
    return CountAnswer(
        count_id=document.count_id,
        location=asked.location,
        kind=asked.kind,
        status=document.status,
        blind=asked.blind,
        approval_above=asked.approval_above,
        approved_by=document.approved_by,
        opened_at=asked.occurred_at,
        posted_at=count.posted_at,
        posted_position=count.posted_position,
        version=document.version,
        lines=document.line_states(),
        missing=document.missing,
    )
