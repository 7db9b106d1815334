"""Questions about the past. Statements are never prepared: generic plans scan here."""

from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from projections.answers import Balance, Total
from projections.clocks import Clocks
from projections.history import late
from projections.history.answers import Past, PastTotals
from projections.progress import Pool
from projections.sorting import After, Group, Sort, by_name, grouped, in_order
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_FEW: Final = b"(select * from page where crowded_from is null) page"
_MANY: Final = b"(select * from page where crowded_from is not null) page"
STOCK_AT: Final = _SQL["stock_at"]
"""One stock at both clocks."""
_STOCK: Final = 9  # The column of a stock's number; before it, what the stock has.
_SENT_TO: Final = 10  # Whether anything was on its way to it, by what was known.

AT_ONCE_PER_STOCK_MAX: Final = 20
"""Rows read in one go cost about a twentieth of a look-up each."""


class Question(NamedTuple):
    """Which stocks, at which business time, as known at which position, in which order."""

    sku: str | None
    location: str | None
    clocks: Clocks
    sort: Sort = "location"
    after: After = ()


class How(NamedTuple):
    """How a statement reads what changes levels, for it to cost no more than it has to.

    `at_once`: ended holds in one go for all stocks. `crowded`: with the sums of late rows, which
    alone double the time of planning.
    """

    at_once: bool = False
    crowded: bool = True


PLAIN: Final = How()


def listing(sort: Sort, *, first: bool, how: How = PLAIN) -> bytes:
    """The statement of a list in some order; the first page has nothing to come after."""
    return in_order(_of_stocks("list_at", how), sort, first=first)


def totals(group: Group, how: How = PLAIN) -> bytes:
    """The statement of sums over groups of stocks."""
    narrowing = _SQL["of_group"].split(b"\n", 1)[1]
    statement = grouped(_of_stocks("totals_at", how), narrowing, group)
    ways = _SQL["in_transit_at"].replace(b"%(stocks)s::int8[]", b"array[page.stock]")
    return statement.replace(b"{in_transit}", ways)


def _of_stocks(name: str, how: How) -> bytes:
    return _SQL[name].replace(b"{asked}", _SQL["asked"]).replace(b"{levels}", _levels(how))


def _levels(how: How) -> bytes:
    mark, of = (b"", b"") if how.at_once else (b"lateral", b"o.stock = page.stock and")
    statement = _SQL["levels_at"].replace(b"{ended}", mark).replace(b"{ended_of}", of)
    if not how.crowded:
        return with_late_rows(statement, crowded=False).replace(b"{page}", b"page")
    # Most stocks are no crowd: they are not even asked about sums that only crowds have.
    return b"\nunion all\n".join(
        with_late_rows(statement, crowded=crowded).replace(b"{page}", page)
        for crowded, page in ((False, _FEW), (True, _MANY))
    )


def with_late_rows(statement: bytes, *, crowded: bool) -> bytes:
    """A statement that adds up late rows: of crowds, too, or not."""
    return statement.replace(b"{many}", _SQL["crowded" if crowded else "uncrowded"])


async def _how(connection: AsyncConnection[Any], question: Question, *, all_of: bool) -> How:
    asked = {"sku": question.sku, "location": question.location}
    cursor = await connection.execute(_SQL["any_crowd"], asked, prepare=False)
    row = await cursor.fetchone()
    at_once = await at_once_of(connection, question, all_of=all_of)
    return How(at_once, row is None or bool(row[0]))


async def at_once_of(connection: AsyncConnection[Any], question: Question, *, all_of: bool) -> bool:
    """Whether ended holds are worth reading in one go, by what PostgreSQL knows of their number.

    Only a question about the whole network gains by it, and only while there are few of them.
    """
    if not all_of or question.sku is not None or question.location is not None:
        return False
    cursor = await connection.execute(_SQL["sizes"])
    stocks, ended = await cursor.fetchone() or (0, 0)
    return bool(0 <= ended < AT_ONCE_PER_STOCK_MAX * stocks)


async def list_at(pool: Pool, question: Question, limit: int) -> Past:
    """A page of balances of the past, in the order asked for."""
    if question.sku is not None and question.location is not None and not question.after:
        return await _one_at(pool, question)
    parameters = {
        **_parameters(question),
        **{f"after_{place}": part for place, part in enumerate(question.after)},
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        how = await _how(connection, question, all_of=not by_name(question.sort))
        statement = listing(question.sort, first=not question.after, how=how)
        cursor = await connection.execute(statement, parameters, prepare=False, binary=True)
        rows = await cursor.fetchall()
        found = [row for row in rows if row[1] is not None]
        ends = [row[_STOCK] for row in found[:limit] if row[_SENT_TO]]
        under_way = await _in_transit_at(connection, question, ends) if ends else {}
    items = [
        Balance.of(row[1], row[2], row[3:_STOCK], in_transit=under_way.get(row[_STOCK], 0))
        for row in found[:limit]
    ]
    return Past(items=items, position=int(rows[0][0]), more=len(found) > limit)


async def _one_at(pool: Pool, question: Question) -> Past:
    """A stock by both its names: its steps are planned once a connection, not once a question."""
    async with pool.connection() as connection:
        cursor = await connection.execute(STOCK_AT, _parameters(question), binary=True)
        position, *amounts, in_transit = await cursor.fetchone() or (0, None)
    items = []
    if in_transit is not None:
        assert question.location is not None
        assert question.sku is not None
        found = tuple(amounts)
        items.append(Balance.of(question.location, question.sku, found, in_transit=in_transit))
    return Past(items=items, position=int(position), more=False)


async def totals_at(
    pool: Pool, question: Question, group: Group, after: str, limit: int
) -> PastTotals:
    """Sums of the past: one, or a page of them by group."""
    parameters = {**_parameters(question), "after": after, "limit": limit + 1}
    async with pool.connection() as connection:
        how = await _how(connection, question, all_of=group != "sku")
        statement = totals(group, how)
        cursor = await connection.execute(statement, parameters, prepare=False, binary=True)
        rows = await cursor.fetchall()
    items = [
        Total.of(group, question.sku, question.location, row[1:])
        for row in rows
        if row[2] is not None
    ]
    return PastTotals(items=items[:limit], position=int(rows[0][0]), more=len(items) > limit)


def _parameters(question: Question) -> dict[str, Any]:
    return {
        "sku": question.sku,
        "location": question.location,
        "as_of": question.clocks.as_of,
        "known": question.clocks.known,
        "whole": question.clocks.whole,
        **late.GRID.sizes,
    }


async def _in_transit_at(
    connection: AsyncConnection[Any], question: Question, stocks: list[int]
) -> dict[int, int]:
    """What was on its way to some stocks, by number.

    Most stocks are nobody's destination, so this is asked only for those that were. What was
    known at a position never changes, so that it may be a question of its own.
    """
    parameters = {**_parameters(question), "stocks": stocks}
    cursor = await connection.execute(_SQL["in_transit_at"], parameters, prepare=False, binary=True)
    return {stock: int(quantity) for stock, quantity in await cursor.fetchall()}


async def skus_at(
    pool: Pool, location: str, besides: list[str], known: int, limit: int
) -> list[str]:
    """SKUs that had a history at a location at a position, besides some, in order."""
    parameters = {"location": location, "besides": besides, "known": known, "limit": limit}
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["skus_at"], parameters, prepare=False)
        return [row[0] for row in await cursor.fetchall()]
