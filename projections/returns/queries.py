"""Questions about returns, and about what orders come to."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct, structs

from ledger.domain.values import Instant, order_stream, return_stream
from projections.documents import NEWEST, Documents, One, Some
from projections.progress import Pool
from projections.returns.answers import OrderAnswer, ReturnAnswer
from projections.returns.projection import OrderLine, Return, fold_orders, fold_returns
from projections.returns.view import line_of, return_of
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_LINE: Final = 9  # The column at which a line begins.


class Filter(Struct, frozen=True, kw_only=True):
    """Which returns; every part left out matches all."""

    status: str | None = None
    order: str | None = None
    sku: str | None = None


class OrderFilter(Struct, frozen=True, kw_only=True):
    """Which lines of orders; with `excess` only where more came back than was sold."""

    order: str | None = None
    sku: str | None = None
    excess: bool = False


async def get(pool: Pool, return_id: str, _: Instant) -> One[ReturnAnswer]:
    """One return."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_return"], {"return_id": return_id})
        rows = await cursor.fetchall()
    found = _returns(rows)
    return One(ReturnAnswer.of(found[0]) if found else None, rows[0][0])


async def newest(pool: Pool, wanted: Filter, _: Instant, limit: int) -> Some[ReturnAnswer]:
    """The newest returns as they stand."""
    statuses = []
    if wanted.status is not None:
        statuses.append(b"and r.status = %(status)s")
        if wanted.status != "closed":
            statuses.append(b"and r.status <> 'closed'")
    statement, parameters = _narrowed("list_returns", wanted, statuses)
    asked = {**parameters, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(statement, asked, prepare=False)
        rows = await found.fetchall()
    states = _returns(rows)
    after = (states[limit - 1].authorised_position,) if len(states) > limit else None
    return Some([ReturnAnswer.of(state) for state in states[:limit]], rows[0][0], after)


async def orders(pool: Pool, wanted: OrderFilter, _: Instant, limit: int) -> Some[OrderAnswer]:
    """What the first orders come to now."""
    excess = [b"and o.conflict_id is not null"] if wanted.excess else []
    statement, parameters = _narrowed_orders("list_orders", wanted, excess)
    asked = {**parameters, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(statement, asked, prepare=False)
        rows = await found.fetchall()
    items = [OrderAnswer.of(OrderLine(*row[1:])) for row in rows if row[1] is not None]
    last = items[limit - 1] if len(items) > limit else None
    return Some(items[:limit], rows[0][0], None if last is None else (last.order, last.sku))


def _narrowed(name: str, wanted: Filter, conditions: list[bytes]) -> tuple[bytes, dict[str, Any]]:
    """A list with only the conditions it needs, so that each has its index."""
    if wanted.order is not None:
        conditions = [*conditions, b"and r.order_ref = %(order)s"]
    if wanted.sku is not None:
        conditions = [*conditions, _SQL["of_sku"].split(b"\n", 1)[1]]
    statement = _SQL[name].replace(b"{conditions}", b"\n".join(conditions))
    return statement, structs.asdict(wanted)


def _narrowed_orders(
    name: str, wanted: OrderFilter, conditions: list[bytes]
) -> tuple[bytes, dict[str, Any]]:
    """The same for orders."""
    if wanted.order is not None:
        conditions = [*conditions, b"and o.order_ref = %(order)s"]
    if wanted.sku is not None:
        conditions = [*conditions, b"and o.sku = %(sku)s"]
    statement = _SQL[name].replace(b"{conditions}", b"\n".join(conditions))
    return statement, structs.asdict(wanted)


def _returns(rows: list[tuple[Any, ...]]) -> list[Return]:
    found = [row for row in rows if row[1] is not None]
    grouped = [list(group) for _, group in groupby(found, key=lambda row: row[1])]
    return [
        return_of(group[0][1:_LINE], [line_of(row[_LINE:]) for row in group]) for group in grouped
    ]


RETURNS: Final = Documents(
    name="returns",
    projection="returns",
    first=NEWEST,
    one=get,
    some=newest,
    streams=lambda return_id: (return_stream(return_id),),
    fold=lambda events: fold_returns(events, {}),
    answer=lambda row, _: ReturnAnswer.of(row),
    keys=lambda wanted: _narrowed("returns_begun", wanted, []),
    matches=lambda answer, wanted: (
        wanted.status in (None, answer.status)
        and (wanted.sku is None or any(line.sku == wanted.sku for line in answer.lines))
    ),
)
"""Returns at any pair of clocks."""

ORDERS: Final = Documents(
    name="orders",
    projection="returns",
    first=("", ""),
    some=orders,
    streams=lambda key: (order_stream(key[0]),),
    fold=lambda events: fold_orders(events, {}),
    answer=lambda line, _: OrderAnswer.of(line),
    keys=lambda wanted: _narrowed_orders("orders_begun", wanted, []),
    matches=lambda answer, wanted: not wanted.excess or answer.conflict_id is not None,
    begins=False,  # An order is whatever facts name it.
)
"""Orders at any pair of clocks."""
