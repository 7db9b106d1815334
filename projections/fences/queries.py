"""Questions about fences and limits."""

from typing import Any, Final, NamedTuple

from msgspec import Struct, structs

from ledger.domain.values import Instant, stock_stream
from ledger.recorded import Recorded
from projections.batch import Batch
from projections.documents import Documents, Some
from projections.fences.answers import FenceAnswer, LimitAnswer
from projections.fences.projection import FenceKey, HoldChange, StockKey, fold
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")


class Filter(Struct, frozen=True, kw_only=True):
    """Which stocks and channels; every part left out matches all."""

    sku: str | None = None
    location: str | None = None
    channel: str | None = None


async def list_fences(pool: Pool, wanted: Filter, now: Instant, limit: int) -> Some[FenceAnswer]:
    """The first fences as they are at an instant."""
    asked = {**structs.asdict(wanted), "now": now, "limit": limit + 1}
    rows = await _rows(pool, "list_fences", asked)
    items = [
        FenceAnswer(location=row[1], sku=row[2], channel=row[3], free=row[4], held=row[5])
        for row in rows
        if row[1] is not None
    ]
    last = items[limit - 1] if len(items) > limit else None
    after = None if last is None else (last.location, last.sku, last.channel)
    return Some(items[:limit], rows[0][0], after)


async def list_limits(pool: Pool, wanted: Filter, _: Instant, limit: int) -> Some[LimitAnswer]:
    """The first backorder limits."""
    rows = await _rows(pool, "list_limits", {**structs.asdict(wanted), "limit": limit + 1})
    items = [
        LimitAnswer(location=row[1], sku=row[2], limit=row[3]) for row in rows if row[1] is not None
    ]
    last = items[limit - 1] if len(items) > limit else None
    after = None if last is None else (last.location, last.sku)
    return Some(items[:limit], rows[0][0], after)


async def _rows(pool: Pool, name: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL[name], asked, prepare=False)
        return await cursor.fetchall()


class _Fence(NamedTuple):
    """A fence as recorded, and what promises have of it."""

    key: FenceKey
    free: int
    held: int
    holds: list[HoldChange]


def _fences(events: list[Recorded]) -> dict[FenceKey, _Fence]:
    changes = fold(Batch(events))
    found = {key: _Fence(key, one.free, one.held, []) for key, one in changes.fences.items()}
    for (location, sku, _), hold in changes.holds.items():
        if hold.channel is not None:
            found[location, sku, hold.channel].holds.append(hold)
    return found


def _fence(fence: _Fence, now: Instant) -> FenceAnswer:
    """What a hold that has run out had of it is free again, as in `list_fences`."""
    back = sum(
        hold.quantity
        for hold in fence.holds
        if not hold.gone and hold.expires_at is not None and hold.expires_at <= now
    )
    location, sku, channel = fence.key
    return FenceAnswer(
        location=location,
        sku=sku,
        channel=channel,
        free=fence.free + back,
        held=fence.held - back,
    )


def _limits(events: list[Recorded]) -> dict[StockKey, LimitAnswer]:
    limits = fold(Batch(events)).limits
    return {
        (location, sku): LimitAnswer(location=location, sku=sku, limit=limit)
        for (location, sku), (limit, _) in limits.items()
    }


FENCES: Final = Documents(
    name="fences",
    projection="fences",
    first=("", "", ""),
    some=list_fences,
    streams=lambda key: (stock_stream(key[0], key[1]),),
    fold=_fences,
    answer=_fence,
    keys=lambda wanted: (_SQL["fences_after"], structs.asdict(wanted)),
    matches=lambda _, __: True,
    begins=False,
    only=_SQL["of_fences"].split(b"\n", 1)[1],
)
"""Fences at any pair of clocks."""

LIMITS: Final = Documents(
    name="limits",
    projection="fences",
    first=("", ""),
    some=list_limits,
    streams=lambda key: (stock_stream(key[0], key[1]),),
    fold=_limits,
    answer=lambda limit, _: limit,
    keys=lambda wanted: (_SQL["limits_after"], structs.asdict(wanted)),
    matches=lambda _, __: True,
    begins=False,
    only=_SQL["of_limits"].split(b"\n", 1)[1],
)
"""Limits at any pair of clocks."""
