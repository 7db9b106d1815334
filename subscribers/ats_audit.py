"""The channel log beside `INVENTORY_ATS`: the last value of every subject, in both.

Reads both sides in bites: no long snapshot, no consumer.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from psycopg import AsyncConnection

from ledger.clock import monotonic
from projections.availability.answers import Told
from projections.availability.log import Log
from projections.progress import PROJECTED
from subscribers import messages
from subscribers.ats import ats_message
from subscribers.sdk.client import ONCE, open_client
from subscribers.sdk.direct import SUBJECT, direct_get
from subscribers.translate import Outgoing

PAGE: Final = 1_000
"""Subjects compared at a time; the server answers about 1,024 at most."""

PATIENCE_S: Final = 3.0
"""How long a value may be on its way, before it is missing."""

COMPARE: Final = "compare"
"""What the teller is told, where it hears of projections, by whoever wants all compared now."""

_LOOK_S: Final = 0.1
_REQUEST_BYTES_MAX: Final = 512 * 1024  # Names of subjects, in one message of at most 1 MiB.
_START: Final = ("", "", "")


class Wrong(NamedTuple):
    """A value that the stream does not have as the log does, and how."""

    told: Told
    what: str


async def other_values(nats_url: str, conninfo: str, **connection: Any) -> AsyncIterator[Wrong]:
    """Values that the stream does not have as the channel log does, where a teller may be at work.

    What it is about to tell is not missing: whatever differs has some seconds to come right.
    """
    async with AsyncExitStack() as stack:
        client = await open_client(nats_url, **(ONCE | connection))
        stack.push_async_callback(client.close)
        database = await AsyncConnection.connect(conninfo, autocommit=True)
        stack.push_async_callback(database.close)
        log = Log(database, "verify", 0)
        generation = (await log.place()).generation
        walk = Walk(client, log, generation)
        while not walk.ended:
            wrong = await walk.page()
            deadline = monotonic() + PATIENCE_S
            while wrong and monotonic() < deadline:
                await asyncio.sleep(_LOOK_S)
                wrong = await walk.compare(await log.lasts_of([one.told for one in wrong]))
            for one in wrong:
                yield one


async def ask_for_comparison(conninfo: str) -> None:
    """Have the teller compare everything, and tell again what was lost."""
    async with await AsyncConnection.connect(conninfo, autocommit=True) as database:
        await database.execute(f"notify {PROJECTED}, '{COMPARE}'")


class Walk:
    """One pass over all subjects, a page at a time."""

    def __init__(self, client: Client, log: Log, generation: int) -> None:
        """Begin before the first subject."""
        self._client = client
        self._log = log
        self._generation = generation
        self._after: tuple[str, str, str] | None = _START
        self.compared = 0

    @property
    def ended(self) -> bool:
        """Whether every subject has been compared."""
        return self._after is None

    async def page(self) -> list[Wrong]:
        """Compare the next page."""
        assert self._after is not None, "the walk has ended"
        rows = await self._log.last_of_each(self._after, PAGE)
        last = rows[-1] if len(rows) == PAGE else None
        self._after = None if last is None else (last.channel, last.sku, last.location)
        wrong = await self.compare([row for row in rows if row.generation == self._generation])
        self.compared += len(rows)
        return wrong

    async def compare(self, rows: Sequence[Told]) -> list[Wrong]:
        """Which of some values are not the last of their subjects in the stream."""
        expected = [ats_message(row) for row in rows]
        told = {
            (message.headers or {}).get(SUBJECT, ""): message
            async for message in self._last(expected)
        }
        return [
            Wrong(row, what)
            for row, out in zip(rows, expected, strict=True)
            if (what := _difference(row, out, told.get(out.subject)))
        ]

    async def _last(self, expected: Sequence[Outgoing]) -> AsyncIterator[Msg]:
        subjects: list[str] = []
        size = 0
        for out in expected:
            subjects.append(out.subject)
            size += len(out.subject)
            if size > _REQUEST_BYTES_MAX:
                for message in await self._ask(subjects):
                    yield message
                subjects, size = [], 0
        for message in await self._ask(subjects):
            yield message

    async def _ask(self, subjects: list[str]) -> list[Msg]:
        if not subjects:
            return []
        wanted = {"multi_last": subjects, "batch": len(subjects)}
        found, _ = await direct_get(self._client, messages.ATS_STREAM, **wanted)
        return found


def _difference(row: Told, out: Outgoing, message: Msg | None) -> str | None:
    if message is None:
        return "missing from the stream"
    if message.data != out.payload:
        return "the stream holds another value"
    generation = (message.headers or {}).get(messages.GENERATION)
    if generation != str(row.generation):
        return f"the stream says generation {generation!r}, the log {row.generation}"
    return None
