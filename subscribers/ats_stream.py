"""`INVENTORY_ATS` as its one writer sees it: where to go on, what is missing, what is told.

The channel log is the outbox. The stream's last message says up to where everything has been told
(`Ledger-Told`), and has to be what the log holds there: a stream that is ahead of the log, or says
something else, is another ledger's, and only an explicit new generation goes on.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, StreamInfo

from projections.availability.answers import Told
from projections.availability.log import Log, Place
from subscribers import messages
from subscribers.ats import ats_frame, ats_message
from subscribers.copies import mended_if_broken
from subscribers.fenced import FencedStream, Overtaken
from subscribers.opening import Diverged
from subscribers.streams import GENERATION_KEY, ensure, filled, generation_of, is_filling

ALL: Final = "inventory.ats.>"
PAGE: Final = 2_000
"""Values read and sent at a time when a stream has fallen behind its log."""


class AtsStream:
    """Appends values; `sequence` is the last one sent."""

    def __init__(self, client: Client, log: Log, *, in_flight_max: int, timeout_s: float) -> None:
        """Nothing is read before `generation`."""
        self._js: JetStreamContext = client.jetstream(timeout=timeout_s)
        self._stream = FencedStream(client, in_flight_max=in_flight_max, timeout_s=timeout_s)
        self._log = log
        self.filling = False  # Whether nobody is given what it holds as the present yet.

    @property
    def sequence(self) -> int:
        """The last sequence sent."""
        return self._stream.sequence

    def disconnected(self) -> None:
        """No answer will come any more."""
        self._stream.disconnected()

    async def generation(self, kept: int) -> int:
        """Which copy the stream is; one that was lost and made anew is the copy it was.

        Raises `Diverged` where it is an older one than the log tells.
        """
        await ensure(self._js)
        self.filling = await is_filling(self._js)
        found = await generation_of(self._js, messages.ATS_STREAM)
        if found >= kept:
            return found
        info = await self._info()
        if info.state.last_seq:
            raise Diverged(f"the stream is of generation {found}, the channel log of {kept}")
        metadata = {**(info.config.metadata or {}), GENERATION_KEY: str(kept)}
        await self._js.update_stream(info.config.evolve(metadata=metadata))
        return kept

    async def filled(self) -> None:
        """All that there is has been told: the stream holds the present from now on."""
        await self.settle()
        await filled(self._js)
        self.filling = False

    async def is_still(self, generation: int) -> None:
        """Raises `Overtaken` where people have begun another copy meanwhile."""
        found = await generation_of(self._js, messages.ATS_STREAM)
        if found != generation:
            raise Overtaken(f"the stream is of generation {found} now")

    async def open(self, place: Place) -> None:
        """Find where to go on, and tell what the log holds beyond. Raises `Diverged`."""
        info = await self._info()
        await self._stream.open(info.state.last_seq)
        through = 0 if not info.state.messages else await self._compared_tail(place)
        while rows := await self._log.unsent(place.generation, through, place.told, PAGE):
            await self._again([(row, row.told) for row in rows])
            await self._log.stay()
            through = rows[-1].told

    async def tell(self, rows: Sequence[Told]) -> None:
        """Send values in their order."""
        async with self._mended():
            await self._stream.append([ats_frame(row, row.told) for row in rows])

    async def tell_again(self, rows: Sequence[Told], through: int) -> None:
        """Send values that the stream has lost, though it has those after them."""
        if rows:
            await self._again([(row, through) for row in rows])

    async def _again(self, rows: Sequence[tuple[Told, int]]) -> None:
        """Send values that were sent before, as far as the log knows.

        Where they will be is noted first: whoever is killed in between is followed by one who
        finds that they are missing, and notes another place; afterwards, nobody would.
        """
        first = self.sequence + 1
        await self._log.sent_again([row for row, _ in rows], first)
        async with self._mended():
            await self._stream.append(
                [ats_frame(row, through, first + n) for n, (row, through) in enumerate(rows)]
            )
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything sent is in the stream."""
        async with self._mended():
            await self._stream.settle()

    @asynccontextmanager
    async def _mended(self) -> AsyncIterator[None]:
        """Raises `Broken` where the stream takes nothing any more; it is empty then."""
        try:
            yield
        except Overtaken:
            generation = await generation_of(self._js, messages.ATS_STREAM)
            place = generation, self._stream.acknowledged
            await mended_if_broken(self._js, messages.ATS_STREAM, *place)
            raise

    async def subjects(self) -> int:
        """On how many subjects the stream has a value."""
        return int((await self._info()).state.messages)

    async def _info(self) -> StreamInfo:
        return await self._js.stream_info(messages.ATS_STREAM)

    async def _compared_tail(self, place: Place) -> int:
        """Up to where all has been told, after holding the last message against the log."""
        try:
            last = await self._js.get_last_msg(messages.ATS_STREAM, ALL)
        except nats.js.errors.NotFoundError as gone:
            raise Diverged("the stream's last message is gone") from gone
        headers = last.headers or {}
        found = headers.get(messages.GENERATION), headers.get(messages.TOLD, "")
        if found[0] != str(place.generation) or not found[1].isdecimal():
            raise Diverged(f"the stream's last message is of another writer: {found}")
        through, told = int(found[1]), _told_in(last)
        if through > place.told:
            raise Diverged(f"the stream is ahead: told are {place.told}, it has {through}")
        row = await self._log.at(place.generation, told)
        if row is None or ats_message(row).payload != last.data:
            raise Diverged(f"value {told} is another one in the stream than in the channel log")
        return through


def _told_in(message: RawStreamMsg | Msg) -> int:
    state = messages.decode(message.data or b"").data
    return state.told if isinstance(state, messages.AtsState) else 0
