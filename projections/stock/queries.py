"""Questions about the present."""

from typing import Final

from ledger.domain.values import Instant, StockId
from projections.answers import Balance, Total
from projections.progress import Pool
from projections.sorting import Group, Sort, grouped, in_order
from projections.statements import statements
from projections.stock.answers import Present, PresentTotals

_SQL: Final = statements(__package__ or "")


async def list_stocks(
    pool: Pool,
    *,
    sku: str | None,
    location: str | None,
    now: Instant,
    limit: int,
    sort: Sort = "location",
) -> Present:
    """The first page of present balances, in the order asked for."""
    parameters = {"sku": sku, "location": location, "now": now, "limit": limit + 1}
    statement = in_order(_SQL["list_stocks"], sort, first=True)
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, parameters, prepare=False)
        rows = await cursor.fetchall()
    found = [row for row in rows if row[1] is not None]
    items = [Balance.of(row[1], row[2], row[3:9], in_transit=int(row[9])) for row in found[:limit]]
    return Present(items=items, position=int(rows[0][0]), more=len(found) > limit)


async def totals(
    pool: Pool, *, sku: str | None, location: str | None, group: Group, now: Instant, limit: int
) -> PresentTotals:
    """Sums over present stocks: one, or the first page of them by group."""
    parameters = {"sku": sku, "location": location, "now": now, "limit": limit + 1}
    statement = grouped(_SQL["totals"], _SQL["of_group"].split(b"\n", 1)[1], group)
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, parameters, prepare=False)
        rows = await cursor.fetchall()
    items = [Total.of(group, sku, location, row[1:]) for row in rows if row[2] is not None]
    return PresentTotals(items=items[:limit], position=int(rows[0][0]), more=len(items) > limit)


async def due_stocks(pool: Pool, *, now: Instant, limit: int) -> list[StockId]:
    """Stocks whose soft holds have run out and are not yet swept, longest overdue first."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["due_stocks"], {"now": now, "limit": limit})
        return [StockId(location, sku) for location, sku in await cursor.fetchall()]
