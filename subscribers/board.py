"""The relay's word to the database: what it tells, how it is, what it found."""

import logging
from typing import Any, Final, NamedTuple, Self

import psycopg
from psycopg import AsyncConnection

from projections.copies.status import Relayed, relayed
from projections.statements import statements
from subscribers.judgement import Kept

SAY_EVERY_S: Final = 5.0
"""So that it shows when the relay is not there any more."""

_SQL: Final = statements("projections.copies")
_CONNECT_TIMEOUT_S: Final = 5

logger = logging.getLogger(__name__)


class Wrong(NamedTuple):
    """A message of the events' stream that is not what the ledger says."""

    position: int
    what: str


class Board:
    """One connection that writes a row now and then."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        """Use `connect`."""
        self._connection = connection

    @classmethod
    async def connect(cls, database_url: str) -> Self:
        """Open a connection of its own."""
        return cls(
            await AsyncConnection.connect(
                database_url,
                autocommit=True,
                connect_timeout=_CONNECT_TIMEOUT_S,
                application_name="inventory-ledger relay",
            )
        )

    async def close(self) -> None:
        """Give the connection back."""
        await self._connection.close()

    async def kept(self) -> tuple[Kept | None, Wrong | None, str | None]:
        """What is known of the copy, what of it is wrong, and what people want done."""
        row = await self._row("kept")
        if row is None:
            return None, None, None
        generation, told, witness, wrong_at, wrong, asked = row
        found = None if wrong_at is None else Wrong(wrong_at, wrong or "")
        return Kept(generation, told, witness), found, asked

    async def begin(self, generation: int, head: int, reason: str) -> None:
        """A generation is told from now on, unless it, or a later one, is already."""
        if await self._do("begin", generation):
            await self._do("record", generation, head, reason)

    async def told(self, generation: int, position: int, witness: str) -> None:
        """Up to here everything may be in the copy."""
        await self._do("told", position, witness, generation)

    async def wrong(self, generation: int, found: Wrong) -> None:
        """Remember the first message that differs, whoever relays next."""
        await self._do("wrong", found.position, found.what, generation, found.position)

    async def right(self) -> None:
        """It does not differ any more."""
        await self._do("right")

    async def ask(self, what: str) -> None:
        """Have the relay do something."""
        await self._do("ask", what)

    async def done(self, what: str) -> None:
        """It was done."""
        await self._do("done", what)

    async def compared(
        self, stream: str, messages: int, differences: int = 0, repaired: int = 0, ms: int = 0
    ) -> None:
        """How far the comparison of a stream is; `ms` where it has come to its end."""
        numbers = (stream, messages, differences, repaired)
        await self._do("compared", *numbers, max(1, ms) if ms else None, bool(ms))

    async def relayed(self) -> Relayed | None:
        """What the relay says, as the API shows it."""
        row = await self._row("relay")
        return None if row is None else relayed(row, await self._rows("copies"))

    async def generations(self) -> list[tuple[Any, ...]]:
        """Every generation that began: its number, when, the ledger's head, and why."""
        return await self._rows("generations")

    async def _do(self, name: str, *parameters: object) -> int:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[name], parameters, prepare=True)
            return cursor.rowcount

    async def _row(self, name: str) -> tuple[Any, ...] | None:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[name], prepare=True)
            return await cursor.fetchone()

    async def _rows(self, name: str) -> list[tuple[Any, ...]]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[name], prepare=True)
            return await cursor.fetchall()


async def say(database_url: str, state: str, detail: str) -> None:
    """How the relay is, from outside of any life; where the database is away, nobody hears it."""
    try:
        connection = await AsyncConnection.connect(
            database_url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        )
        async with connection:
            await connection.execute(_SQL["say"], (state, detail), binary=True)
    except psycopg.Error as error:
        logger.info("the relay's state is not written down: %s", error)
