"""The relay: the ledger's log into JetStream, every event once, in order, never skipping.

It keeps no place of its own: the stream's last sequence *is* the last position told. Each life
of a connection begins by weighing what the stream holds against the ledger (see
`subscribers.opening`): it is continued, made anew as it was, or the relay halts and says what
people have to do. Meanwhile a companion compares everything, and what it finds is mended here,
where the streams' only writer is. Any failure ends the connection and begins a new life: what was
unknown is then read off the stream's tail.

Conflicts go out before the events of their batch, so that the place in the stream of events
answers for both. Last values follow, conflated.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import nats.errors
import nats.js.errors
import psycopg
import uvloop
from nats.aio.client import Client

from ledger.recorded import Recorded
from ledger.settings import Settings
from ledger.store.mapper import Mapper, UnknownEvent
from subscribers import messages
from subscribers.board import SAY_EVERY_S, Board, say
from subscribers.checkpoints import Checkpoints
from subscribers.fenced import (
    Broken,
    FencedStream,
    Frame,
    Overtaken,
    PublishUnknown,
    Refused,
)
from subscribers.frames import event_headers
from subscribers.inspecting import Plan
from subscribers.inspection import Inspection
from subscribers.last_values import LastValues, headers_of
from subscribers.lazy_client import LazyClient
from subscribers.ledger_log import HoleInLedger, LedgerLog, Row, decoded, row_hash
from subscribers.mending import Mending
from subscribers.opening import Diverged, Opening
from subscribers.readable import Readable
from subscribers.tasks import ended
from subscribers.translate import conflict_message, event_message
from subscribers.witness import Place, Witness

_PUBLISH_TIMEOUT_S: Final = 5.0  # An answer takes a millisecond; later it is unknown.
_CLOSE_TIMEOUT_S: Final = 2.0
_RETRY_MIN_S: Final = 0.1
_RETRY_MAX_S: Final = 2.0
_HALTED_LOOK_S: Final = 1.0  # How often a halted relay looks whether people did something.
_CRY_EVERY_S: Final = 60.0
_TAKE_OVER_S: Final = 1.0  # Another relay that told nothing for so long, while behind, is gone.
_UNATTENDED_S: Final = 3 * SAY_EVERY_S
_STATES_EVERY_S: Final = 0.025  # While following: what changes often is told with others.
_STATES_BEHIND_S: Final = 1.0  # While catching up, states are told this seldom: conflation pays.
_CHECKPOINTS_S: Final = 0.5  # They come twice a second; a look for each event would find nothing.
_NOTE_S: Final = 1.0
_INSPECT_AFTER_S: Final = 4.0  # Whoever is behind for long is looked at nevertheless.
_PAUSE_STEP_S: Final = 0.05

_WORLD_FAILURES: Final = (
    PublishUnknown,
    Refused,
    OSError,
    TimeoutError,
    nats.errors.Error,
    psycopg.Error,
)

logger = logging.getLogger(__name__)


class BeginAnew(Exception):
    """Something is asked for that is done at the beginning of a life."""


_NEED_PEOPLE: Final = (Diverged, HoleInLedger, UnknownEvent)


@dataclass
class Health:
    """How the relay is, for whoever asks; `halted` needs people."""

    state: Literal["starting", "following", "standing-by", "retrying", "halted"] = "starting"
    detail: str = ""
    position: int = 0


def run(settings: Settings, stop: threading.Event, health: Health | None = None) -> None:
    """Relay until stopped; what has been read by then is told before it returns."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Relay(settings, stop, health or Health()).run())


class Relay:
    """One relay process: lives of connections, one after the other."""

    def __init__(self, settings: Settings, stop: threading.Event, health: Health) -> None:
        """Nothing is opened before `run`."""
        self._settings = settings
        self._stop = stop
        self._witness: Witness | None = None  # From the first connection on.
        self._readable = Readable()
        self._cried, self._cried_at = "", 0.0
        self.health = health

    async def run(self) -> None:
        """Follow the ledger for ever; come back from every failure of the world."""
        try:
            await self._lives()
        finally:
            if self._witness is not None:
                self._witness.close()

    async def _lives(self) -> None:
        retry_s = _RETRY_MIN_S
        while not self._stop.is_set():
            told = self.health.position
            try:
                await self._live()
            except BeginAnew as asked:
                logger.info("relay begins again: %s", asked)
            except Broken as broken:
                logger.warning("relay begins again: %s", broken)
            except Overtaken as overtaken:
                logger.warning("another relay writes the stream; standing by: %s", overtaken)
                await self._stand_by()
            except _NEED_PEOPLE as reason:
                await self._halt(str(reason))
            except _WORLD_FAILURES as failure:
                retry_s = _RETRY_MIN_S if self.health.position > told else retry_s
                await self._announce("retrying", repr(failure))
                logger.warning("relay lost a connection, again in %.1f s: %r", retry_s, failure)
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)

    async def _halt(self, reason: str) -> None:
        """Do nothing, and say why: at once, and then once a minute."""
        now = asyncio.get_running_loop().time()
        if reason != self._cried or now - self._cried_at > _CRY_EVERY_S:
            self._cried, self._cried_at = reason, now
            logger.critical("relay HALTED: %s", reason)
        await self._announce("halted", reason)
        await self._pause(_HALTED_LOOK_S)

    async def _live(self) -> None:
        """One life: connect, compare, follow."""
        async with AsyncExitStack() as stack:
            life = await self._connect(stack)
            await life.begin()
            await self._announce("following")
            await life.follow(self._stop)

    async def _connect(self, stack: AsyncExitStack) -> "Life":
        settings = self._settings
        assert settings.database_url is not None, "the relay is told where the database is"
        log = await LedgerLog.connect(settings.database_url, listen=True)
        stack.push_async_callback(log.close)
        on_closed: list[Callable[[], None]] = []
        client = await connect_once(settings.nats_url, on_closed, **settings.nats_login)
        stack.push_async_callback(_close, client)
        board = await Board.connect(settings.database_url)
        stack.push_async_callback(board.close)
        if self._witness is None:
            self._witness = Witness(settings.data_path, await log.ledger())
        known = Known(self._witness, self._readable)
        life = Life(settings, log, client, board, known, self.health)
        stack.push_async_callback(life.end)
        on_closed.append(life.disconnected)
        return life

    async def _stand_by(self) -> None:
        """Watch the other relay; come back when it falls silent although there is more to tell."""
        self._say("standing-by")
        silent_s, tail = 0.0, -1
        with suppress(*_WORLD_FAILURES):
            async with AsyncExitStack() as stack:
                life = await self._connect(stack)
                while not self._stop.is_set() and silent_s < _TAKE_OVER_S:
                    if await life.is_unattended():
                        return
                    before, tail = tail, await life.tail()
                    idle = tail > before or tail >= await life.head()
                    silent_s = 0.0 if idle else silent_s + _PAUSE_STEP_S
                    await self._pause(_PAUSE_STEP_S)

    async def _pause(self, seconds: float) -> None:
        steps = max(1, round(seconds / _PAUSE_STEP_S))
        for _ in range(steps):
            if self._stop.is_set():
                return
            await asyncio.sleep(_PAUSE_STEP_S)

    async def _announce(self, state: str, detail: str = "") -> None:
        """Say it to everybody. One who stands by leaves that to the one who is at work."""
        self._say(state, detail)
        assert self._settings.database_url is not None, "the relay is told where the database is"
        await say(self._settings.database_url, state, detail)

    def _say(self, state: str, detail: str = "") -> None:
        self.health.state, self.health.detail = state, detail  # type: ignore[assignment]


class Known(NamedTuple):
    """What outlives a connection."""

    witness: Witness
    readable: Readable


class Life:
    """One connection to each server, from the comparison to the first failure."""

    def __init__(
        self,
        settings: Settings,
        log: LedgerLog,
        client: Client,
        board: Board,
        known: Known,
        health: Health,
    ) -> None:
        """Nothing is read before `begin`."""
        self._settings = settings
        self._log = log
        self._js = client.jetstream(timeout=_PUBLISH_TIMEOUT_S)
        self._health = health
        self._mapper = Mapper()
        self._events = self._fenced(client)
        self._conflicts = self._fenced(client)
        states = self._fenced(client)
        self._states = LastValues(self._js, states, log, self._mapper)
        checkpoints = self._fenced(client)
        self._checkpoints = Checkpoints(self._js, checkpoints, log)
        self._board = board
        self._witness = known.witness
        self._readable = known.readable
        self._reading: asyncio.Task[None] | None = None
        self._client = client
        self._inspection = Inspection(settings, client, board)
        self._mending = Mending(
            self._js, board, self._inspection, self._states, self._tell_conflicts_anew
        )
        self._opening = Opening(self._js, client, log, board, known.witness)
        self._writers = (self._events, self._conflicts, states, checkpoints)
        self._generation = 0
        self._conflicts_told = 0
        self._place = 0
        self._states_told_at = 0.0
        self._checkpoints_told_at = 0.0
        self._noted_at = self._said_at = 0.0
        self._noted = -1
        self._began_at, self._ahead = 0.0, 0
        self._retelling = ""  # The server takes no id twice within two minutes.

    def _fenced(self, client: Client) -> FencedStream:
        in_flight = self._settings.relay_in_flight_max
        return FencedStream(client, in_flight_max=in_flight, timeout_s=_PUBLISH_TIMEOUT_S)

    def disconnected(self) -> None:
        """The connection went: whoever waits for an answer learns it at once."""
        for writer in self._writers:
            writer.disconnected()

    async def is_unattended(self) -> bool:
        """Whether no relay has said anything for longer than one at work is silent."""
        relayed = await self._board.relayed()
        return relayed is not None and relayed.age > _UNATTENDED_S

    async def tail(self) -> int:
        """The last position in the stream."""
        return int((await self._js.stream_info(messages.EVENTS_STREAM)).state.last_seq)

    async def head(self) -> int:
        """The last position of the ledger."""
        return await self._log.head()

    async def begin(self) -> None:
        """Find the place in every stream and make sure that it is a place in this ledger."""
        opened = await self._opening.open()
        self._generation = opened.generation
        await self._events.open(opened.place)
        await self._open_conflicts(opened.place)
        states = await self._states.open(opened.generation, opened.told)
        self._place = min(states, opened.place)
        self._reading = asyncio.create_task(
            self._readable.ensure(self._client, messages.STOCK_STREAM, opened.generation)
        )
        await self._checkpoints.open(opened.generation)
        self._health.position = opened.place
        self._mending.asked = opened.asked
        await self._note(always=True)

    def _inspect(self) -> None:
        """Have the copies compared, once: as soon as all is told, or soon in any case."""
        waited_s = asyncio.get_running_loop().time() - self._began_at
        if self._inspection.begun or (self._place < self._ahead and waited_s < _INSPECT_AFTER_S):
            return
        self._inspection.begin(
            self._plan, states_missing=not self._states.whole, asked=self._mending.asked
        )

    async def end(self) -> None:
        """Leave nothing behind that goes on by itself."""
        await self._inspection.stop()
        await ended(self._reading)

    def _plan(self) -> Plan:
        return Plan(
            generation=self._generation,
            events=self._events.acknowledged,
            states=self._states.place,
            streams=(),
        )

    async def follow(self, stop: threading.Event) -> None:
        """Tell what is read, while the next batch is being read; tell the rest before stopping."""
        loop, limit = asyncio.get_running_loop(), self._settings.relay_batch_events
        self._began_at, self._ahead = loop.time(), await self._log.head()
        rows, looked_at = await self._log.after(self._place, limit), loop.time()
        while not stop.is_set():
            if rows:
                upcoming = asyncio.create_task(self._log.after(rows[-1].position, limit))
                try:
                    await self._tell(rows)
                finally:
                    rows = await upcoming
            since_s = loop.time() - self._states_told_at
            if since_s > (_STATES_BEHIND_S if rows else _STATES_EVERY_S):
                await self._settle()
                self._states_told_at = loop.time()
            if loop.time() - self._checkpoints_told_at > _CHECKPOINTS_S:
                await self._checkpoints.tell()
                self._checkpoints_told_at = loop.time()
            if self._inspection.found and self._may_tell_states():
                await self._settle()
                await self._mending.mend(self._generation, self._place)
            await self._note()
            self._inspect()
            if not rows:
                await self._log.wait(self._patience_s())
                await asyncio.sleep(looked_at + self._settings.round_ms / 1_000 - loop.time())
                rows, looked_at = await self._log.after(self._place, limit), loop.time()
        if self._reading is not None:
            await self._reading
        await self._settle()

    def _patience_s(self) -> float:
        """How long to wait for a commit: not past the time of states that have not been told."""
        wait_s = self._settings.poll_ms / 1_000
        return min(wait_s, _STATES_EVERY_S) if self._states.waiting else wait_s

    async def _tell(self, rows: list[Row]) -> None:
        size = max(1, self._settings.relay_in_flight_max // 2)
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            batch = [decoded(row, self._mapper) for row in some]
            told = self._events.sequence
            self._witness.note(Place(self._generation, some[-1].position, row_hash(some[-1])))
            await self._tell_conflicts(batch)
            new = [pair for pair in zip(some, batch, strict=True) if pair[0].position > told]
            await self._events.append([self._frame(row, recorded) for row, recorded in new])
            await self._states.fold(batch)
            self._place = some[-1].position
            self._health.position = self._events.acknowledged

    async def _settle(self) -> None:
        """Everything read so far is in the streams, the states last."""
        await self._events.settle()
        self._health.position = self._events.acknowledged
        if not self._states.waiting:
            self._states.place = max(self._states.place, self._place)
        elif self._may_tell_states():
            await self._states.flush(self._place)

    def _may_tell_states(self) -> bool:
        """Not before those that will be replaced could be read. Raises `Broken` if they cannot."""
        if self._reading is None or not self._reading.done():
            return False
        self._reading.result()
        return True

    def _frame(self, row: Row, recorded: Recorded) -> Frame:
        told = event_message(recorded, self._generation)
        return Frame(told.subject, event_headers(row, told, self._generation), told.payload)

    async def _tell_conflicts(self, batch: Sequence[Recorded]) -> None:
        frames = []
        for recorded in batch:
            if recorded.topic.startswith("conflict.") and recorded.position > self._conflicts_told:
                message = conflict_message(recorded, event_message(recorded, self._generation))
                assert message is not None, recorded.topic
                told = message._replace(message_id=message.message_id + self._retelling)
                headers = headers_of(told, recorded.position, self._generation)
                frames.append(Frame(message.subject, headers, message.payload))
                self._conflicts_told = recorded.position
        if frames:
            await self._conflicts.append(frames)
            await self._conflicts.settle()

    async def _note(self, *, always: bool = False) -> None:
        """What may have been told by now; and whether something is asked for."""
        now, told = asyncio.get_running_loop().time(), self._events.sequence
        if not always and now - self._noted_at < _NOTE_S:
            return
        if always or told != self._noted or now - self._said_at > SAY_EVERY_S:
            await self._board.told(self._generation, told, self._witness.name)
            self._noted, self._said_at = told, now
        self._noted_at = now
        kept, _, asked = await self._board.kept()
        if kept is not None and kept.generation != self._generation:
            raise BeginAnew(f"generation {kept.generation} has begun")
        if asked and asked != self._mending.asked:
            raise BeginAnew(f"{asked} is asked for")

    async def _tell_conflicts_anew(self) -> None:
        """Empty their stream and tell all of them; those who follow it know each by its number."""
        await self._js.purge_stream(messages.CONFLICTS_STREAM)
        self._retelling = f":{self._conflicts.sequence}"
        try:
            await self._open_conflicts(self._place)
        finally:
            self._retelling = ""

    async def _open_conflicts(self, place: int) -> None:
        """Go on after the last conflict told; tell those a lost tail of their stream left out."""
        info = await self._js.stream_info(messages.CONFLICTS_STREAM)
        await self._conflicts.open(info.state.last_seq)
        self._conflicts_told = 0
        with suppress(nats.js.errors.NotFoundError):
            last = await self._js.get_last_msg(messages.CONFLICTS_STREAM, "inventory.conflicts.>")
            self._conflicts_told = int((last.headers or {}).get(messages.POSITION, 0))
        lost = await self._log.conflicts(self._conflicts_told, place)
        await self._tell_conflicts([decoded(row, self._mapper) for row in lost])


async def connect_once(
    url: str | None, on_closed: Sequence[Callable[[], None]] = (), **login: Any
) -> Client:
    """A connection that ends at its first failure: what follows is a new life, compared anew.

    So nothing is ever buffered while disconnected and sent later, when the place has moved on.
    """
    assert url is not None, "the relay is told where the message server is"

    async def closed() -> None:
        for callback in on_closed:
            callback()

    options: dict[str, Any] = {
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,  # 0 would mean for ever, even for the first connection.
        "reconnect_time_wait": _RETRY_MIN_S,
        "connect_timeout": int(_PUBLISH_TIMEOUT_S),
        "pending_size": 0,
        "error_cb": _log_error,
        "closed_cb": closed,
    }
    client = LazyClient()
    await client.connect(url, **(options | login))
    return client


async def _close(client: Client) -> None:
    with suppress(*_WORLD_FAILURES):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await client.close()


async def _log_error(error: Exception) -> None:
    logger.info("message server: %r", error)
