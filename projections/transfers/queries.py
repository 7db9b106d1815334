"""Questions about transfers."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct

from ledger.domain.outcomes import TransferLineState
from ledger.domain.transfer import Totals
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.statements import statements
from projections.transfers.answers import TransferAnswer, TransferFound, TransfersPage

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1
_LINE: Final = 8  # The column at which a line begins.


class Filter(Struct, frozen=True, kw_only=True):
    """Which transfers; every part left out matches all."""

    from_location: str | None = None
    to_location: str | None = None
    sku: str | None = None
    status: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last transfer of a page."""

    before: int


async def get(pool: Pool, transfer_id: str) -> TransferFound:
    """One transfer as it stands."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_transfer"], {"transfer_id": transfer_id})
        rows = await cursor.fetchall()
    found = _transfers(rows)
    return TransferFound(transfer=found[0] if found else None, position=rows[0][0])


async def list_transfers(
    pool: Pool, wanted: Filter, *, cursor: str | None = None, limit: int = 100
) -> TransfersPage:
    """A page of transfers, newest first."""
    place = Place(_NEWEST) if cursor is None else decode(cursor, Place)
    parameters = {
        "from_location": wanted.from_location,
        "to_location": wanted.to_location,
        "sku": wanted.sku,
        "status": wanted.status,
        "before": place.before,
        "limit": limit + 1,
    }
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["list_transfers"], parameters, prepare=False)
        rows = await found.fetchall()
    items = _transfers(rows)
    positions = list(dict.fromkeys(row[7] for row in rows))
    more = len(items) > limit
    return TransfersPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=encode(Place(positions[limit - 1])) if more else None,
    )


def _transfers(rows: list[tuple[Any, ...]]) -> list[TransferAnswer]:
    found = [row for row in rows if row[1] is not None]
    return [_answer(list(group)) for _, group in groupby(found, key=lambda row: row[1])]


def _answer(rows: list[tuple[Any, ...]]) -> TransferAnswer:
    _, transfer_id, from_location, to_location, status, requested_at, version = rows[0][:7]
    return TransferAnswer(
        transfer_id=transfer_id,
        from_location=from_location,
        to_location=to_location,
        status=status,
        requested_at=requested_at,
        version=version,
        lines=[_line(row[_LINE:]) for row in rows],
    )


def _line(row: tuple[Any, ...]) -> TransferLineState:
    sku, requested, dispatched, received, damaged, lost, returned = row
    totals = Totals(
        sku=sku,
        requested=requested,
        dispatched=dispatched,
        received=received,
        damaged=damaged,
        lost=lost,
        returned=returned,
    )
    return totals.state()
