"""The teller: what each channel may sell, from the ledger to its subjects, every change once.

It follows the projections, works out what they have touched, keeps what is to be told in the
channel log, and sends exactly that: a value is in the log before anybody hears of it, and a
teller that was killed in between is followed by one that sends it. Only one is active: its office
is an epoch in the database, and the stream takes no message out of turn.
"""

import asyncio
import logging
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import nats.errors
import psycopg
import uvloop
from nats.aio.client import Client
from psycopg import AsyncConnection

from ledger.clock import Clock, SystemClock, monotonic
from ledger.settings import Settings
from projections.availability.log import Log, Overtaken
from projections.availability.rounds import Rounds
from projections.progress import PROJECTED
from projections.reader import collect_rarely
from subscribers import fenced, messages
from subscribers.ats_audit import COMPARE, Walk, Wrong
from subscribers.ats_stream import AtsStream
from subscribers.board import Board
from subscribers.fenced import PublishUnknown, Refused
from subscribers.opening import Diverged
from subscribers.readable import Readable
from subscribers.relay import Health, connect_once
from subscribers.sdk.direct import StreamUnreadable

_PUBLISH_TIMEOUT_S: Final = 5.0
_CLOSE_TIMEOUT_S: Final = 2.0
_RETRY_MIN_S: Final = 0.1
_RETRY_MAX_S: Final = 2.0
_HALTED_LOOK_S: Final = 5.0
_STAND_BY_LOOK_S: Final = 0.2
_UNWATCHED_LOOK_S: Final = 0.25  # While there is no channel there is nothing to be late with.
_STEP_S: Final = 0.05
_LEASES: Final = 3  # An office lasts longer than the writer's: a round may take a second.

# Every statement goes by keys it knows; fresh tables have no statistics yet. Who is stopped amid a
# round must not go on holding its snapshot, or the row that is the office: so nothing is sent in
# one go here, for amid a pipeline the server does not hold a transaction for idle.
_SESSION: Final = (
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;"
    " set enable_memoize = off; set jit = off; set client_connection_check_interval = '2s';"
    " set idle_in_transaction_session_timeout = '5s'; set lock_timeout = '2s';"
    f" listen {PROJECTED}"
)

_WORLD_FAILURES: Final = (
    PublishUnknown,
    Refused,
    StreamUnreadable,
    OSError,
    TimeoutError,
    nats.errors.Error,
    psycopg.Error,
)

logger = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event, health: Health | None = None) -> None:
    """Tell until stopped; what has been kept by then is told before it returns."""
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Teller(settings, stop, health or Health(), SystemClock()).run())


class Teller:
    """One teller process: lives of connections, one after the other."""

    def __init__(
        self, settings: Settings, stop: threading.Event, health: Health, clock: Clock
    ) -> None:
        """Nothing is opened before `run`."""
        self._settings = settings
        self._stop = stop
        self._clock = clock
        self._readable = Readable()
        self.health = health

    async def run(self) -> None:
        """Tell for ever; come back from every failure of the world."""
        retry_s = _RETRY_MIN_S
        while not self._stop.is_set():
            told = self.health.position
            try:
                await self._live()
            except fenced.Broken as broken:
                logger.warning("teller begins again: %s", broken)
            except (Overtaken, fenced.Overtaken) as overtaken:
                logger.warning("another teller is active; standing by: %s", overtaken)
                await self._pause(_STAND_BY_LOOK_S)
            except Diverged as reason:
                self._say("halted", str(reason))
                logger.critical("teller HALTED: %s", reason)
                await self._pause(_HALTED_LOOK_S)
            except _WORLD_FAILURES as failure:
                retry_s = _RETRY_MIN_S if self.health.position > told else retry_s
                self._say("retrying", repr(failure))
                logger.warning("teller lost a connection, again in %.1f s: %r", retry_s, failure)
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)

    async def _live(self) -> None:
        """One life: connect, take office, compare, follow."""
        assert self._settings.database_url is not None, "the teller is told where the database is"
        async with AsyncExitStack() as stack:
            connection = await connect(self._settings.database_url)
            stack.push_async_callback(connection.close)
            holder = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
            log = Log(connection, holder, self._settings.lease_ms * _LEASES)
            if not await self._in_office(log):
                return
            stack.push_async_callback(_resign, log)
            on_closed: list[Callable[[], None]] = []
            client = await connect_once(
                self._settings.nats_url, on_closed, **self._settings.nats_login
            )
            stack.push_async_callback(_close, client)
            life = Life(self._settings, connection, log, client, self._clock, self.health)
            on_closed.append(life.disconnected)
            await life.begin(self._readable)
            self._say("following")
            await life.follow(self._stop)

    async def _in_office(self, log: Log) -> bool:
        """Wait for the office; false where it is time to stop."""
        while not self._stop.is_set():
            if await log.take_office():
                return True
            self._say("standing-by")
            await self._pause(_STAND_BY_LOOK_S)
        return False

    async def _pause(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / _STEP_S))):
            if self._stop.is_set():
                return
            await asyncio.sleep(_STEP_S)

    def _say(self, state: str, detail: str = "") -> None:
        self.health.state, self.health.detail = state, detail  # type: ignore[assignment]


class Life:
    """One connection to each server, from taking office to the first failure."""

    def __init__(
        self,
        settings: Settings,
        connection: AsyncConnection[Any],
        log: Log,
        client: Client,
        clock: Clock,
        health: Health,
    ) -> None:
        """Nothing is read before `begin`."""
        self._poll_s = settings.poll_ms / 1_000
        self._stay_s = settings.lease_ms / 1_000
        self._round_s = settings.round_ms / 1_000
        self._audit_s = settings.audit_round_ms / 1_000
        self._connection = connection
        self._client = client
        self._log = log
        self._health = health
        self._rounds = Rounds(connection, log, clock)
        self._stream = AtsStream(
            client,
            log,
            in_flight_max=settings.relay_in_flight_max,
            timeout_s=_PUBLISH_TIMEOUT_S,
        )
        self._board = Board(connection)
        self._walk: Walk | None = None
        self._stayed_at = self._begun_at = self._counted_at = monotonic()
        self._missed = 0  # Subjects without a value when the last comparison began.
        self._unexplained = 0  # Those of them that it could not bring back.
        self._asked = False

    def disconnected(self) -> None:
        """The connection went: whoever waits for an answer learns it at once."""
        self._stream.disconnected()

    async def begin(self, readable: Readable) -> None:
        """Take up log and stream where they stand, and send what only the log has yet."""
        kept = (await self._log.place()).generation
        generation = await self._stream.generation(kept)
        await readable.ensure(self._client, messages.ATS_STREAM, generation, self._keep_office)
        await self._rounds.begin(generation)
        await self._stream.open(self._rounds.place)
        self._begin_walk(await self._missing())
        self._health.position = self._rounds.place.position

    async def follow(self, stop: threading.Event) -> None:
        """Round after round while there is anything to do; then compare, then wait."""
        woken = False
        while not stop.is_set():
            await self._stay()
            if woken or await self._rounds.look():
                began = monotonic()
                rows = await self._rounds.round(self._stream.sequence + 1)
                await self._stream.tell(rows)
                if self._stream.filling and self._rounds.complete:
                    await self._stream.filled()
                if not self._rounds.behind:
                    await asyncio.sleep(began + self._round_s - monotonic())
                woken = False
                continue
            await self._stream.settle()
            self._health.position = self._rounds.place.position
            await self._look_for_losses()
            if self._walk is not None:
                await self._compare(self._walk)
            else:
                woken = await self._wait()
        await self._stream.settle()

    async def _stay(self) -> None:
        """Keep the office, and look whether people have begun another copy."""
        if await self._keep_office():
            await self._stream.is_still(self._rounds.place.generation)

    async def _keep_office(self) -> bool:
        """Where it is time to; a round that writes keeps it, too, but need not come in time."""
        now = monotonic()
        if now - self._stayed_at <= self._stay_s:
            return False
        await self._log.stay()
        self._stayed_at = now
        return True

    async def _wait(self) -> bool:
        """Whether the projections have said that they went on: then there is something to do."""
        watched = self._rounds.watched
        timeout_s = self._rounds.wait_s(self._poll_s) if watched else _UNWATCHED_LOOK_S
        async for notice in self._connection.notifies(timeout=timeout_s, stop_after=1):
            self._asked = self._asked or notice.payload == COMPARE
            return watched
        return False

    async def _look_for_losses(self) -> None:
        """Compare again where values are gone, where somebody asks, and now and then anyway."""
        now = monotonic()
        if self._walk is not None or (now - self._counted_at <= self._stay_s and not self._asked):
            return
        self._counted_at = now
        missing = await self._missing()
        if missing > self._unexplained or self._asked or now - self._begun_at >= self._audit_s:
            self._asked = False
            self._begin_walk(missing)

    def _begin_walk(self, missing: int) -> None:
        self._missed = missing
        self._begun_at = monotonic()
        self._walk = Walk(self._client, self._log, self._rounds.place.generation)

    async def _compare(self, walk: Walk) -> None:
        """One page of the whole comparison of log and stream; what was lost is told again.

        Nothing is under way meanwhile, so that what differs has been lost.
        """
        wrong, ms = await walk.page(), round((monotonic() - self._begun_at) * 1_000)
        await self._repair(wrong)
        numbers = walk.compared, len(wrong), len(wrong), max(1, ms) if walk.ended else 0
        await self._board.compared(messages.ATS_STREAM, *numbers)
        if walk.ended:
            self._walk = None
            logger.info("channel log and stream compared", extra={"subjects": walk.compared})
            self._unexplained = max(0, min(self._missed, await self._missing()))

    async def _missing(self) -> int:
        """A stream that has lost something has fewer values than subjects; more: never told."""
        found, told = await self._stream.subjects(), self._rounds.place.subjects
        if found != told:
            logger.error("the stream has %d values, %d subjects were told", found, told)
        return told - found

    async def _repair(self, wrong: list[Wrong]) -> None:
        if wrong:
            logger.error("values were lost; telling them again", extra={"values": len(wrong)})
            await self._stream.tell_again([one.told for one in wrong], self._rounds.place.told)


async def connect(url: str) -> AsyncConnection[Any]:
    """A connection for a teller: it asks the same few questions for ever."""
    connection = await AsyncConnection.connect(
        url, autocommit=True, application_name="inventory-ledger teller"
    )
    await connection.execute(_SESSION.encode())
    return connection


async def _resign(log: Log) -> None:
    """Whoever comes next, be it ourselves, need not wait."""
    with suppress(psycopg.Error):
        await log.resign()


async def _close(client: Client) -> None:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await client.close()
    except _WORLD_FAILURES as failure:
        logger.info("message server: %r", failure)
