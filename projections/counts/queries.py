"""Questions about count documents."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct, structs

from ledger.domain.values import Instant, count_stream
from projections.counts.answers import CountAnswer
from projections.counts.projection import Count, fold
from projections.counts.view import COLUMNS, count_of, line_of
from projections.documents import NEWEST, Documents, One, Some
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_LINE: Final = COLUMNS + 1  # The column at which a line begins.
_ENDED: Final = ("posted", "cancelled")


class Filter(Struct, frozen=True, kw_only=True):
    """Which count documents; every part left out matches all."""

    status: str | None = None
    location: str | None = None
    sku: str | None = None


async def get(pool: Pool, count_id: str, _: Instant) -> One[CountAnswer]:
    """One count document."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_count"], {"count_id": count_id})
        rows = await cursor.fetchall()
    found = _counts(rows)
    return One(CountAnswer.of(found[0]) if found else None, rows[0][0])


async def newest(pool: Pool, wanted: Filter, _: Instant, limit: int) -> Some[CountAnswer]:
    """The newest count documents as they stand."""
    statuses = []
    if wanted.status is not None:
        statuses.append(b"and x.status = %(status)s")
        if wanted.status not in _ENDED:
            statuses.append(b"and x.status not in ('posted', 'cancelled')")
    statement, parameters = _narrowed("list_counts", wanted, statuses)
    asked = {**parameters, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(statement, asked, prepare=False)
        rows = await found.fetchall()
    states = _counts(rows)
    after = (states[limit - 1].opened_position,) if len(states) > limit else None
    return Some([CountAnswer.of(state) for state in states[:limit]], rows[0][0], after)


def _narrowed(name: str, wanted: Filter, conditions: list[bytes]) -> tuple[bytes, dict[str, Any]]:
    """A list with only the conditions it needs, so that each has its index."""
    if wanted.location is not None:
        conditions = [*conditions, b"and x.location = %(location)s"]
    if wanted.sku is not None:
        conditions = [*conditions, _SQL["of_sku"].split(b"\n", 1)[1]]
    statement = _SQL[name].replace(b"{conditions}", b"\n".join(conditions))
    return statement, structs.asdict(wanted)


def _counts(rows: list[tuple[Any, ...]]) -> list[Count]:
    found = [row for row in rows if row[1] is not None]
    return [_count(list(group)) for _, group in groupby(found, key=lambda row: row[1])]


def _count(rows: list[tuple[Any, ...]]) -> Count:
    lines = [line_of(row[_LINE:]) for row in rows if row[_LINE] is not None]
    return count_of(rows[0][1:_LINE], lines)


COUNTS: Final = Documents(
    name="counts",
    projection="counts",
    first=NEWEST,
    one=get,
    some=newest,
    streams=lambda count_id: (count_stream(count_id),),
    fold=lambda events: fold(events, {}),
    answer=lambda count, _: CountAnswer.of(count),
    keys=lambda wanted: _narrowed("counts_begun", wanted, []),
    matches=lambda answer, wanted: (
        wanted.status in (None, answer.status)
        and (wanted.sku is None or any(line.sku == wanted.sku for line in answer.lines))
    ),
)
"""Count documents at any pair of clocks."""
