"""The relay's companion: has the copies compared with the ledger, and says what must be mended.

At first tail and counts, which takes a moment; then everything, in a process of its own where
that is much; then again, round after round, in a small share of the time.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
import nats.errors
import psycopg
from nats.aio.client import Client

from ledger.settings import Settings
from subscribers import messages
from subscribers.board import Board
from subscribers.inspecting import Plan, Report, inspect
from subscribers.inspector import Errand
from subscribers.ledger_log import LedgerLog
from subscribers.sdk.direct import StreamUnreadable
from subscribers.tasks import ended

INLINE_EVENTS_MAX: Final = 5_000
"""Up to so many, another process would take longer to start than to compare."""

_INLINE_BITE: Final = 100  # Some milliseconds, for which the relay tells nothing.
_LINE_BYTES_MAX: Final = 1024 * 1024
_RETRY_S: Final = 5.0
_ROUND_MIN_S: Final = 10.0  # A small ledger is compared in moments, again and again.
_SAY_EVERY: Final = 20_000  # Messages compared between two words about it.
_ALL: Final = (messages.CONFLICTS_STREAM, messages.STOCK_STREAM, messages.EVENTS_STREAM)

_FAILURES: Final = (StreamUnreadable, OSError, TimeoutError, nats.errors.Error, psycopg.Error)

logger = logging.getLogger(__name__)


class Inspection:
    """One life's rounds. What was found waits in `found` until the relay has mended it."""

    def __init__(self, settings: Settings, client: Client, board: Board) -> None:
        """Nothing is compared before `begin`."""
        self._settings = settings
        self._client = client
        self._board = board
        self._task: asyncio.Task[None] | None = None
        self._said: dict[str, int] = {}
        self.found: deque[Report] = deque()

    def begin(
        self, plan_of: Callable[[], Plan], *, states_missing: bool, asked: str | None
    ) -> None:
        """Compare from now on. `plan_of` says up to where, whenever a round begins.

        Where no audits are wanted, only what is asked for and what is known to be missing.
        """
        streams: tuple[str, ...] = _ALL if self._settings.audit_percent or asked else ()
        if states_missing and not streams:
            streams = (messages.STOCK_STREAM,)
        self._task = asyncio.create_task(self._rounds(plan_of, streams))

    @property
    def begun(self) -> bool:
        """Whether anything is compared, or has been."""
        return self._task is not None

    async def stop(self) -> None:
        """Leave the rest uncompared."""
        await ended(self._task)

    async def _rounds(self, plan_of: Callable[[], Plan], streams: tuple[str, ...]) -> None:
        percent = self._settings.audit_percent
        every_s = max(_ROUND_MIN_S, self._settings.audit_round_ms / 1_000)
        if streams:
            await self._insist(msgspec.structs.replace(plan_of(), streams=streams))
        while percent:
            await asyncio.sleep(every_s)
            plan = msgspec.structs.replace(plan_of(), streams=_ALL, percent=percent)
            await self._insist(plan)

    async def _insist(self, plan: Plan) -> None:
        """One round, however often it takes."""
        while True:
            try:
                await self._tally(plan)
                async for report in self._reports(plan):
                    await self._take(report)
            except _FAILURES as failure:
                logger.warning("the copies could not be compared, again soon: %r", failure)
                await asyncio.sleep(_RETRY_S)
            else:
                self.found.append(Report(stream="", compared=0, ended_ms=1))
                return

    async def _tally(self, plan: Plan) -> None:
        """Counts only: an early word, and what needs nothing more to be mended."""
        log = await self._log()
        try:
            conflicts = await log.count("count_conflicts", plan.events)
            stocks = await log.count("count_stocks", plan.states)
        finally:
            await log.close()
        told = await self._messages(messages.CONFLICTS_STREAM)
        if told < conflicts:
            what = f"{told} messages for {conflicts} events"
            self.found.append(Report(stream=messages.CONFLICTS_STREAM, compared=0, what=what))
        told = await self._messages(messages.STOCK_STREAM)
        if told < stocks:
            logger.error("states are missing", extra={"told": told, "stocks": stocks})
        logger.info("tail and counts of the copies compared", extra={"events": plan.events})

    async def _messages(self, stream: str) -> int:
        return int((await self._client.jetstream().stream_info(stream)).state.messages)

    async def _take(self, report: Report) -> None:
        if report.what or report.ended_ms:
            self.found.append(report)
        if report.ended_ms:
            logger.info(
                "copy compared with the ledger",
                extra={"stream": report.stream, "compared": report.compared},
            )
        before = self._said.get(report.stream, -_SAY_EVERY)
        if report.ended_ms or abs(report.compared - before) >= _SAY_EVERY:
            self._said[report.stream] = report.compared
            await self._board.compared(report.stream, report.compared, ms=report.ended_ms)

    def _reports(self, plan: Plan) -> AsyncIterator[Report]:
        if max(plan.events, plan.states) <= INLINE_EVENTS_MAX:
            return self._here(msgspec.structs.replace(plan, bite=_INLINE_BITE))
        return self._elsewhere(plan)

    async def _here(self, plan: Plan) -> AsyncIterator[Report]:
        log = await self._log()
        try:
            async for report in inspect(log, self._client, plan):
                yield report
        finally:
            await log.close()

    async def _elsewhere(self, plan: Plan) -> AsyncIterator[Report]:
        settings = self._settings
        assert settings.database_url is not None, "the relay is told where the database is"
        assert settings.nats_url is not None, "the relay is told where the message server is"
        errand = Errand(
            plan=plan,
            database_url=settings.database_url,
            nats_url=settings.nats_url,
            login=settings.nats_login,
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "subscribers.inspector"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES_MAX,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(errand) + b"\n")
            async for line in process.stdout:
                yield msgspec.json.decode(line, type=Report)
            if code := await process.wait():
                raise StreamUnreadable(f"the inspector ended with {code}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _log(self) -> LedgerLog:
        assert self._settings.database_url is not None, "the relay is told where the database is"
        return await LedgerLog.connect(self._settings.database_url)
