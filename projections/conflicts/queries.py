"""Questions about conflicts."""

from typing import Final

from msgspec import Struct

from projections.conflicts.answers import ConflictAnswer, ConflictFound, ConflictsPage
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1
_COLUMNS: Final = ("status", "kind", "location", "sku")


class Filter(Struct, frozen=True, kw_only=True):
    """Which conflicts; every part left out matches all."""

    status: str | None = None
    kind: str | None = None
    location: str | None = None
    sku: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last conflict of a page."""

    before: int


async def get(pool: Pool, conflict_id: str) -> ConflictFound:
    """One conflict."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_conflict"], {"conflict_id": conflict_id})
        position, *row = await cursor.fetchone() or (0, None)
    found = None if row[0] is None else ConflictAnswer(*row)
    return ConflictFound(conflict=found, position=position)


async def list_conflicts(
    pool: Pool, wanted: Filter, *, cursor: str | None = None, limit: int = 100
) -> ConflictsPage:
    """A page of conflicts, newest first."""
    place = Place(_NEWEST) if cursor is None else decode(cursor, Place)
    named = {name: value for name in _COLUMNS if (value := getattr(wanted, name)) is not None}
    parameters = {**named, "before": place.before, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(_statement(named), parameters, prepare=False)
        rows = await found.fetchall()
    items = [ConflictAnswer(*row[1:]) for row in rows if row[1] is not None]
    more = len(items) > limit
    return ConflictsPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=encode(Place(items[limit - 1].opened_position)) if more else None,
    )


def _statement(named: dict[str, str]) -> bytes:
    """The list with only the conditions it needs; the open ones have an index of their own."""
    conditions = [
        "and x.status = 'open'"
        if (name, value) == ("status", "open")
        else f"and x.{name} = %({name})s"
        for name, value in named.items()
    ]
    return _SQL["list_conflicts"].replace(b"{conditions}", "\n".join(conditions).encode())
