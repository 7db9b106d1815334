"""How far projections have read: asking, waiting, and saying so when one is behind."""

import asyncio
from typing import Any, Final, TypeAlias

from msgspec import Struct
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[Any]]

PROJECTED: Final = "projected"
"""Where the projector says that it has committed, once there is any channel to be told: a hint."""

WAIT_FIRST_S: Final = 0.002
"""A projector is usually a few milliseconds behind; the first look comes as soon."""

WAIT_LONGEST_S: Final = 0.05
"""Between later looks: soon enough for a caller, cheap enough for the database."""

DEFAULT_TIMEOUT_S: Final = 2.0
"""Well above a projector's usual lag, well below a client's own timeout."""


class ProjectionBehind(Exception):
    """The projection has not read as far as the answer would need."""

    code = "projection-behind"
    transient = True

    def __init__(self, projection: str, position: int, wanted: int) -> None:
        """Say which one, where it is and where it would have to be."""
        super().__init__(f"{projection} is at position {position}, {wanted} was asked for")
        self.projection = projection
        self.position = position
        self.wanted = wanted


class Progress(Struct, frozen=True):
    """One projection's place. `error` is set where it stopped at an event it cannot apply."""

    projection: str
    position: int
    head: int
    generation: int
    error: str | None

    @property
    def lag(self) -> int:
        """Events recorded and not yet applied."""
        return max(0, self.head - self.position)


_PROGRESS: Final = """
select t.projection, t.position, h.position, t.generation, t.error
  from projections.tracking t join ledger.heads h on h.shard = t.shard
 where t.shard = 0 order by t.projection
"""
_POSITION: Final = (
    "select position from projections.tracking where shard = 0 and projection = %(projection)s"
)


async def progress(pool: Pool) -> list[Progress]:
    """Where every projection stands."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_PROGRESS)
        return [Progress(*row) for row in await cursor.fetchall()]


async def position_of(connection: AsyncConnection[Any], projection: str) -> int:
    """Where one projection stands."""
    cursor = await connection.execute(_POSITION, {"projection": projection})
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def wait_for(
    pool: Pool, projection: str, min_position: int, timeout_s: float = DEFAULT_TIMEOUT_S
) -> int:
    """Wait until a projection has read a position; its place then, or `ProjectionBehind`.

    No connection is held between two looks, so waiting callers do not starve the others.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + timeout_s, WAIT_FIRST_S
    while True:
        async with pool.connection() as connection:
            position = await position_of(connection, projection)
        if position >= min_position:
            return position
        left = deadline - loop.time()
        if left <= 0:
            raise ProjectionBehind(projection, position, min_position)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 2, WAIT_LONGEST_S)
