"""A past interval again, SKU by SKU: what a channel would have seen, and what it came to."""

import asyncio
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from ledger.domain.events import AnyEvent, ChannelDefined, LocationDefined
from ledger.domain.values import stream_id
from ledger.store.mapper import Mapper
from projections.what_if.answers import OfSku, Progress
from projections.what_if.asked import Asking
from projections.what_if.parts import Part, parts_of, stocks_of
from projections.what_if.policies import Network
from projections.what_if.reading import AT, NUMBER, VERSION_MAX, Reader, Row

ROWS_AT_ONCE: Final = 5_000
"""Changes read by one statement: some fifty milliseconds, and a few MB."""

SKUS_AT_ONCE: Final = 500
"""Of each a few look-ups: some tens of milliseconds a statement."""

STOCKS_SIZED_AT_ONCE: Final = 200

SIZED_MAX: Final = 100_000
"""Changes counted of one stock: enough to know that it takes a while."""

AHEAD: Final = 2
"""Packs under way: one that is gone through, or waited for, and one that is being read."""

TURN_ROWS: Final = 1_000
"""Gone through before others are served: some ten milliseconds."""

_MAPPER: Final = Mapper()


class Pack(NamedTuple):
    """SKUs that are read together, and about how many changes they have."""

    skus: tuple[str, ...]
    rows: int


class TooMuch(Exception):
    """There is more in the interval than one question may go through."""

    def __init__(self, rows: int, most: int) -> None:
        """Say how much, at least, and how much there may be."""
        super().__init__(f"at least {rows} changes of stocks lie in it, at most {most} may")


async def network(reader: Reader, channel: str) -> Network | None:
    """How a channel was defined over time; none where nobody had defined it."""
    streams = [stream_id("channel", channel)]
    own = await reader.rows("events_of", streams=streams, version=VERSION_MAX)
    if not own:
        return None
    events = [_event(row) for row in own]
    definitions = [event for event in events if isinstance(event, ChannelDefined)]
    rows = await reader.rows("definitions", first="location/", last="location0")
    defined = [event for event in map(_event, rows) if isinstance(event, LocationDefined)]
    return Network(own[-1][2], definitions, {one.location: one for one in defined})


def _event(row: tuple[Any, ...]) -> AnyEvent:
    return _MAPPER.body(row[3], row[4]).event


async def packs(asking: Asking, reader: Reader, most: int) -> list[Pack]:
    """The SKUs to which anything happened, some at a time. Raises `TooMuch`."""
    found: list[Pack] = []
    skus: list[str] = []
    rows = total = 0
    async for sku, size in _sizes(asking, reader):
        total += size
        if total > most:
            raise TooMuch(total, most)
        if skus and (rows + size > ROWS_AT_ONCE or len(skus) == SKUS_AT_ONCE):
            found.append(Pack(tuple(skus), rows))
            skus, rows = [], 0
        skus.append(sku)
        rows += size
    if skus:
        found.append(Pack(tuple(skus), rows))
    return found


async def _sizes(asking: Asking, reader: Reader) -> AsyncIterator[tuple[str, int]]:
    """SKUs to which anything happened at all, and about how much."""
    last, size = ("", ""), 0
    while True:
        rows = await reader.rows(
            "sizes",
            after_sku=last[0],
            after_location=last[1],
            locations=asking.locations,
            sku=asking.question.sku,
            after=asking.after,
            until=asking.terms.until,
            most=SIZED_MAX,
            limit=STOCKS_SIZED_AT_ONCE,
        )
        for sku, location, changes in rows:
            if sku != last[0] and size:
                yield last[0], size
            size = (size if sku == last[0] else 0) + changes
            last = (sku, location)
        if len(rows) < STOCKS_SIZED_AT_ONCE:
            if size:
                yield last[0], size
            return


class _Read(NamedTuple):
    """A pack as it was at the start, and what happened; nothing of it where that takes turns."""

    parts: list[Part]
    rows: list[Row] | None


async def replay(
    asking: Asking, reader: Reader, found: Sequence[Pack]
) -> AsyncGenerator[OfSku | Progress, None]:
    """Every SKU with a sale in the interval, in the order of codes, and how far it has come.

    While one pack is gone through the database works on the next one.
    """
    done, total = 0, sum(pack.rows for pack in found)
    ahead: deque[asyncio.Task[_Read]] = deque()
    try:
        for number, pack in enumerate(found):
            while len(ahead) < AHEAD and number + len(ahead) < len(found):
                following = found[number + len(ahead)]
                ahead.append(asyncio.create_task(_read(asking, reader, following)))
            parts, rows = await ahead.popleft()
            if rows is None:
                await _in_turns(asking, reader, parts)
            else:
                await _whole(reader, parts, rows)
            for part in parts:
                if part.sweep.days:
                    yield OfSku(part.sku, part.sweep.whole, part.sweep.days)
            done += pack.rows
            yield Progress(done, total)
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)


async def _read(asking: Asking, reader: Reader, pack: Pack) -> _Read:
    parts = await parts_of(asking, reader, pack.skus)
    if pack.rows > ROWS_AT_ONCE:
        return _Read(parts, None)
    return _Read(parts, await reader.changes(stocks_of(parts), asking.after, asking.terms.until))


async def _whole(reader: Reader, parts: Sequence[Part], rows: Sequence[Row]) -> None:
    """SKUs of which everything has been read."""
    happened = await reader.facts(rows)
    first = taken = 0
    while first < len(rows):
        number = rows[first][NUMBER]
        last = bisect_right(rows, number, lo=first, key=itemgetter(NUMBER))
        parts[number].take(rows[first:last], happened[first:last])
        if (taken := taken + last - first) >= TURN_ROWS:
            taken = 0
            await asyncio.sleep(0)
        first = last


async def _in_turns(asking: Asking, reader: Reader, parts: Sequence[Part]) -> None:
    """One SKU of which there is more than is read at once: some instants after the others."""
    (part,) = parts
    after, limit = asking.after, ROWS_AT_ONCE
    while True:
        rows = await reader.changes(stocks_of(parts), after, asking.terms.until, limit)
        more = len(rows) == limit
        if more:
            # The last instant may go on in what was not read: it is read whole, next time.
            rows = rows[: bisect_left(rows, rows[-1][AT], key=itemgetter(AT))]
            if not rows:
                limit *= 2
                continue
        part.take(rows, await reader.facts(rows))
        if not more:
            return
        after, limit = rows[-1][AT], ROWS_AT_ONCE
        await asyncio.sleep(0)
