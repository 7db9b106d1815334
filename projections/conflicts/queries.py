"""Questions about conflicts."""

from typing import Any, Final

from msgspec import Struct, structs

from ledger.domain.values import Instant, stream_id
from projections.conflicts.answers import ConflictAnswer
from projections.conflicts.projection import fold
from projections.documents import NEWEST, Documents, One, Some
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_FOR_GOOD: Final = ("kind", "location", "sku")


class Filter(Struct, frozen=True, kw_only=True):
    """Which conflicts; every part left out matches all."""

    status: str | None = None
    kind: str | None = None
    location: str | None = None
    sku: str | None = None


async def get(pool: Pool, conflict_id: str, _: Instant) -> One[ConflictAnswer]:
    """One conflict."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_conflict"], {"conflict_id": conflict_id})
        position, *row = await cursor.fetchone() or (0, None)
    return One(None if row[0] is None else ConflictAnswer(*row), position)


async def newest(pool: Pool, wanted: Filter, _: Instant, limit: int) -> Some[ConflictAnswer]:
    """The newest conflicts as they stand."""
    status = [] if wanted.status is None else ["and x.status = %(status)s"]
    if wanted.status == "open":  # They have an index of their own.
        status = ["and x.status = 'open'"]
    statement, parameters = _narrowed("list_conflicts", wanted, status)
    asked = {**parameters, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(statement, asked, prepare=False)
        rows = await found.fetchall()
    items = [ConflictAnswer(*row[1:]) for row in rows if row[1] is not None]
    after = (items[limit - 1].opened_position,) if len(items) > limit else None
    return Some(items[:limit], rows[0][0], after)


def _narrowed(name: str, wanted: Filter, conditions: list[str]) -> tuple[bytes, dict[str, Any]]:
    """A list with only the conditions it needs, so that each has its index."""
    named = [part for part in _FOR_GOOD if getattr(wanted, part) is not None]
    conditions = [*conditions, *(f"and x.{part} = %({part})s" for part in named)]
    statement = _SQL[name].replace(b"{conditions}", "\n".join(conditions).encode())
    return statement, structs.asdict(wanted)


CONFLICTS: Final = Documents(
    name="conflicts",
    projection="conflicts",
    first=NEWEST,
    one=get,
    some=newest,
    streams=lambda conflict_id: (stream_id("conflict", conflict_id),),
    fold=lambda events: fold(events, {}),
    answer=lambda conflict, _: ConflictAnswer.of(conflict),
    keys=lambda wanted: _narrowed("conflicts_begun", wanted, []),
    matches=lambda answer, wanted: wanted.status in (None, answer.status),
)
"""Conflicts at any pair of clocks."""
