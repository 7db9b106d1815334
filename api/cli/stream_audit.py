"""The part of `verify` that compares the stream: in a process of its own, where that pays."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import nats
import nats.js.errors

from ledger.domain.laws import Breach
from ledger.settings import login_with
from ledger.store.mapper import UnknownEvent
from projections.audit.log import Reading, Source
from projections.audit.verification import Progress, silent
from subscribers.ats_audit import other_values
from subscribers.audit import differences, first_other_checkpoint
from subscribers.messages import ATS_STREAM, EVENTS_STREAM, ats_subject

BESIDE_EVENTS_MIN: Final = 50_000
"""Below it, another process would take longer to start than to compare."""

STREAM_PATIENCE_S: Final = 10.0
"""How long the relay may make no progress at all before the stream is compared as it is."""

CONNECT_TIMEOUT_S: Final = 5.0
"""A bus that answers at all does so at once."""

_LOOK_S: Final = 0.1
_STEP: Final = "stream"

_told: Any = None  # In the process beside: how far it is, for the one that shows it.


class Address(NamedTuple):
    """Where the bus is, and the file with which one logs in there."""

    url: str
    credentials: str | None

    @classmethod
    def of(cls, url: str | None, credentials: str | None) -> "Address | None":
        """None where no bus is known."""
        return None if url is None else cls(url, credentials)

    @property
    def login(self) -> dict[str, Any]:
        """What its client is told beside the URL."""
        return login_with(self.credentials)


class StreamAudit:
    """Compares ranges of the stream with the ledger; None where no stream is known."""

    def __init__(self, bus: Address | None, database_url: str, progress: Progress) -> None:
        self._bus = bus
        self._database_url = database_url
        self._progress = progress
        self._done = range(0)
        self._found: list[Breach] = []

    def compare(self, first: int, last: int) -> list[Breach] | None:
        """What differs in a range, what was compared beside another step included."""
        if self._bus is None:
            return None
        found, done = self._found, self._done
        before, after = (first, last), (last + 1, last)
        if done:
            before, after = (first, done.start - 1), (max(first, done.stop), last)
        for start, end in (before, after):
            if start <= end:
                found += _compare(self._bus, self._database_url, start, end, self._progress)
        return [*found, *asyncio.run(_other_values(self._bus, self._database_url))]

    @contextmanager
    def beside(self, first: int) -> Iterator[Progress]:
        """While something else is done, compare from a position to the present head.

        Yields who is to be told how far the other thing is: he shows both.
        """
        with Source(Reading(self._database_url)) as source:
            head = (source.one("head") or (0,))[0]
        if self._bus is None or head - first < BESIDE_EVENTS_MIN:
            yield self._progress
            return
        spawn = multiprocessing.get_context("spawn")
        told = spawn.Value("q", first - 1)
        with ProcessPoolExecutor(1, spawn, initializer=_share, initargs=(told,)) as beside:
            coming = beside.submit(_compare_beside, self._bus, self._database_url, first, head)

            def both(step: str, done: int, total: int | None) -> None:
                self._progress(step, done, total)
                self._progress(_STEP, told.value, head)

            yield both
            self._found += self._awaited(coming, lambda: both(_STEP, told.value, head))
            self._done = range(first, head + 1)

    def _awaited(self, coming: "Future[list[Breach]]", show: Any) -> list[Breach]:
        while not wait([coming], _LOOK_S).done:
            show()
        return coming.result()


def _share(told: Any) -> None:
    global _told  # noqa: PLW0603 - how a pool hands something to its process
    _told = told


def _compare_beside(bus: Address, database_url: str, first: int, last: int) -> list[Breach]:
    def progress(step: str, done: int, total: int | None) -> None:
        del step, total
        _told.value = done

    return _compare(bus, database_url, first, last, progress)


def _compare(
    bus: Address, database_url: str, first: int, last: int, progress: Progress = silent
) -> list[Breach]:
    return asyncio.run(_compared(bus, database_url, first, last, progress))


async def _compared(
    bus: Address, database_url: str, first: int, last: int, progress: Progress
) -> list[Breach]:
    await _caught_up(bus, last)

    compared = first - 1

    def tell(done: int) -> None:
        nonlocal compared
        compared = done
        progress(_STEP, done, last)

    found: list[Breach] = []
    try:
        async for one in differences(bus.url, database_url, first, last, tell, **bus.login):
            found.append(Breach(15, one.position, f"stream: {one.what}"))  # noqa: PERF401 - kept
    except (msgspec.MsgspecError, UnknownEvent) as error:
        # The row itself is named by law 17; what was found before it must not be lost.
        what = f"stream: not compared any further, an event cannot be read: {error}"
        found.append(Breach(15, compared + 1, what))
    other = await first_other_checkpoint(bus.url, database_url, **bus.login)
    if other is not None:
        found.append(Breach(15, max(1, other.position), f"stream: {other.what}"))
    return found


async def _other_values(bus: Address, database_url: str) -> list[Breach]:
    """The last values of channels: few beside the events, so that they are compared each time."""
    found: list[Breach] = []
    async for wrong in other_values(bus.url, database_url, **bus.login):
        told = wrong.told
        subject = ats_subject(told.channel, told.sku, told.location or None)
        found.append(Breach(16, told.position, f"{ATS_STREAM}, {subject}: {wrong.what}"))
    return found


async def _caught_up(bus: Address, position: int) -> None:
    """Wait for the relay while it moves. What it never brings is then found missing."""
    async with asyncio.timeout(CONNECT_TIMEOUT_S):  # The client itself would try for minutes.
        client = await nats.connect(bus.url, error_cb=_nothing, **bus.login)
    try:
        told, deadline = -1, time.monotonic() + STREAM_PATIENCE_S
        while told < position and time.monotonic() < deadline:
            try:
                info = await client.jetstream().stream_info(EVENTS_STREAM)
            except nats.js.errors.NotFoundError:
                last = 0
            else:
                last = info.state.last_seq
            if last > told:
                told, deadline = last, time.monotonic() + STREAM_PATIENCE_S
            if told < position:
                await asyncio.sleep(_LOOK_S)
    finally:
        await client.close()


async def _nothing(error: Exception) -> None:
    """What goes wrong with the bus is raised where it was asked; a log line would say it twice."""
