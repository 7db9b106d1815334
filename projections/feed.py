"""The ledger itself, in order: pages of events for those who follow it without the bus."""

from typing import Final

from msgspec import Struct

from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from projections.instants import from_datetime
from projections.progress import Pool

_MAPPER: Final = Mapper()
_PAGE: Final = b"""
select h.position, e.position, e.stream, e.version, e.topic, e.state, e.recorded_at
  from ledger.heads h
  left join lateral (
    select * from ledger.events
     where shard = 0 and position > %(after)s and position <= %(until)s
     order by position limit %(limit)s) e on true
 where h.shard = 0
"""
_HEAD: Final = b"select position from ledger.heads where shard = 0"
_IN_OFFICE: Final = b"select leased_until > clock_timestamp() from ledger.heads where shard = 0"


class EventsPage(Struct, frozen=True):
    """Events after a position, and where the ledger's head was when they were read."""

    items: list[Recorded]
    head: int


async def events_after(pool: Pool, after: int, limit: int, until: int = 2**63 - 1) -> EventsPage:
    """The next events in ledger order, up to and including a position."""
    parameters = {"after": after, "until": until, "limit": limit}
    async with pool.connection() as connection:
        cursor = await connection.execute(_PAGE, parameters, binary=True)
        rows = await cursor.fetchall()
    items = [
        _MAPPER.recorded(position, stream, version, topic, state, from_datetime(recorded_at))
        for _, position, stream, version, topic, state, recorded_at in rows
        if position is not None
    ]
    return EventsPage(items, int(rows[0][0]))


async def head(pool: Pool) -> int:
    """The position of the last event."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_HEAD)
        row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def writer_in_office(pool: Pool) -> bool:
    """Whether some process holds the lease of the ledger."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_IN_OFFICE)
        row = await cursor.fetchone()
    return row is not None and bool(row[0])
