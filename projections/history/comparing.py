"""The past of many stocks at once: their balances at a moment, and what happened around it."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from ledger.domain.values import Instant
from ledger.recorded import Body
from ledger.store.mapper import Mapper
from projections.history import late
from projections.history.queries import with_late_rows
from projections.instants import from_datetime
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_LEVELS_OF: Final = with_late_rows(_SQL["levels_of"], crowded=True)
_MAPPER: Final = Mapper()

ROWS_OF_A_STOCK_MAX: Final = 64
"""Rows read on each side of a moment or a position: a busy stock's hour."""

_SCANNED_MAX: Final = 512
"""Rows looked through for those: most that are recorded after a cut also happened after it."""

Amounts: TypeAlias = tuple[int, ...]
"""The five physical buckets and what is reserved."""


class Moment(NamedTuple):
    """A business time, as known at a position; `held`: what is reserved is asked for, too."""

    as_of: Instant
    known: int
    held: bool


class Around(NamedTuple):
    """A business time and position, and how far on either side of them to look."""

    as_of: Instant
    known: int
    since: Instant
    until: Instant
    cut: int
    horizon: int


class Level(NamedTuple):
    """What a stock had."""

    stock: int
    amounts: Amounts


class Happened(NamedTuple):
    """One row of a stock's history, or of what is on its way to it, with its event."""

    stock: int
    position: int
    occurred_at: Instant
    effective_at: Instant
    amounts: Amounts
    recorded_at: Instant
    topic: str
    body: Body


class Stock(NamedTuple):
    """A stock by its number and its name."""

    stock: int
    location: str
    sku: str


async def levels_of(
    pool: Pool, keys: Sequence[tuple[str, str]], moment: Moment
) -> list[Level | None]:
    """What each stock (location, SKU) had; none where the ledger never saw it."""
    parameters = {
        "locations": [location for location, _ in keys],
        "skus": [sku for _, sku in keys],
        "as_of": moment.as_of,
        "known": moment.known,
        "held": moment.held,
        "whole": False,
        **late.GRID.sizes,
    }
    found: list[Level | None] = [None] * len(keys)
    async with pool.connection() as connection:
        cursor = await connection.execute(_LEVELS_OF, parameters, prepare=False, binary=True)
        for place, stock, *amounts in await cursor.fetchall():
            found[place - 1] = Level(stock, tuple(map(int, amounts)))
    return found


async def stocks_at(pool: Pool, location: str, known: int, after: str, limit: int) -> list[Stock]:
    """A page of the stocks of a location that had begun at a position, after a SKU."""
    parameters = {"location": location, "known": known, "after": after, "limit": limit}
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["stocks_at"], parameters, prepare=False)
        return [Stock(*row) for row in await cursor.fetchall()]


async def changes_around(pool: Pool, stocks: Sequence[int], around: Around) -> list[Happened]:
    """What happened to some stocks near a moment, and was recorded near a position."""
    parameters = {
        **around._asdict(),
        "stocks": list(stocks),
        "limit": ROWS_OF_A_STOCK_MAX,
        "scanned": _SCANNED_MAX,
    }
    async with pool.connection() as connection:
        cursor = await connection.execute(
            _SQL["changes_around"], parameters, prepare=False, binary=True
        )
        rows = await cursor.fetchall()
    return [_happened(row[:4], row[4:10], row[10:]) for row in rows]


async def ways_around(
    pool: Pool, stocks: Sequence[int], known: int, since: Instant, as_of: Instant
) -> list[Happened]:
    """What set out for some stocks, and arrived there, before a moment; the amount is a change."""
    parameters = {
        "stocks": list(stocks),
        "known": known,
        "since": since,
        "as_of": as_of,
        "limit": ROWS_OF_A_STOCK_MAX,
    }
    async with pool.connection() as connection:
        cursor = await connection.execute(
            _SQL["ways_around"], parameters, prepare=False, binary=True
        )
        rows = await cursor.fetchall()
    return [
        _happened((stock, position, at, at), (delta,), event)
        for stock, position, at, delta, *event in rows
    ]


def _happened(place: tuple[int, ...], amounts: Amounts, event: Sequence[Any]) -> Happened:
    stock, position, occurred_at, effective_at = place
    recorded_at, topic, state = event
    return Happened(
        stock,
        position,
        occurred_at,
        effective_at,
        amounts,
        from_datetime(recorded_at),
        topic,
        _MAPPER.body(topic, state),
    )
