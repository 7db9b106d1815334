"""Has parked facts recorded once what they are about is defined."""

import asyncio
import logging
import secrets
from typing import Final, NoReturn

import psycopg
from psycopg_pool import PoolTimeout

from api.commands import LoopSink, Port
from api.runtime.sweeper import PRINCIPAL, ReplyTicket
from ledger.clock import monotonic
from ledger.domain.commands import ReleaseParked
from ledger.domain.refusals import Refusal
from ledger.settings import Settings
from ledger.submission import Accepted, Reply, Submission, Unavailable
from projections.catalog.queries import due, last_definition
from projections.progress import Pool, ProjectionBehind, wait_for

_FACTS_MAX: Final = 500  # One round stays a share of one batch; the rest comes right after.

logger = logging.getLogger(__name__)


class Releaser:
    """Releases while this process's writer is the active one.

    Facts are released in the order in which they were parked, so that a void comes after its
    sale. Nothing is looked for until something more has been defined.
    """

    def __init__(self, settings: Settings, port: Port, pool: Pool) -> None:
        self._port = port
        self._pool = pool
        self._strict = settings.catalog == "strict"
        self._pause_s = settings.sweep_every_ms / 1000
        self._patience_s = settings.command_deadline_ms / 1000
        self._done_until = -1  # The newest definition for which nothing was left to release.

    async def run(self) -> NoReturn:
        """Releases for ever."""
        while True:
            released = 0
            try:
                released = await self.release() if self._port.active else 0
            except (psycopg.Error, PoolTimeout, Unavailable, ProjectionBehind) as error:
                logger.info("a release has to wait: %s", error)
            if released < _FACTS_MAX:
                await asyncio.sleep(self._pause_s)

    async def release(self) -> int:
        """Releases what is due and has been projected; returns how many facts that were."""
        newest = await last_definition(self._pool)
        if newest == self._done_until:
            return 0
        found = await due(self._pool, strict=self._strict, limit=_FACTS_MAX)
        if not found:
            self._done_until = newest
            return 0
        replies = await asyncio.gather(*self._submitted(found))
        written = [reply.outcome.position for reply in replies if isinstance(reply, Accepted)]
        for reply in replies:
            if not isinstance(reply, Accepted | Unavailable | Refusal):
                logger.error("a parked fact could not be released: %s", reply)
        if written:
            # What the projection has not read yet would be found due once more.
            await wait_for(self._pool, "catalog", max(written), self._patience_s)
        return len(found) if written else 0

    def _submitted(self, conflicts: list[str]) -> "list[asyncio.Future[Reply]]":
        loop = asyncio.get_running_loop()
        sink = LoopSink(loop)
        correlation_id = f"release-{secrets.token_hex(8)}"
        futures: list[asyncio.Future[Reply]] = []
        for conflict_id in conflicts:
            submission = Submission(
                command=ReleaseParked(conflict_id=conflict_id),
                principal=PRINCIPAL,
                command_id=f"release/{conflict_id}",
                source=PRINCIPAL,
                correlation_id=correlation_id,
                deadline=monotonic() + self._patience_s,
                lane="bulk",
            )
            future: asyncio.Future[Reply] = loop.create_future()
            self._port.submit(submission, sink, ReplyTicket(future))
            futures.append(future)
        return futures
