"""Questions about promises."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct

from ledger.domain.values import Instant, StockId
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.reservations.answers import (
    LineAnswer,
    ReservationAnswer,
    ReservationFound,
    ReservationsPage,
)
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1
_OPEN: Final = frozenset({"placed", "confirmed", "partially_fulfilled"})
_LINE: Final = 10  # The column at which a line begins.

LINES_SCANNED_MAX: Final = 20_000
"""Due reservations looked at for one sweep; the rest come with the next."""


class Filter(Struct, frozen=True, kw_only=True):
    """Which promises; every part left out matches all."""

    sku: str | None = None
    location: str | None = None
    status: str | None = None
    channel: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last reservation of a page, and the instant at which statuses are meant."""

    before: int
    now: Instant


async def get(pool: Pool, reservation_id: str, *, now: Instant) -> ReservationFound:
    """One promise as it stands at an instant."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            _SQL["get_reservation"], {"reservation_id": reservation_id}
        )
        rows = await cursor.fetchall()
    found = _reservations(rows, now)
    return ReservationFound(reservation=found[0] if found else None, position=rows[0][0])


async def list_reservations(
    pool: Pool, wanted: Filter, *, now: Instant, cursor: str | None = None, limit: int = 100
) -> ReservationsPage:
    """A page of promises, newest first; a cursor keeps the instant of the first page."""
    place = Place(_NEWEST, now) if cursor is None else decode(cursor, Place)
    parameters = {
        "sku": wanted.sku,
        "location": wanted.location,
        "status": wanted.status,
        "channel": wanted.channel,
        "before": place.before,
        "now": place.now,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_statement(wanted), parameters, prepare=False)
        rows = await found.fetchall()
    items = _reservations(rows, place.now)
    positions = list(dict.fromkeys(row[9] for row in rows))
    more = len(items) > limit
    return ReservationsPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=encode(Place(positions[limit - 1], place.now)) if more else None,
    )


async def due_stocks(pool: Pool, *, now: Instant, limit: int) -> list[StockId]:
    """Stocks whose soft holds have run out and are not yet swept, longest overdue first."""
    parameters = {"now": now, "limit": limit, "scan": LINES_SCANNED_MAX}
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["due_stocks"], parameters, prepare=False)
        return [StockId(location, sku) for location, sku in await cursor.fetchall()]


def _statement(wanted: Filter) -> bytes:
    """The list with only the conditions it needs, so that each has its index."""
    lines = wanted.sku is not None or wanted.location is not None
    of_lines = _SQL["of_lines"].split(b"\n", 1)[1] if lines else b""
    open_only = b"and r.open > 0" if wanted.status in _OPEN else b""
    statement = _SQL["list_reservations"].replace(b"{of_lines}", of_lines)
    return statement.replace(b"{open_only}", open_only)


def _reservations(rows: list[tuple[Any, ...]], now: Instant) -> list[ReservationAnswer]:
    found = [row for row in rows if row[1] is not None]
    return [_answer(list(group), now) for _, group in groupby(found, key=lambda row: row[1])]


def _answer(rows: list[tuple[Any, ...]], now: Instant) -> ReservationAnswer:
    _, reservation_id, channel, kind, policy, expires_at, status, version, placed_at = rows[0][:9]
    gone = expires_at is not None and expires_at <= now
    lines = [LineAnswer.of(row[_LINE:], gone=gone) for row in rows]
    still_open = any(row[_LINE + 4] for row in rows)
    return ReservationAnswer(
        reservation_id=reservation_id,
        channel=channel,
        kind=kind,
        policy=policy,
        status="expired" if gone and still_open else status,
        expires_at=expires_at,
        placed_at=placed_at,
        version=version,
        lines=lines,
    )
