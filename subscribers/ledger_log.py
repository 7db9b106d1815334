"""The ledger's log as the relay and the auditor read it: raw rows by position, in small bites."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import Final, NamedTuple, Self

from psycopg import AsyncConnection
from psycopg.rows import args_row, tuple_row
from psycopg.types.numeric import Int8BinaryLoader

from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from projections.statements import statements

_CONNECT_TIMEOUT_S: Final = 5
_POSTGRES_EPOCH: Final = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970.

_COLUMNS: Final = "select position, stream, version, topic, state, recorded_at from ledger.events"
_AFTER: Final = (
    _COLUMNS
    + " where shard = 0::smallint and position > %b and position <= %b::bigint + %b"
    + " order by position"
)
_OF_STREAM: Final = (
    _COLUMNS
    + " where shard = 0::smallint and stream = %b and version > %b and version <= %b::bigint + %b"
    + " order by version"
)
# The key of the events' table starts with the stream's name, so only conflicts are looked at.
_CONFLICTS: Final = (
    _COLUMNS
    + " where shard = 0::smallint and stream >= 'conflict/' and stream < 'conflict0'"
    + " and position > %b and position <= %b order by position"
)
# Likewise from the beginning; what is new is found among the new positions, however many events
# channels have by then. `left` keeps the key of the streams out of it.
_OF_CREDENTIALS: Final = (
    " and topic in ('channel.credential_issued.v1', 'channel.credential_revoked.v1')"
)
_CREDENTIALS: Final = (
    _COLUMNS
    + " where shard = 0::smallint and stream >= 'channel/' and stream < 'channel0'"
    + _OF_CREDENTIALS
    + " and position <= %b order by position"
)
_NEW_CREDENTIALS: Final = (
    _COLUMNS
    + " where shard = 0::smallint and left(stream, 8) = 'channel/'"
    + _OF_CREDENTIALS
    + " and position > %b and position <= %b order by position"
)
_CHECKPOINTS: Final = (
    "select size, note from proof.checkpoints where shard = 0::smallint and size > %b"
    " order by size limit %b"
)
# Every statement follows a key, page by page. A plan that gathers and sorts what is left of a
# ledger for each page reads it as often as there are pages.
_PLANS: Final = (
    "set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off;"
    " set enable_incremental_sort = off"
)
_WRITTEN: Final = "select pg_current_wal_insert_lsn()::text"
_FLUSHED: Final = "select pg_current_wal_flush_lsn() >= %s::pg_lsn"
_FLUSH: Final = "select pg_logical_emit_message(true, 'inventory-ledger', '')"
_LOOKS: Final = 10
_LOOK_S: Final = 0.005
_SQL: Final = statements("subscribers")
_LEDGER: Final = b"select id from proof.ledgers where shard = 0"
_HEAD: Final = "select position from ledger.heads where shard = 0::smallint"


class Row(NamedTuple):
    """One event row as stored. `recorded_at` counts microseconds since 2000, as the server does."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    recorded_at: int


class HoleInLedger(Exception):
    """Positions are missing from the ledger itself. Nothing may go on; run `verify`."""


def row_hash(row: Row) -> str:
    """Tells two histories apart at one position; does not depend on how messages look."""
    place = f"{row.position} {row.stream} {row.version} {row.topic} {row.recorded_at}\n"
    return blake2b(place.encode() + row.state, digest_size=16).hexdigest()


def decoded(row: Row, mapper: Mapper) -> Recorded:
    """The row as everybody else sees it."""
    return mapper.recorded(*row[:5], row.recorded_at + _POSTGRES_EPOCH)


class LedgerLog:
    """Reads committed rows only, in statements short enough never to hold an old snapshot."""

    def __init__(self, connection: AsyncConnection[object]) -> None:
        """Use `connect`."""
        self._connection = connection

    @classmethod
    async def connect(cls, database_url: str, *, listen: bool = False) -> Self:
        """Open a connection of its own; `listen` asks to be woken by the writer's commits."""
        connection = await AsyncConnection.connect(
            database_url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        )
        connection.adapters.register_loader("timestamptz", Int8BinaryLoader)
        try:
            await connection.execute(_PLANS)
            if listen:
                await connection.execute("listen ledger")
        except BaseException:  # Whoever is stopped meanwhile leaves no connection behind.
            await connection.close()
            raise
        return cls(connection)

    async def close(self) -> None:
        """Give the connection back."""
        await self._connection.close()

    async def after(self, position: int, limit: int) -> list[Row]:
        """The next rows after a position, without a hole, at most `limit`."""
        rows = await self.readable_after(position, limit)
        if rows and (rows[0].position != position + 1 or rows[-1].position != position + len(rows)):
            raise HoleInLedger(f"the ledger has no contiguous events after position {position}")
        return rows

    async def readable_after(self, position: int, limit: int) -> list[Row]:
        """As `after`, for auditors: a hole is theirs to report, not a reason to stop."""
        return await self._rows(_AFTER, (position, position, limit))

    async def at(self, position: int) -> Row | None:
        """The row at one position, if there is one."""
        rows = await self.readable_after(position - 1, 1)
        return rows[0] if rows else None

    async def of_stream(
        self, stream: str, through: int, bite: int = 1_000, after: int = 0
    ) -> AsyncIterator[Row]:
        """Every row of one stream after a version, up to another."""
        version = after
        while version < through:
            size = min(bite, through - version)
            for row in await self._rows(_OF_STREAM, (stream, version, version, size)):
                yield row
            version += size

    async def conflicts(self, after: int, through: int) -> list[Row]:
        """Rows about conflicts in a range of positions; read off a small part of the key."""
        if after >= through:
            return []
        return await self._rows(_CONFLICTS, (after, through))

    async def credentials(self, after: int, through: int) -> list[Row]:
        """Rows about credentials of channels in a range of positions."""
        if after >= through:
            return []
        if after == 0:
            return await self._rows(_CREDENTIALS, (through,))
        return await self._rows(_NEW_CREDENTIALS, (after, through))

    async def read(self, name: str, *parameters: object) -> list[Row]:
        """The rows of one of the statements in `queries.sql`."""
        return await self._rows(_SQL[name], parameters)

    async def count(self, name: str, through: int) -> int:
        """A number of one of these statements."""
        async with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            await cursor.execute(_SQL[name], (through,), prepare=True)
            found = await cursor.fetchone()
        assert found is not None, name
        return int(found[0])

    async def streams_known(self, streams: list[str]) -> set[str]:
        """Which of these streams the ledger has."""
        async with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            await cursor.execute(_SQL["streams_known"], (streams,), prepare=True)
            return {str(name) for (name,) in await cursor.fetchall()}

    async def checkpoints(self, after: int, limit: int) -> list[tuple[int, str]]:
        """The next signed notes about trees larger than a size, each with its own."""
        async with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            await cursor.execute(_CHECKPOINTS, (after, limit), prepare=True)
            return [(int(size), str(note)) for size, note in await cursor.fetchall()]

    async def safe(self) -> None:
        """Wait until all that can be seen by now would survive a crash of the database.

        Other people's commits bring that about; where there are none, one of our own.
        """
        async with self._connection.cursor(row_factory=tuple_row) as cursor:
            (end,) = await (await cursor.execute(_WRITTEN)).fetchone() or ("0/0",)
            for _ in range(_LOOKS):
                if await (await cursor.execute(_FLUSHED, (end,))).fetchone() == (True,):
                    return
                await asyncio.sleep(_LOOK_S)
            await cursor.execute(_FLUSH)

    async def _rows(self, query: str | bytes, parameters: tuple[object, ...]) -> list[Row]:
        # A cursor each: the next batch is read while a state is being rebuilt.
        async with self._connection.cursor(binary=True, row_factory=args_row(Row)) as cursor:
            await cursor.execute(query, parameters, prepare=True)
            return await cursor.fetchall()

    async def ledger(self) -> str:
        """What tells this ledger from every other one."""
        cursor = await self._connection.execute(_LEDGER, binary=True)
        found = await cursor.fetchone()
        assert isinstance(found, tuple)
        return str(found[0])

    async def head(self) -> int:
        """The ledger's last position."""
        cursor = await self._connection.execute(_HEAD, binary=True)
        found = await cursor.fetchone()
        assert isinstance(found, tuple)
        return int(found[0])

    async def wait(self, timeout_s: float) -> None:
        """Until the writer says that it committed, or the time is over: never rely on the first."""
        async for _ in self._connection.notifies(timeout=timeout_s, stop_after=1):
            return
