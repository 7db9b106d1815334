"""Questions about transfers."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct, structs

from ledger.domain.transfer import Totals
from ledger.domain.values import Instant, transfer_stream
from projections.documents import NEWEST, Documents, One, Some
from projections.progress import Pool
from projections.statements import statements
from projections.transfers.answers import TransferAnswer
from projections.transfers.projection import Transfer, fold

_SQL: Final = statements(__package__ or "")
_LINE: Final = 9  # The column at which a line begins.


class Filter(Struct, frozen=True, kw_only=True):
    """Which transfers; every part left out matches all."""

    from_location: str | None = None
    to_location: str | None = None
    sku: str | None = None
    status: str | None = None


async def get(pool: Pool, transfer_id: str, _: Instant) -> One[TransferAnswer]:
    """One transfer as it stands."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["get_transfer"], {"transfer_id": transfer_id})
        rows = await cursor.fetchall()
    found = _transfers(rows)
    return One(TransferAnswer.of(found[0]) if found else None, rows[0][0])


async def newest(pool: Pool, wanted: Filter, _: Instant, limit: int) -> Some[TransferAnswer]:
    """The newest transfers as they stand."""
    asked = {**structs.asdict(wanted), "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["list_transfers"], asked, prepare=False)
        rows = await found.fetchall()
    states = _transfers(rows)
    after = (states[limit - 1].requested_position,) if len(states) > limit else None
    return Some([TransferAnswer.of(state) for state in states[:limit]], rows[0][0], after)


def _matches(answer: TransferAnswer, wanted: Filter) -> bool:
    """Whether a transfer of the past is one that was asked for."""
    return wanted.status in (None, answer.status) and (
        wanted.sku is None or any(line.sku == wanted.sku for line in answer.lines)
    )


def _transfers(rows: list[tuple[Any, ...]]) -> list[Transfer]:
    found = [row for row in rows if row[1] is not None]
    return [_transfer(list(group)) for _, group in groupby(found, key=lambda row: row[1])]


def _transfer(rows: list[tuple[Any, ...]]) -> Transfer:
    transfer = Transfer(*rows[0][1:_LINE])
    for row in rows:
        line = Totals(**dict(zip(Totals.__struct_fields__, row[_LINE:], strict=True)))
        transfer.lines[line.sku] = line
    return transfer


TRANSFERS: Final = Documents(
    name="transfers",
    projection="transfers",
    first=NEWEST,
    one=get,
    some=newest,
    streams=lambda transfer_id: (transfer_stream(transfer_id),),
    fold=lambda events: fold(events, {}),
    answer=lambda transfer, _: TransferAnswer.of(transfer),
    keys=lambda wanted: (_SQL["transfers_begun"], structs.asdict(wanted)),
    matches=_matches,
)
"""Transfers at any pair of clocks."""
