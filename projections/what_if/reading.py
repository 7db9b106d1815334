"""What happened to stocks, from the database: some at a time, each time one short statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ledger.domain.decisions.world import opened_at
from ledger.domain.events import (
    HoldAmended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    ReservationPlaced,
    SaleVoided,
    StockCorrected,
    StockReserved,
    StockSold,
)
from ledger.domain.values import Instant, reservation_stream
from ledger.recorded import Body
from ledger.store.mapper import TOPICS, Mapper
from projections.progress import Pool
from projections.what_if.asked import SQL, Question
from projections.what_if.sweep import Happened, Held, Sold
from projections.what_if.voids import Restated, is_restating, net_units

_MAPPER: Final = Mapper()
_SOLD: Final = TOPICS[StockSold]
_TOLD: Final = [
    TOPICS[kind]
    for kind in (
        StockSold,
        HoldFulfilled,
        StockReserved,
        HoldAmended,
        HoldReleased,
        HoldRelocated,
        HoldsExpired,
        SaleVoided,
        StockCorrected,
    )
]
PLAIN_MAX: Final = 4_096
"""Sizes of sales that are remembered; beyond, each is made anew."""

VERSION_MAX: Final = 2**62
"""No stream has so many versions."""


class Stocks(NamedTuple):
    """Stocks by their numbers, the number of each one's SKU among some, and its place there."""

    stocks: list[int]
    numbers: list[int]
    places: list[int]


Row: TypeAlias = tuple[Instant, int, int, int, bytes | None, bool, int, int, int, str | None]
"""One change of a stock: what `Happened` begins with, the event's body where it has something to
say, whether it is a sale, the number of its SKU, its position and part, and the body's topic.
"""

AT: Final = 0
NUMBER: Final = 6
POSITION: Final = 7


class Spoken(NamedTuple):
    """A row whose event has something to say."""

    number: int
    at: Instant
    position: int
    part: int
    body: Body


class Reader:
    """Reads changes, and knows by the way whose promises are whose."""

    def __init__(self, pool: Pool, question: Question) -> None:
        """Read for one question."""
        self._pool = pool
        self._question = question
        named = b'"channel":' + msgspec.json.encode(question.channel)
        self._plain = _Plain()
        self._named = None if question.all_sales else named

    async def rows(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a named statement; what is known is a part of every question."""
        asked = {**parameters, "known": self._question.known}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SQL[name], asked, prepare=False, binary=True)
            return await cursor.fetchall()

    async def changes(
        self, stocks: Stocks, after: Instant, until: Instant, limit: int | None = None
    ) -> list[Row]:
        """What happened to stocks after an instant and before another, the first so many."""
        asked = {**stocks._asdict(), "after": after, "until": until, "limit": limit}
        return await self.rows("changes", **asked, told=_TOLD, sold=_SOLD, named=self._named)

    async def expiries(
        self, stocks: Stocks, after: Instant, until: Instant
    ) -> list[tuple[int, Happened]]:
        """What ran out unwritten, by the number of the SKU."""
        found = await self.rows("expiries", **stocks._asdict(), after=after, until=until)
        ours = await self._ours({row[-1] for row in found})
        return [
            (number, (at, place, 0, -units, Held(holder, -units, self._is_promise(holder, ours))))
            for number, place, at, units, holder in found
        ]

    async def facts(self, rows: Sequence[Row]) -> list[Happened]:
        """What rows say of sales and promises. All rows of an instant are read together."""
        spoken = {
            row[7]: Spoken(row[6], row[0], row[7], row[8], _MAPPER.body(row[9] or "", row[4]))
            for row in rows
            if row[4] is not None
        }
        units = await self._units(rows, spoken)
        ours = await self._ours(_holders(spoken.values()))
        opened: set[str] = set()
        found: list[Happened] = []
        for row in rows:
            at, place, sellable, reserved, state, sale = row[:6]
            if state is not None:
                one = spoken[row[7]]
                fact = self._told(one, reserved, units.get(row[7], -sellable), ours, opened)
                found.append((at, place, sellable, reserved, fact))
            elif sale and self._question.all_sales:
                sold = self._plain[units.get(row[7], -sellable)]
                found.append((at, place, sellable, reserved, sold))
            else:
                found.append((at, place, sellable, reserved, None))
        return found

    def _told(
        self, one: Spoken, reserved: int, units: int, ours: set[str], opened: set[str]
    ) -> Sold | Held | None:
        event = one.body.event
        match event:
            case StockSold() | HoldFulfilled():
                named = event.channel is not None or event.reservation_id is None
                holder = event.reservation_id if isinstance(event, HoldFulfilled) else None
                whose = (
                    self._is_ours(event.channel)
                    if named
                    else self._is_promise(event.reservation_id or "", ours)
                )
                return Sold(units, whose, _short(one.body, opened), holder)
            case StockReserved() | HoldAmended() | HoldReleased() | HoldRelocated():
                holder = event.reservation_id
            case HoldsExpired():
                holder = event.holds[one.part].reservation_id
            case _:
                return None
        begins = isinstance(event, StockReserved)
        return Held(holder, reserved, self._is_promise(holder, ours), begins)

    def _is_promise(self, holder: str, ours: set[str]) -> bool:
        return self._question.all_sales or holder in ours

    def _is_ours(self, channel: str | None) -> bool:
        return self._question.all_sales or channel == self._question.channel

    async def _ours(self, holders: set[str]) -> set[str]:
        """Of some reservations, those of the channel."""
        if not holders or self._question.all_sales:
            return set()
        streams = [reservation_stream(holder) for holder in holders]
        found = await self.rows("events_of", streams=streams, version=1)
        placed = [_MAPPER.body(row[3], row[4]).event for row in found]
        channel = self._question.channel
        return {
            event.reservation_id
            for event in placed
            if isinstance(event, ReservationPlaced) and event.channel == channel
        }

    async def _units(self, rows: Sequence[Row], spoken: Mapping[int, Spoken]) -> dict[int, int]:
        """Units of sales of which something was voided or corrected, by position."""
        restated = {(one.number, one.at) for one in spoken.values() if is_restating(one.body)}
        if not restated:
            return {}
        about = [one for one in spoken.values() if (one.number, one.at) in restated]
        silent = {
            row[7]: (row[6], row[0])
            for row in rows
            if row[5] and row[4] is None and (row[6], row[0]) in restated
        }
        for position, topic, state in await self.rows("states", positions=list(silent)):
            about.append(Spoken(*silent[position], position, 0, _MAPPER.body(topic, state)))
        return net_units(Restated(one.number, one.at, one.position, one.body) for one in about)


class _Plain(dict[int, Sold]):
    """Sales that opened nothing, by their units: most are of few sizes."""

    def __missing__(self, units: int) -> Sold:
        sold = Sold(units, ours=True)
        if len(self) < PLAIN_MAX:
            self[units] = sold
        return sold


def _short(body: Body, opened: set[str]) -> int:
    """How many units fewer would not have opened what a sale opened; 0 where it opened nothing.

    First those below zero, then those that broke promises; what left beyond a hold is among them
    or not. Of two events of one decision the first opened a conflict; both may tell of it.
    """
    event, instant = body.event, body.meta.instant
    assert isinstance(event, StockSold | HoldFulfilled)
    short = 0
    for change in event.conflicts:
        if opened_at(change.conflict_id) == instant and change.conflict_id not in opened:
            opened.add(change.conflict_id)
            short += change.short
    beyond = isinstance(event, StockSold) and event.reservation_id is not None
    return max(short, event.quantity) if beyond else short


def _holders(spoken: Iterable[Spoken]) -> set[str]:
    """The reservations that rows speak of."""
    found = set()
    for one in spoken:
        event = one.body.event
        if isinstance(event, HoldsExpired):
            found.add(event.holds[one.part].reservation_id)
        elif (holder := getattr(event, "reservation_id", None)) is not None:
            found.add(holder)
    return found
