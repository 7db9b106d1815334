"""Questions about returns, and about what orders come to."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct

from ledger.domain.order import OrderLine
from ledger.domain.return_ import line_states
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.returns.answers import (
    OrderAnswer,
    OrdersPage,
    ReturnAnswer,
    ReturnFound,
    ReturnsPage,
)
from projections.returns.view import line_of
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1
_PLACED: Final = 6  # The column of the position that pages are ordered by.
_LINE: Final = 8  # The column at which a line begins.


class Filter(Struct, frozen=True, kw_only=True):
    """Which returns; every part left out matches all."""

    status: str | None = None
    order: str | None = None
    sku: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last return of a page."""

    before: int


class OrderPlace(Struct, frozen=True, array_like=True):
    """The last line of a page of orders."""

    order: str
    sku: str


async def get(pool: Pool, return_id: str) -> ReturnFound:
    """One return."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_return"], {"return_id": return_id})
        rows = await cursor.fetchall()
    found = _returns(rows)
    return ReturnFound(found=found[0] if found else None, position=rows[0][0])


async def list_returns(
    pool: Pool, wanted: Filter, *, cursor: str | None = None, limit: int = 100
) -> ReturnsPage:
    """A page of returns, newest first."""
    place = Place(_NEWEST) if cursor is None else decode(cursor, Place)
    parameters = {
        "status": wanted.status,
        "order": wanted.order,
        "sku": wanted.sku,
        "before": place.before,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_statement(wanted), parameters, prepare=False)
        rows = await found.fetchall()
    items = _returns(rows)
    positions = list(dict.fromkeys(row[_PLACED] for row in rows))
    more = len(items) > limit
    return ReturnsPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=encode(Place(positions[limit - 1])) if more else None,
    )


async def list_orders(
    pool: Pool,
    *,
    order: str | None = None,
    sku: str | None = None,
    excess: bool = False,
    cursor: str | None = None,
    limit: int = 100,
) -> OrdersPage:
    """A page of what orders come to; with `excess` only where more came back than was sold."""
    place = OrderPlace("", "") if cursor is None else decode(cursor, OrderPlace)
    conditions = [
        condition
        for condition, wanted in (
            (b"and o.order_ref = %(order)s", order is not None),
            (b"and o.sku = %(sku)s", sku is not None),
            (b"and o.conflict_id is not null", excess),
        )
        if wanted
    ]
    parameters = {
        "order": order,
        "sku": sku,
        "after_order": place.order,
        "after_sku": place.sku,
        "limit": limit + 1,
    }
    statement = _SQL["list_orders"].replace(b"{conditions}", b"\n".join(conditions))
    async with pool.connection() as connection:
        found = await connection.execute(statement, parameters, prepare=False)
        rows = await found.fetchall()
    items = [_order(row) for row in rows if row[1] is not None]
    last = items[limit - 1] if len(items) > limit else None
    return OrdersPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=None if last is None else encode(OrderPlace(last.order, last.sku)),
    )


def _statement(wanted: Filter) -> bytes:
    """The list with only the conditions it needs, so that each has its index."""
    conditions = []
    if wanted.status is not None:
        conditions.append(b"and r.status = %(status)s")
        if wanted.status != "closed":
            conditions.append(b"and r.status <> 'closed'")
    if wanted.order is not None:
        conditions.append(b"and r.order_ref = %(order)s")
    if wanted.sku is not None:
        conditions.append(_SQL["of_sku"].split(b"\n", 1)[1])
    return _SQL["list_returns"].replace(b"{conditions}", b"\n".join(conditions))


def _returns(rows: list[tuple[Any, ...]]) -> list[ReturnAnswer]:
    found = [row for row in rows if row[1] is not None]
    return [_answer(list(group)) for _, group in groupby(found, key=lambda row: row[1])]


def _answer(rows: list[tuple[Any, ...]]) -> ReturnAnswer:
    _, return_id, order, status, version, authorised_at, _, closed_at = rows[0][:_LINE]
    return ReturnAnswer(
        return_id=return_id,
        status=status,
        order=order,
        authorised_at=authorised_at,
        closed_at=closed_at,
        version=version,
        lines=line_states(line_of(row[_LINE:]) for row in rows),
    )


def _order(row: tuple[Any, ...]) -> OrderAnswer:
    _, order, sku, sold, returned, conflict_id = row
    return OrderAnswer(
        order=order,
        sku=sku,
        sold=sold,
        returned=returned,
        excess=OrderLine(sold, returned).excess,
        conflict_id=conflict_id,
    )
