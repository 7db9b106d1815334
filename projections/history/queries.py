"""Questions about the past. Statements are never prepared: generic plans scan here."""

from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from ledger.domain.values import Instant
from projections.answers import Balance
from projections.history import late
from projections.history.answers import Known, Past
from projections.instants import from_datetime, to_datetime
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_RAN_OUT: Final = 9  # Units of holds that had run out by then; before it, what was recorded.
_STOCK: Final = 10  # The column of a stock's number.
_CROWDED: Final = 11  # Since when it has many late rows.
_SENT_TO: Final = 12  # Whether anything was on its way to it, by what was known.


class Question(NamedTuple):
    """Which stocks, at which business time, as known at which position, after which stock."""

    sku: str | None
    location: str | None
    as_of: Instant
    known: int
    after: tuple[str, str] = ("", "")


async def known_at_time(pool: Pool, at: Instant) -> Known:
    """The last position recorded at or before a time."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["place_at"], {"at": to_datetime(at)})
        position, head = await cursor.fetchone() or (0, 0)
    return Known(position=position, known_at=at, settled=head > position)


async def known_at_position(pool: Pool, position: int) -> Known:
    """A position is exact; nothing can come before it any more once it has been reached."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["place_of"], {"position": position})
        recorded_at, head = await cursor.fetchone() or (None, 0)
    known_at = None if recorded_at is None else from_datetime(recorded_at)
    return Known(position=position, known_at=known_at, settled=head >= position)


async def list_at(pool: Pool, question: Question, limit: int) -> Past:
    """A page of balances of the past, by location and SKU."""
    parameters = {
        "sku": question.sku,
        "location": question.location,
        "as_of": question.as_of,
        "known": question.known,
        "after_location": question.after[0],
        "after_sku": question.after[1],
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["list_at"], parameters, prepare=False, binary=True)
        rows = await cursor.fetchall()
        found = [row for row in rows if row[1] is not None]
        ends = [row[_STOCK] for row in found[:limit] if row[_SENT_TO]]
        under_way = await _in_transit_at(connection, question, ends) if ends else {}
        crowds = [row[_STOCK] for row in found[:limit] if row[_CROWDED] is not None]
        folded = await _folded(connection, question, crowds) if crowds else {}
    items = [
        _balance(row, folded.get(row[_STOCK], row[3:_RAN_OUT]), under_way) for row in found[:limit]
    ]
    return Past(items=items, position=int(rows[0][0]), more=len(found) > limit)


def _balance(row: tuple[Any, ...], recorded: tuple[Any, ...], under_way: dict[int, int]) -> Balance:
    amounts = (*recorded[:-1], recorded[-1] - row[_RAN_OUT])
    return Balance.of(row[1], row[2], amounts, in_transit=under_way.get(row[_STOCK], 0))


async def _folded(
    connection: AsyncConnection[Any], question: Question, stocks: list[int]
) -> dict[int, tuple[Any, ...]]:
    """What was recorded of stocks with many late rows, by number."""
    parameters = {"stocks": stocks, "as_of": question.as_of, "known": question.known}
    parameters |= late.GRID.sizes
    cursor = await connection.execute(_SQL["fold_at"], parameters, prepare=False, binary=True)
    return {row[0]: row[1:] for row in await cursor.fetchall()}


async def _in_transit_at(
    connection: AsyncConnection[Any], question: Question, stocks: list[int]
) -> dict[int, int]:
    """What was on its way to some stocks, by number.

    Most stocks are nobody's destination, so this is asked only for those that were. What was
    known at a position never changes, so that it may be a question of its own.
    """
    parameters = {"stocks": stocks, "as_of": question.as_of, "known": question.known}
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
