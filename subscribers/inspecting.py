"""The copies beside the ledger, all of them, message by message: what differs, in bites.

Reads both sides and writes to neither. What it compares ends where all had been told when it
began, so that what is still on its way is never taken for lost.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg

from ledger.domain.events import StockEvent
from ledger.store.mapper import Mapper
from subscribers import messages
from subscribers.audit import Walk
from subscribers.ledger_log import LedgerLog, Row, decoded
from subscribers.levels import Level, state_message, stock_subject
from subscribers.sdk.direct import SUBJECT, direct_get
from subscribers.translate import conflict_message, event_message

SHOWN_MAX: Final = 100
"""Differences of one stream that are named; what is wrong so often is wrong altogether."""

_STOCKS_AT_ONCE: Final = 500
_START: Final = ("stock/", 0)


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be compared: the streams, and up to where each has been told."""

    generation: int
    events: int
    states: int
    streams: tuple[str, ...]
    bite: int = 1_000
    percent: int = 100  # Of the time, that it may work.


class Report(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a stream has been compared, and what differs: a position, or stocks."""

    stream: str
    compared: int
    position: int = 0
    what: str = ""
    stocks: tuple[str, ...] = ()
    unknown: bool = False  # The stocks are those that the ledger does not have.
    unreadable: bool = False  # Nothing may be written over it.
    ended_ms: int = 0


async def inspect(log: LedgerLog, client: Client, plan: Plan) -> AsyncIterator[Report]:
    """One round over everything that is planned, in the plan's order."""
    inspector = Inspector(log, client, plan)
    walks = {
        messages.EVENTS_STREAM: inspector.events,
        messages.CONFLICTS_STREAM: inspector.conflicts,
        messages.STOCK_STREAM: inspector.states,
    }
    for stream in plan.streams:
        began, busy = time.monotonic(), time.monotonic()
        report = Report(stream=stream, compared=0)
        async for report in walks[stream]():
            yield report
            await _rest(time.monotonic() - busy, plan.percent)
            busy = time.monotonic()
        ms = max(1, round((time.monotonic() - began) * 1_000))
        yield Report(stream=stream, compared=report.compared, ended_ms=ms)


async def _rest(busy_s: float, percent: int) -> None:
    """Work for a share of the time only; give way in any case."""
    await asyncio.sleep(busy_s * (100 - percent) / percent)


class Inspector:
    """The walks of one round."""

    def __init__(self, log: LedgerLog, client: Client, plan: Plan) -> None:
        self._log = log
        self._client = client
        self._plan = plan
        self._mapper = Mapper()

    # --- events -------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[Report]:
        """Position by position."""
        walk, last, named = Walk(self._log, self._client), self._plan.events, 0
        await walk.begin()
        async for end, differing in walk.bites(1, last, last, self._plan.bite):
            for found in differing[: SHOWN_MAX - named]:
                named += 1
                yield self._events(end, found.position, found.what)
            yield self._events(end)

    @staticmethod
    def _events(end: int, position: int = 0, what: str = "") -> Report:
        return Report(stream=messages.EVENTS_STREAM, compared=end, position=position, what=what)

    # --- conflicts ----------------------------------------------------------------------------

    async def conflicts(self) -> AsyncIterator[Report]:
        """Message by message, as the ledger has them; the first that differs ends it."""
        walk = Walk(self._log, self._client, messages.CONFLICTS_STREAM)
        stream, after, compared, sequence = messages.CONFLICTS_STREAM, 0, 0, 0
        told: list[Msg] = []
        while rows := await self._log.read("conflicts_after", after, self._plan.events):
            while len(told) < len(rows):
                found = await walk.some_after(sequence, self._plan.bite)
                if not found:
                    break
                sequence = max(found)
                told += [found[number] for number in sorted(found)]
            for row, message in zip(rows, [*told, *[None] * len(rows)], strict=False):
                if what := self._conflict(row, message):
                    yield Report(stream=stream, compared=compared, position=row.position, what=what)
                    return
            told, after = told[len(rows) :], rows[-1].position
            compared += len(rows)
            yield Report(stream=stream, compared=compared)

    def _conflict(self, row: Row, message: Msg | None) -> str:
        recorded = decoded(row, self._mapper)
        told = conflict_message(recorded, event_message(recorded, self._plan.generation))
        assert told is not None, row.topic
        if message is None:
            return "missing from the stream"
        headers = message.headers or {}
        is_it = message.data == told.payload and headers.get(SUBJECT) == told.subject
        return "" if is_it else "the stream holds another message"

    # --- last values --------------------------------------------------------------------------

    async def states(self) -> AsyncIterator[Report]:
        """Stock by stock: what each came to, and what its subject says; then what nobody told."""
        compared = 0
        js = self._client.jetstream()
        before = (await js.stream_info(messages.STOCK_STREAM)).state.messages
        told = await self._told()
        if len(told) < before:
            yield self._unreadable(before - len(told))
            return
        async for levels in self._levels():
            wrong = await self._wrong_states([one for one in levels if not self._is_in(told, one)])
            compared += len(levels)
            yield self._states(compared, tuple(level.stock_id.stream for level in wrong))
        if (await js.stream_info(messages.STOCK_STREAM)).state.messages > compared:
            async for unknown in self._unknown():
                yield self._states(compared, unknown, unknown=True)

    @staticmethod
    def _states(compared: int, stocks: tuple[str, ...], *, unknown: bool = False) -> Report:
        what = "a stock that the ledger does not have" if unknown else "not the state that it is"
        return Report(
            stream=messages.STOCK_STREAM,
            compared=compared,
            stocks=stocks,
            what=what if stocks else "",
            unknown=unknown,
        )

    async def _levels(self) -> AsyncIterator[list[Level]]:
        """Every stock as it was where the states had been told, some at a time."""
        levels: list[Level] = []
        place = _START
        while rows := await self._log.read("stocks_after", *place, self._plan.states):
            for row in rows:
                recorded = decoded(row, self._mapper)
                assert isinstance(recorded.event, StockEvent), row.topic
                if not levels or levels[-1].stock_id != recorded.event.stock_id:
                    if len(levels) >= _STOCKS_AT_ONCE:
                        yield levels
                        levels = []
                    levels.append(Level(recorded.event.stock_id))
                levels[-1].apply(recorded)
            place = rows[-1].stream, rows[-1].version
        if levels:
            yield levels

    @staticmethod
    def _unreadable(count: int) -> Report:
        what = f"{count} states that cannot be read"
        return Report(stream=messages.STOCK_STREAM, compared=0, what=what, unreadable=True)

    async def _told(self) -> dict[int, int]:
        """Every state of the stream, subject and message by their hashes: read in its own order.

        Asking the server for the last of each of many subjects takes it ten times as long.
        """
        walk, sequence = Walk(self._log, self._client, messages.STOCK_STREAM), 0
        told: dict[int, int] = {}
        while found := await walk.some_after(sequence, self._plan.bite):
            sequence = max(found)
            for message in found.values():
                told[hash((message.headers or {}).get(SUBJECT, ""))] = hash(message.data)
            await asyncio.sleep(0)
        return told

    def _is_in(self, told: dict[int, int], level: Level) -> bool:
        message = state_message(level, self._plan.generation)
        return told.get(hash(message.subject)) == hash(message.payload)

    async def _wrong_states(self, levels: Sequence[Level]) -> list[Level]:
        """Those that are still not told: asked for by their subjects, one page at most."""
        if not levels:
            return []
        subjects = [stock_subject(level.stock_id) for level in levels]
        found, _ = await direct_get(
            self._client, messages.STOCK_STREAM, multi_last=subjects, batch=len(subjects)
        )
        told = {(message.headers or {}).get(SUBJECT, ""): message for message in found}
        return [
            level
            for level, subject in zip(levels, subjects, strict=True)
            if not await self._is_told(level, told.get(subject))
        ]

    async def _is_told(self, level: Level, message: Msg | None) -> bool:
        """Whether a message tells a level, or what it came to later."""
        if message is None:
            return False
        if message.data == state_message(level, self._plan.generation).payload:
            return True
        try:
            version = messages.decode(message.data).streamversion
        except msgspec.MsgspecError:
            return False
        if version <= level.version:
            return False
        rows = self._log.of_stream(level.stock_id.stream, version, after=level.version)
        async for row in rows:
            level.apply(decoded(row, self._mapper))
        return bool(message.data == state_message(level, self._plan.generation).payload)

    async def _unknown(self) -> AsyncIterator[tuple[str, ...]]:
        """Stocks that are in the stream of states only."""
        walk, sequence = Walk(self._log, self._client, messages.STOCK_STREAM), 0
        while found := await walk.some_after(sequence, self._plan.bite):
            sequence = max(found)
            names = {
                stream_of((message.headers or {}).get(SUBJECT, "")) for message in found.values()
            }
            known = await self._log.streams_known(sorted(names))
            if unknown := names - known:
                yield tuple(sorted(unknown))


def stream_of(subject: str) -> str:
    """The ledger's name of the stock whose state is told on a subject."""
    location, _, sku = subject.removeprefix("inventory.stock.").partition(".")
    return f"stock/{location}/{sku}"
