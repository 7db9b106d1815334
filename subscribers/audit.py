"""The auditor's walk: ledger and stream side by side, position by position.

Each event must be in the stream exactly once, in its place, and say what translating its row
again says. Reads both sides in bites: no long snapshot, no consumer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from ledger.store.mapper import Mapper
from subscribers import messages
from subscribers.frames import event_headers
from subscribers.lazy_client import LazyClient, lines_of
from subscribers.ledger_log import LedgerLog, Row, decoded, row_hash
from subscribers.sdk.client import ONCE, open_client
from subscribers.sdk.direct import SEQUENCE, SUBJECT, TIMEOUT_S, direct_get
from subscribers.streams import generation_of
from subscribers.translate import Outgoing, event_message

_BITE: Final = 1_000  # The most that one direct get answers.


class Difference(NamedTuple):
    """Where ledger and stream disagree, and how, in one sentence."""

    position: int
    what: str


async def differences(
    nats_url: str,
    conninfo: str,
    from_position: int = 1,
    to_position: int | None = None,
    progress: Callable[[int], None] | None = None,
    **connection: Any,
) -> AsyncIterator[Difference]:
    """Compare a range of positions, by default all up to the ledger's head at the start.

    `progress` hears the last position compared. Where no end is given, messages beyond the
    head are differences too: the stream must not know more than the ledger. `connection` is passed
    on to the client.
    """
    log = await LedgerLog.connect(conninfo)
    client = await open_client(nats_url, LazyClient, **(ONCE | connection))
    try:
        walk = Walk(log, client)
        tail = await walk.begin()
        last = await log.head() if to_position is None else to_position
        async for end, found in walk.bites(from_position, last, tail):
            for difference in found:
                yield difference
            if progress is not None:
                progress(end)
        if to_position is None and (extra := await walk.beyond(last)):
            yield extra
    finally:
        await client.close()
        await log.close()


async def first_other_checkpoint(
    nats_url: str, conninfo: str, **connection: Any
) -> Difference | None:
    """The first checkpoint that was told and is not what the ledger has in its place, if any.

    They are told in the order in which they were signed, each once: the nth message is the nth.
    What the relay is about to tell is not missing.
    """
    log = await LedgerLog.connect(conninfo)
    client = await open_client(nats_url, **(ONCE | connection))
    try:
        walk = Walk(log, client, messages.CHECKPOINTS_STREAM)
        return await walk.compare_checkpoints()
    finally:
        await client.close()
        await log.close()


class Walk:
    """Bites of one stream, each beside the ledger's."""

    def __init__(
        self, log: LedgerLog, client: Client, stream: str = messages.EVENTS_STREAM
    ) -> None:
        self._log = log
        self._client = client
        self._stream = stream
        self._js: JetStreamContext = client.jetstream(timeout=TIMEOUT_S)
        self._mapper = Mapper()
        self._generation = 0

    async def begin(self) -> int:
        """The stream's tail; 0 where there is no stream: then everything is missing."""
        try:
            self._generation = await generation_of(self._js)
            return int((await self._js.stream_info(messages.EVENTS_STREAM)).state.last_seq)
        except nats.js.errors.NotFoundError:
            return 0

    async def bites(
        self, first: int, last: int, tail: int, size: int = _BITE
    ) -> AsyncIterator[tuple[int, list[Difference]]]:
        """A range bite by bite: where each ends, and what differs. The next one is on its way."""

        def read(start: int) -> asyncio.Task[tuple[list[Row], dict[int, Msg]]]:
            return asyncio.create_task(self._read(start, min(start + size - 1, last), tail))

        upcoming = read(first) if first <= last else None
        try:
            for start in range(first, last + 1, size):
                assert upcoming is not None
                rows, told = await upcoming
                end = min(start + size - 1, last)
                if end < last:
                    upcoming = read(end + 1)
                yield end, self._differing(start, end, rows, told)
        finally:
            if upcoming is not None:
                upcoming.cancel()

    async def compare(self, start: int, end: int, tail: int) -> list[Difference]:
        """One bite of both sides."""
        return self._differing(start, end, *await self._read(start, end, tail))

    async def _read(self, start: int, end: int, tail: int) -> tuple[list[Row], dict[int, Msg]]:
        return await asyncio.gather(
            self._log.readable_after(start - 1, end - start + 1),
            self._messages(start, min(end, tail)),
        )

    def _differing(
        self, start: int, end: int, rows: list[Row], told: dict[int, Msg]
    ) -> list[Difference]:
        by_position = {row.position: row for row in rows}
        found: list[Difference] = []
        for position in range(start, end + 1):
            row, message = by_position.get(position), told.get(position)
            if what := self._difference(row, message):
                found.append(Difference(position, what))
        return found

    async def beyond(self, head: int) -> Difference | None:
        """Whether the stream ends after the ledger does, as the ledger stands now."""
        tail = await self.begin()
        head = max(head, await self._log.head())
        return (
            Difference(tail, f"the stream ends after the ledger ({head})") if tail > head else None
        )

    async def compare_checkpoints(self) -> Difference | None:
        """Both sides in bites, as far as the stream goes; older ones may have been let go."""
        try:
            state = (await self._js.stream_info(self._stream)).state
        except nats.js.errors.NotFoundError:
            return None
        size = -1
        for start in range(1, state.last_seq + 1, _BITE):
            end = min(start + _BITE - 1, state.last_seq)
            told = await self._messages(start, end)
            stored = await self._log.checkpoints(size, end - start + 1)
            for number in range(start, end + 1):
                if number >= start + len(stored):
                    what = f"checkpoint {number} was told and is not in the ledger"
                    return Difference(size + 1, what)
                size, note = stored[number - start]
                message = told.get(number)
                if message is None and number >= state.first_seq:
                    return Difference(size, f"checkpoint {number} is missing from the stream")
                if message is not None and message.data != note.encode():
                    return Difference(size, f"checkpoint {number} was told as another one")
        return None

    def _difference(self, row: Row | None, message: Msg | None) -> str | None:
        if row is None:
            return "the ledger has no event here" if message is None else "told but not recorded"
        if message is None:
            return "missing from the stream"
        told = event_message(decoded(row, self._mapper), self._generation)
        if message.data != told.payload:
            return "the stream holds another content"
        headers = message.headers or {}
        own = event_headers(row, told, self._generation)
        as_told = f"{messages.EXPECTED_LAST_SEQUENCE}: {row.position - 1}\r\n{own}"
        if lines_of(headers).startswith(as_told) and headers.get(SUBJECT) == told.subject:
            return None
        return self._wrong_header(row, told, headers)

    def _wrong_header(self, row: Row, told: Outgoing, headers: dict[str, str]) -> str | None:
        expected = {
            SUBJECT: told.subject,
            messages.POSITION: str(row.position),
            messages.GENERATION: str(self._generation),
            messages.MESSAGE_ID: told.message_id,
            messages.HASH: row_hash(row),
        }
        for name, value in expected.items():
            if headers.get(name) != value:
                return f"the stream says {name} {headers.get(name)!r}, the ledger {value!r}"
        return None

    async def some_after(self, sequence: int, count: int) -> dict[int, Msg]:
        """The next messages there are, at most so many, by sequence."""
        found, _ = await direct_get(self._client, self._stream, seq=sequence + 1, batch=count)
        return {int((message.headers or {})[SEQUENCE]): message for message in found}

    async def _messages(self, start: int, end: int) -> dict[int, Msg]:
        """The messages of a range by sequence. Big ones take several answers."""
        told: dict[int, Msg] = {}
        while start <= end:
            wanted = {"seq": start, "batch": end - start + 1}
            found, more = await direct_get(self._client, self._stream, **wanted)
            some = {int((message.headers or {})[SEQUENCE]): message for message in found}
            told.update((s, message) for s, message in some.items() if s <= end)
            if not more or not some:
                break
            start = max(some) + 1
        return told
