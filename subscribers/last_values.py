"""The last state of every stock in `INVENTORY_STOCK`: one message a stock, newest wins.

States are folded here, one event after the other, going on from the very messages told before;
where one is missing, from the ledger. They are told conflated: a stock touched a hundred times
between two flushes is told once. Each flush also says, in the header `Ledger-Through`, up to
which position everything had been told before it began. That header of the stream's last
message is where a restarted relay goes on, and from where a late joiner follows the events.

Where the stream was lost, or its last message is, new states go on being told, but nothing is said
to be complete until an inspection has named what is missing and that has been told anew.
"""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from ledger.domain.events import StockEvent
from ledger.domain.values import StockId
from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from subscribers import messages
from subscribers.copies import mended_if_broken
from subscribers.fenced import FencedStream, Frame, Overtaken
from subscribers.ledger_log import LedgerLog, decoded
from subscribers.levels import Level, VersionGap, read_state, state_message, stock_subject
from subscribers.translate import SHARD, Outgoing

_LEVELS_MAX: Final = 200_000  # About 150 MB; beyond, states are read back when needed.
_LOADS_AT_ONCE: Final = 64
_RENEWED_AT_ONCE: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LastValues:
    """Folds stock events and tells the states they leave behind."""

    def __init__(
        self, js: JetStreamContext, stream: FencedStream, log: LedgerLog, mapper: Mapper
    ) -> None:
        """Nothing is read before `open`."""
        self._js = js
        self._stream = stream
        self._log = log
        self._mapper = mapper
        self._levels: dict[StockId, Level] = {}
        self._touched: set[StockId] = set()
        self._renewed: set[StockId] = set()
        self._renewals = itertools.count(1)
        self._generation = 0
        self._told_max = 0
        self.through = 0  # Said to be complete up to here.
        self.place = 0  # All touched since `open` has been told up to here.
        self.whole = True

    async def open(self, generation: int, told_max: int) -> int:
        """Find the place to go on from: everything up to it has been told, or is missing.

        `told_max` is the last event that was ever told: no state can be newer than that.
        """
        self._generation, self._told_max = generation, told_max
        info = await self._js.stream_info(messages.STOCK_STREAM)
        await self._stream.open(info.state.last_seq)
        self.through = 0
        try:
            last = await self._js.get_last_msg(messages.STOCK_STREAM, "inventory.stock.>")
        except NotFoundError:
            self.place, self.whole = told_max, not told_max
            return told_max
        headers = last.headers or {}
        if headers.get(messages.GENERATION) == str(generation):
            self.through = min(int(headers.get(messages.THROUGH, 0)), told_max)
        self.place = self.through
        return self.through

    @property
    def waiting(self) -> bool:
        """Whether some state has not been told yet."""
        return bool(self._touched)

    async def fold(self, batch: list[Recorded]) -> None:
        """Apply a batch in ledger order."""
        stocks = [r for r in batch if isinstance(r.event, StockEvent)]
        await self._load(stocks)
        levels, touched = self._levels, self._touched
        for recorded in stocks:
            event = recorded.event
            assert isinstance(event, StockEvent)
            stock_id = event.stock_id
            try:
                changed = levels[stock_id].apply(recorded)
            except VersionGap:
                levels[stock_id] = await self._rebuild(stock_id, recorded.version)
                changed = True
            if changed:
                touched.add(stock_id)

    async def flush(self, through: int) -> None:
        """Tell every touched state; returns when the server has them all."""
        frames = [self._frame(self._levels[stock_id]) for stock_id in self._touched]
        try:
            await self._stream.append(frames)
            await self._stream.settle()
        except Overtaken:
            place = self._generation, self._stream.acknowledged
            await mended_if_broken(self._js, messages.STOCK_STREAM, *place)
            raise
        self._touched.clear()
        self._renewed.clear()
        self.place = through
        if self.whole:
            self.through = through
        if len(self._levels) > _LEVELS_MAX:
            self._levels.clear()
            self._told_max = through

    async def renew(self, stocks: Sequence[str], place: int) -> None:
        """Have states told anew, from the ledger as it was at a place, whatever was told."""
        for start in range(0, len(stocks), _RENEWED_AT_ONCE):
            anew = await self._folded(list(stocks[start : start + _RENEWED_AT_ONCE]), place)
            self._levels |= anew
            self._touched |= anew.keys()
            self._renewed |= anew.keys()
            await self.flush(place)

    async def _folded(self, stocks: list[str], place: int) -> dict[StockId, Level]:
        """Some stocks from their beginnings to a place in the ledger."""
        levels: dict[StockId, Level] = {}
        after: tuple[str, int] = ("", 0)
        while rows := await self._log.read("stocks", stocks, *after, place):
            for recorded in (decoded(row, self._mapper) for row in rows):
                assert isinstance(recorded.event, StockEvent)
                stock_id = recorded.event.stock_id
                levels.setdefault(stock_id, Level(stock_id)).apply(recorded)
            after = rows[-1].stream, rows[-1].version
        return levels

    async def mended(self, place: int) -> None:
        """All that was missing has been told: from now on, say that the states are complete."""
        if not self.whole:
            await self.flush(place)
            self.whole, self.through = True, place
            await self._say_through(place)

    async def _say_through(self, place: int) -> None:
        """Tell some state anew, for what its header says."""
        for stock_id in self._levels:
            self._touched.add(stock_id)
            self._renewed.add(stock_id)
            await self.flush(place)
            return

    def _frame(self, level: Level) -> Frame:
        told = state_message(level, self._generation)
        through = f"{messages.THROUGH}: {self.through}\r\n"
        if level.stock_id in self._renewed:  # The server takes no id twice within two minutes.
            number = next(self._renewals)
            again = f"{told.message_id}:{self._stream.sequence}:{number}"
            told = told._replace(message_id=again)
        return Frame(
            told.subject, headers_of(told, level.position, self._generation) + through, told.payload
        )

    async def _load(self, batch: list[Recorded]) -> None:
        """Bring in the states this batch goes on from, but not those that cannot exist yet."""
        missing: dict[StockId, None] = {}
        for recorded in batch:
            assert isinstance(recorded.event, StockEvent)
            stock_id = recorded.event.stock_id
            if stock_id in self._levels or stock_id in missing:
                continue
            if recorded.version == 1 and recorded.position > self._told_max:
                self._levels[stock_id] = Level(stock_id)
            else:
                missing[stock_id] = None
        ids = list(missing)
        for start in range(0, len(ids), _LOADS_AT_ONCE):
            for level in await asyncio.gather(
                *map(self._read, ids[start : start + _LOADS_AT_ONCE])
            ):
                self._levels[level.stock_id] = level

    async def _read(self, stock_id: StockId) -> Level:
        try:
            told: RawStreamMsg | Msg = await self._js.get_last_msg(
                messages.STOCK_STREAM, stock_subject(stock_id), direct=True
            )
        except NotFoundError:
            return Level(stock_id)
        if (told.headers or {}).get(messages.GENERATION) != str(self._generation):
            return Level(stock_id)
        state = messages.decode(told.data or b"").data
        assert isinstance(state, messages.StockState), stock_id
        return read_state(state, _instant(state.effective_at))

    async def _rebuild(self, stock_id: StockId, version: int) -> Level:
        """The last value was lost: fold the stock's own stream from its beginning."""
        level = Level(stock_id)
        async for row in self._log.of_stream(stock_id.stream, version):
            level.apply(decoded(row, self._mapper))
        return level


def headers_of(told: Outgoing, position: int, generation: int) -> str:
    """The header lines every message of ours carries."""
    return (
        f"{messages.MESSAGE_ID}: {told.message_id}\r\n"
        f"{messages.POSITION}: {position}\r\n"
        f"{messages.GENERATION}: {generation}\r\n"
        f"{messages.SHARD}: {SHARD}\r\n"
        f"{messages.TRACE}: {told.trace}\r\n"
    )


def _instant(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
