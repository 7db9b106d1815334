"""The two clocks of a question: what had happened by when, as the ledger knew it when."""

from typing import Any, Final

from msgspec import Struct
from psycopg import AsyncConnection

from ledger.domain.values import Instant
from projections.instants import from_datetime, to_datetime
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for

_AT_TIME: Final = """
select ledger.position_at(0::smallint, %(at)s), h.position from ledger.heads h where h.shard = 0
"""
_AT_POSITION: Final = """
select (select e.recorded_at from ledger.events e where e.shard = 0 and e.position = %(position)s),
       h.position
  from ledger.heads h where h.shard = 0
"""


class Asked(Struct, frozen=True, kw_only=True):
    """What a question says of its clocks: business time, and ledger time or a position.

    One that names none of them is about the present.
    """

    as_of: Instant | None = None
    known_at: Instant | None = None
    known_position: int | None = None
    min_position: int = 0

    @property
    def present(self) -> bool:
        """Whether it is about now, as known now."""
        return self.as_of is None and self.known_at is None and self.known_position is None


PRESENT: Final = Asked()
"""A question that names no clock."""


class Clocks(Struct, frozen=True, array_like=True):
    """What an answer stands for; two questions with the same clocks have the same answer.

    `known` is the last position that counts. `settled`: nothing that is recorded later can belong
    to it any more. `known_at` is None where the question named neither a time nor a position.
    """

    as_of: Instant
    known_at: Instant | None
    known: int
    settled: bool

    def fit(self, asked: Asked) -> bool:
        """Whether a question is about these clocks, as far as it names any."""
        return (
            asked.as_of in {None, self.as_of}
            and asked.known_at in {None, self.known_at}
            and asked.known_position in {None, self.known}
        )

    @property
    def whole(self) -> bool:
        """Whether all that was known had happened: nothing is recorded before it happens."""
        return self.known_at is not None and self.known_at <= self.as_of


def at_present(now: Instant, position: int) -> Clocks:
    """What an answer from a live table stands for."""
    return Clocks(now, None, position, settled=False)


class Known(Struct, frozen=True, kw_only=True):
    """Up to which position a question may look, and whether that can still change."""

    position: int
    known_at: Instant | None
    settled: bool


async def clocks(
    pool: Pool,
    asked: Asked,
    projection: str,
    *,
    now: Instant,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Clocks:
    """What a question about the past stands for; `as_of` is `known_at` where only that is named.

    Where nothing is said of what was known, it is all that the projection knows.
    """
    if asked.known_position is not None:
        known = await known_at_position(pool, asked.known_position)
    elif asked.known_at is not None:
        known = await known_at_time(pool, asked.known_at)
    else:
        position = await wait_for(pool, projection, asked.min_position, timeout_s)
        known = Known(position=position, known_at=None, settled=False)
    as_of = asked.as_of
    if as_of is None:
        as_of = now if known.known_at is None else known.known_at
    return Clocks(as_of, known.known_at, known.position, known.settled)


async def known_at_time(pool: Pool, at: Instant) -> Known:
    """The last position recorded at or before a time."""
    async with pool.connection() as connection:
        position, head = await position_at(connection, at)
    return Known(position=position, known_at=at, settled=head > position)


async def known_at_position(pool: Pool, position: int) -> Known:
    """A position is exact; nothing can come before it any more once it has been reached."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_AT_POSITION, {"position": position})
        recorded_at, head = await cursor.fetchone() or (None, 0)
    known_at = None if recorded_at is None else from_datetime(recorded_at)
    return Known(position=position, known_at=known_at, settled=head >= position)


async def position_at(connection: AsyncConnection[Any], at: Instant) -> tuple[int, int]:
    """The last position recorded at or before a time, and the head."""
    cursor = await connection.execute(_AT_TIME, {"at": to_datetime(at)})
    position, head = await cursor.fetchone() or (0, 0)
    return position, head
