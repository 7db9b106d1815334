"""Questions about closed periods."""

from typing import Any, Final, Self

from msgspec import Struct

from ledger.domain.values import Instant
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1


class PeriodAnswer(Struct, frozen=True, kw_only=True):
    """A span of business time, pinned to what was known of it at a position."""

    period_id: str
    location: str | None
    starts_at: Instant
    ends_at: Instant
    known_position: int
    follows: str | None
    closed_at: Instant
    closed_position: int
    prior_position: int | None  # What the period that it follows is pinned to.

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Self:
        """From a row."""
        return cls(**dict(zip(cls.__struct_fields__, row, strict=True)))


class PeriodFound(Struct, frozen=True):
    """One period, if there is one, and where the projection stands."""

    period: PeriodAnswer | None
    position: int


class PeriodsPage(Struct, frozen=True, kw_only=True):
    """Periods, the last closed first."""

    items: list[PeriodAnswer]
    position: int
    next_cursor: str | None


class Place(Struct, frozen=True, array_like=True):
    """The last period of a page."""

    before: int


async def get_period(pool: Pool, period_id: str) -> PeriodFound:
    """One period."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_period"], {"period_id": period_id})
        position, *row = await cursor.fetchone() or (0, None)
    return PeriodFound(None if row[0] is None else PeriodAnswer.of(tuple(row)), position)


async def list_periods(
    pool: Pool, location: str | None, *, cursor: str | None = None, limit: int = 100
) -> PeriodsPage:
    """A page of periods, of one location if one is named."""
    place = Place(_NEWEST) if cursor is None else decode(cursor, Place, "periods", location)
    parameters = {"location": location, "before": place.before, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["list_periods"], parameters, prepare=False)
        rows = await found.fetchall()
    items = [PeriodAnswer.of(row) for _, *row in rows if row[0] is not None]
    following = None
    if len(items) > limit:
        following = encode(Place(items[limit - 1].closed_position), "periods", location)
    return PeriodsPage(
        items=items[:limit],
        position=int(rows[0][0]),
        next_cursor=following,
    )
