"""Writes down soft holds that have run out. Expiry itself takes effect without it."""

import asyncio
import logging
import secrets
from typing import Final, NoReturn

import psycopg
from psycopg_pool import PoolTimeout

from api.commands import LoopSink, Port
from ledger.clock import Clock, monotonic
from ledger.domain.commands import ExpireHolds
from ledger.domain.refusals import Refusal
from ledger.domain.values import StockId
from ledger.settings import Settings
from ledger.submission import Accepted, Reply, Submission, Unavailable
from projections.progress import Pool, ProjectionBehind, wait_for
from projections.reservations.queries import due_stocks

PRINCIPAL: Final = "sweeper"

_STOCKS_MAX: Final = 500  # One sweep stays a share of one batch; the rest comes right after.

logger = logging.getLogger(__name__)


class ReplyTicket:
    """Waits for one reply."""

    __slots__ = ("_future",)

    def __init__(self, future: "asyncio.Future[Reply]") -> None:
        self._future = future

    def settle(self, reply: Reply) -> None:
        """Takes it."""
        if not self._future.done():
            self._future.set_result(reply)


class Sweeper:
    """Sweeps while this process's writer is the active one."""

    def __init__(self, settings: Settings, port: Port, pool: Pool, clock: Clock) -> None:
        self._port = port
        self._pool = pool
        self._clock = clock
        self._pause_s = settings.sweep_every_ms / 1000
        self._patience_s = settings.command_deadline_ms / 1000

    async def run(self) -> NoReturn:
        """Sweeps for ever."""
        while True:
            swept = 0
            try:
                swept = await self.sweep() if self._port.active else 0
            except (psycopg.Error, PoolTimeout, Unavailable, ProjectionBehind) as error:
                logger.info("a sweep has to wait: %s", error)
            if swept < _STOCKS_MAX:
                await asyncio.sleep(self._pause_s)

    async def sweep(self) -> int:
        """Writes down what is due now and has been projected; returns how many stocks it took."""
        due = await due_stocks(self._pool, now=self._clock.now(), limit=_STOCKS_MAX)
        if not due:
            return 0
        sweep_id = f"sweep-{secrets.token_hex(8)}"
        replies = await asyncio.gather(*self._submitted(due, sweep_id))
        written = [reply.outcome.position for reply in replies if isinstance(reply, Accepted)]
        for reply in replies:
            if not isinstance(reply, Accepted | Unavailable | Refusal):
                logger.error("a stock could not be swept: %s", reply)
        if written:
            # What the projection has not read yet would be found due once more.
            await wait_for(self._pool, "reservations", max(written), self._patience_s)
        return len(due) if written else 0

    def _submitted(self, due: list[StockId], sweep_id: str) -> "list[asyncio.Future[Reply]]":
        loop = asyncio.get_running_loop()
        sink = LoopSink(loop)
        futures: list[asyncio.Future[Reply]] = []
        for number, stock_id in enumerate(due):
            submission = Submission(
                command=ExpireHolds(location=stock_id.location, sku=stock_id.sku),
                principal=PRINCIPAL,
                command_id=f"{sweep_id}/{number}",
                source=PRINCIPAL,
                correlation_id=sweep_id,
                deadline=monotonic() + self._patience_s,
                lane="bulk",
            )
            future: asyncio.Future[Reply] = loop.create_future()
            self._port.submit(submission, sink, ReplyTicket(future))
            futures.append(future)
        return futures
