"""SKUs on their way through: what their stocks had at the start, and what no row tells of them."""

from collections.abc import Iterable, Sequence
from heapq import merge
from typing import Final

from ledger.domain.availability import Sku
from ledger.domain.events import SkuDefined
from ledger.domain.values import stream_id
from ledger.store.mapper import Mapper
from projections.availability.snapshot import sku_of
from projections.history.comparing import Moment, levels_of
from projections.what_if.asked import Asking
from projections.what_if.fencing import Change, changes_of_fences, in_order
from projections.what_if.policies import State
from projections.what_if.reading import AT, POSITION, VERSION_MAX, Reader, Row, Stocks
from projections.what_if.sweep import Happened, Sweep

LEVELS_AT_ONCE: Final = 500
"""Of each a few look-ups: some tens of milliseconds a statement."""

_MAPPER: Final = Mapper()


class Part:
    """One SKU: its sweep, its stocks by place, and what happened that its rows do not tell."""

    __slots__ = ("_besides", "sku", "stocks", "sweep")

    def __init__(self, sku: str, stocks: list[int], sweep: Sweep, besides: list[Change]) -> None:
        """Begin. What happened besides is in order, and is forgotten as it is told."""
        self.sku = sku
        self.stocks = stocks
        self.sweep = sweep
        self._besides = besides[::-1]

    def take(self, rows: Sequence[Row], happened: Sequence[Happened]) -> None:
        """The next rows, and what they mean."""
        if not self._besides or not rows:
            self.sweep.take(happened)
            return
        until = rows[-1][AT], rows[-1][POSITION]
        due = []
        while self._besides and in_order(self._besides[-1]) < until:
            due.append(self._besides.pop())
        changes = [Change(row[POSITION], one) for row, one in zip(rows, happened, strict=True)]
        self.sweep.take([change.happened for change in merge(changes, due, key=in_order)])


def stocks_of(parts: Iterable[Part]) -> Stocks:
    """The stocks of parts, as statements ask for them."""
    named = [
        (stock, number, place)
        for number, part in enumerate(parts)
        for place, stock in enumerate(part.stocks)
    ]
    return Stocks(*(list(column) for column in zip(*named, strict=True)))


async def parts_of(asking: Asking, reader: Reader, skus: Sequence[str]) -> list[Part]:
    """SKUs as they were at the start. Every one has a stock."""
    stocks: dict[str, list[int]] = {}
    states: dict[str, list[State]] = {}
    for sku, location, stock in await reader.rows(
        "stocks", skus=list(skus), locations=asking.locations
    ):
        stocks.setdefault(sku, []).append(stock)
        states.setdefault(sku, []).append(State(location))
    await _set_levels(asking, states)
    besides = await _besides(asking, reader, states)
    defined = await _definitions(reader, stocks)
    parts = [
        Part(sku, stocks[sku], Sweep(asking.terms, defined.get(sku) or Sku(sku), some), [])
        for sku, some in states.items()
    ]
    for number, one in await reader.expiries(stocks_of(parts), asking.after, asking.terms.until):
        besides.setdefault(parts[number].sku, []).append(Change(asking.question.known + 1, one))
    return [
        Part(part.sku, part.stocks, part.sweep, sorted(besides.get(part.sku, ()), key=in_order))
        for part in parts
    ]


async def _set_levels(asking: Asking, states: dict[str, list[State]]) -> None:
    flat = [(sku, state) for sku, some in states.items() for state in some]
    moment = Moment(asking.after, asking.question.known, held=True)
    for start in range(0, len(flat), LEVELS_AT_ONCE):
        some = flat[start : start + LEVELS_AT_ONCE]
        keys = [(state.location, sku) for sku, state in some]
        levels = await levels_of(asking.pool, keys, moment)
        for (_, state), level in zip(some, levels, strict=True):
            if level is not None:
                state.sellable, state.reserved = level.amounts[0], level.amounts[-1]


async def _besides(
    asking: Asking, reader: Reader, states: dict[str, list[State]]
) -> dict[str, list[Change]]:
    """What happened to fences, by SKU; what they were at the start goes into the states."""
    found: dict[str, list[Change]] = {}
    for sku, location in await reader.rows("fenced", skus=list(states), locations=asking.locations):
        for place, state in enumerate(states[sku]):
            if state.location == location:
                changes = await changes_of_fences(asking, reader, state, sku, place)
                found.setdefault(sku, []).extend(changes)
    return found


async def _definitions(reader: Reader, skus: Iterable[str]) -> dict[str, Sku]:
    """SKUs as they were last defined, as far as rules care."""
    streams = [stream_id("sku", sku) for sku in skus]
    found: dict[str, Sku] = {}
    for row in await reader.rows("events_of", streams=streams, version=VERSION_MAX):
        event = _MAPPER.body(row[3], row[4]).event
        assert isinstance(event, SkuDefined)
        found[event.sku] = sku_of(
            event.sku, event.base_unit, event.scale, event.packs, event.sku_class
        )
    return found
