"""Sums of what moved: of groups of books, before and within a span of business time.

What was known at a position never changes once the projection has reached it, so an answer may be
put together from several statements. None is prepared: a generic plan would not know which of its
ranges are empty.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct
from psycopg import AsyncConnection

from ledger.domain.values import Instant
from projections.bookkeeping import blocks
from projections.bookkeeping.answers import Sum
from projections.bookkeeping.blocks import NETWORK, day_begins, day_of
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")

GroupBy: TypeAlias = Literal["none", "sku", "location"]


class Scope(Struct, frozen=True, kw_only=True):
    """Of what, and whether each SKU or location is to be told by itself."""

    sku: str | None = None
    location: str | None = None
    group_by: GroupBy = "none"


class Span(NamedTuple):
    """Business times: from one instant on, and before another one."""

    start: Instant
    until: Instant


class Group(NamedTuple):
    """What one statement is about, and the books that it adds up."""

    sku: str | None
    location: str | None
    books: tuple[int, ...]


class GroupsPage(Struct, frozen=True, kw_only=True):
    """A page of what there are statements of, where the projection stands, whether more follow."""

    groups: list[Group]
    position: int
    more: bool


async def groups(pool: Pool, scope: Scope, known: int, after: str, limit: int) -> GroupsPage:
    """What there are statements of, as known at a position, after a SKU or a location."""
    parameters = {
        "sku": scope.sku,
        "location": scope.location,
        "known": known,
        "after": after,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["stand"])
        position = int((await found.fetchone() or (0,))[0])
        listed = await _GROUPED[scope.group_by](connection, scope, parameters)
    return GroupsPage(groups=listed[:limit], position=position, more=len(listed) > limit)


async def _whole(
    connection: AsyncConnection[Any], scope: Scope, parameters: dict[str, Any]
) -> list[Group]:
    """One statement of everything that was asked for, were it nothing."""
    if scope.sku is None and scope.location is None:
        return [Group(None, None, (NETWORK,))]
    asked = parameters | {"sku": scope.sku or ""}
    found = await connection.execute(_SQL["list_books"], asked, prepare=False)
    books = tuple(book for (book,) in await found.fetchall())
    return [Group(scope.sku, scope.location, books)]


async def _by_sku(
    connection: AsyncConnection[Any], scope: Scope, parameters: dict[str, Any]
) -> list[Group]:
    found = await connection.execute(_SQL["list_skus"], parameters, prepare=False)
    return [
        Group(sku, scope.location, tuple(book for _, book in books))
        for sku, books in groupby(await found.fetchall(), itemgetter(0))
    ]


async def _by_location(
    connection: AsyncConnection[Any], scope: Scope, parameters: dict[str, Any]
) -> list[Group]:
    asked = parameters | {"sku": scope.sku or ""}
    found = await connection.execute(_SQL["list_locations"], asked, prepare=False)
    return [Group(scope.sku, location, (book,)) for location, book in await found.fetchall()]


_GROUPED: Final = {"none": _whole, "sku": _by_sku, "location": _by_location}


async def sums(pool: Pool, asked: Sequence[Group], span: Span, known: int) -> list[list[Sum]]:
    """What moved in each group, by way, type and reason."""
    books = [book for group in asked for book in group.books]
    parts = [part for part, group in enumerate(asked) for _ in group.books]
    of_places = bool(books) and books[0] <= NETWORK
    start_day, until_day = day_of(span.start), day_of(span.until)
    parameters = {
        "parts": parts,
        "books": books,
        "known": known,
        "size": blocks.SIZES.place if of_places else blocks.SIZES.stock,
        "start": span.start,
        "until": span.until,
        "start_day": start_day,
        "until_day": until_day,
        "start_dawn": day_begins(start_day),
        "until_dawn": day_begins(until_day),
    }
    found: list[list[Sum]] = [[] for _ in asked]
    if books:
        name = "sum_places" if of_places else "sum_stocks"
        async with pool.connection() as connection:
            cursor = await connection.execute(_SQL[name], parameters, prepare=False, binary=True)
            for part, *values in await cursor.fetchall():
                found[part].append(Sum(*values))
    return found
