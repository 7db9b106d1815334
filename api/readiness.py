"""Whether an API process can do its work: what it asks the database, and what came back."""

import asyncio
import logging

import psycopg
from msgspec import Struct
from psycopg_pool import PoolTimeout

from api.runtime.migrations import pending
from projections.audit.status import Status, read
from projections.copies.status import Relayed
from projections.copies.status import read as relay_status
from projections.feed import writer_in_office
from projections.progress import Pool, progress

_PATIENCE_S = 2.0  # Whoever asks gives up soon; an answer that says no is better than none.

logger = logging.getLogger(__name__)


class Health(Struct, frozen=True, kw_only=True):
    """What was found."""

    database: bool = False
    migrated: bool = False
    writer: bool = False
    lag: dict[str, int] = {}
    audit: Status | None = None
    relay: Relayed | None = None


class Readiness:
    """Looks when asked. Migrations are only ever applied, so once they are, they stay so."""

    def __init__(self, pool: Pool, database_url: str) -> None:
        self._pool = pool
        self._database_url = database_url
        self._migrated = False

    async def look(self) -> Health:
        """What holds right now."""
        try:
            return await asyncio.wait_for(self._look(), _PATIENCE_S)
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            logger.warning("the database does not answer: %s", error)
            return Health()

    async def _look(self) -> Health:
        if not self._migrated:
            missing = await asyncio.to_thread(pending, self._database_url)
            if missing:
                return Health(database=True)
            self._migrated = True
        return Health(
            database=True,
            migrated=True,
            writer=await writer_in_office(self._pool),
            audit=await read(self._pool),
            relay=await relay_status(self._pool),
            lag={one.projection: one.lag for one in await progress(self._pool)},
        )
