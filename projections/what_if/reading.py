"""What happened to stocks, from the database: some at a time, each time one short statement."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

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
_NEVER: Final = b"\x00"
"""What is in no event: JSON has no such byte."""


class Stocks(NamedTuple):
    """Stocks by their numbers, the number of each one's SKU among some, and its place there."""

    stocks: list[int]
    numbers: list[int]
    places: list[int]


class Row(NamedTuple):
    """One change of a stock, with its event where that matters."""

    sku: int
    place: int
    at: Instant
    position: int
    part: int
    sellable: int
    reserved: int
    topic: str
    body: Body | None


class Reader:
    """Reads changes, and knows by the way whose promises are whose."""

    def __init__(self, pool: Pool, question: Question) -> None:
        """Read for one question."""
        self._pool = pool
        self._question = question
        named = b'"channel":' + msgspec.json.encode(question.channel)
        self._named = _NEVER if question.all_sales else named

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
        found = await self.rows(
            "changes",
            **stocks._asdict(),
            after=after,
            until=until,
            limit=limit,
            told=_TOLD,
            sold=_SOLD,
            named=self._named,
        )
        body = _MAPPER.body
        return [
            Row._make((*row[:-1], None if row[-1] is None else body(row[-2], row[-1])))
            for row in found
        ]

    async def expiries(
        self, stocks: Stocks, after: Instant, until: Instant
    ) -> list[tuple[int, Happened]]:
        """What ran out unwritten, by the number of the SKU."""
        found = await self.rows("expiries", **stocks._asdict(), after=after, until=until)
        ours = await self._ours({row[-1] for row in found})
        return [
            (number, Happened(at, place, 0, -units, Held(holder, -units, holder in ours)))
            for number, place, at, units, holder in found
        ]

    async def facts(self, rows: Sequence[Row]) -> list[Happened]:
        """What rows say of sales and promises. All rows of an instant are read together."""
        units = await self._units(rows)
        ours = await self._ours(_holders(rows))
        everybody = self._question.all_sales
        plain = Sold  # Looked up once: there may be millions.
        found = []
        opened: set[str] = set()
        for row in rows:
            body, quantity = row.body, -row.sellable
            if body is None:
                sale = everybody and row.topic == _SOLD
                fact = plain(units.get(row.position, quantity), True) if sale else None
                found.append(Happened(row.at, row.place, row.sellable, row.reserved, fact))
                continue
            told = self._told(row, body, units.get(row.position, quantity), ours, opened)
            found.append(Happened(row.at, row.place, row.sellable, row.reserved, told))
        return found

    def _told(
        self, row: Row, body: Body, units: int, ours: set[str], opened: set[str]
    ) -> Sold | Held | None:
        event = body.event
        match event:
            case StockSold() | HoldFulfilled():
                whose = event.reservation_id in ours
                if event.channel is not None or self._question.all_sales:
                    whose = self._is_ours(event.channel)
                fulfilled = isinstance(event, HoldFulfilled)
                holder = event.reservation_id if fulfilled else None
                return Sold(units, whose, _short(body, opened), holder)
            case StockReserved() | HoldAmended() | HoldReleased() | HoldRelocated():
                holder = event.reservation_id
            case HoldsExpired():
                holder = event.holds[row.part].reservation_id
            case _:
                return None
        return Held(holder, row.reserved, self._question.all_sales or holder in ours)

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

    async def _units(self, rows: Sequence[Row]) -> dict[int, int]:
        """Units of sales of which something was voided or corrected, by position."""
        restated = {(row.sku, row.at) for row in rows if is_restating(row.body)}
        if not restated:
            return {}
        about = [row for row in rows if (row.sku, row.at) in restated]
        positions = [row.position for row in about if row.body is None and row.topic == _SOLD]
        bodies = {row.position: row.body for row in about if row.body is not None}
        for position, topic, state in await self.rows("states", positions=positions):
            bodies[position] = _MAPPER.body(topic, state)
        return net_units(
            Restated(row.sku, row.at, row.position, bodies[row.position])
            for row in about
            if row.position in bodies
        )


def _short(body: Body, opened: set[str]) -> int:
    """What the conflicts that a sale opened are short by; 0 where it opened none.

    Of two events of one decision the first opened them; both may tell.
    """
    event, instant = body.event, body.meta.instant
    assert isinstance(event, StockSold | HoldFulfilled)
    short = 0
    for change in event.conflicts:
        if opened_at(change.conflict_id) == instant and change.conflict_id not in opened:
            opened.add(change.conflict_id)
            short += change.short
    beyond = isinstance(event, StockSold) and event.reservation_id is not None
    return short + (event.quantity if beyond else 0)


def _holders(rows: Iterable[Row]) -> set[str]:
    """The reservations that rows speak of, where it takes a look to know whose they are."""
    found = set()
    for row in rows:
        if row.body is None:
            continue
        event = row.body.event
        if isinstance(event, HoldsExpired):
            found.add(event.holds[row.part].reservation_id)
        elif (holder := getattr(event, "reservation_id", None)) is not None:
            found.add(holder)
    return found
