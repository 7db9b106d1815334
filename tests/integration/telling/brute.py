"""Every number once more, the slow way: streams folded one event after the other, rules read
word by word.
"""

import copy
from collections.abc import Iterable, Iterator

from ledger.domain.availability import Shelf, Sku, band_of
from ledger.domain.catalog import Location
from ledger.domain.catalog import Sku as DefinedSku
from ledger.domain.channel import Channel, sells_from
from ledger.domain.stock import Stock
from ledger.domain.streams import State, evolved, initial
from ledger.domain.values import Instant, stock_stream, stream_id
from ledger.recorded import Recorded
from subscribers import messages
from tests.support.shares import slowly


class Brute:
    """The ledger as it stood at one position after the other."""

    def __init__(self, events: Iterable[Recorded]) -> None:
        self._events: Iterator[Recorded] = iter(events)
        self._states: dict[str, State] = {}
        self._places: set[str] = set()
        self.position = 0

    def to(self, position: int) -> None:
        """Go on to a position."""
        while self.position < position:
            recorded = next(self._events)
            stream = recorded.stream
            state = self._states[stream] if stream in self._states else initial(stream)
            self._states[stream] = evolved(state, recorded.event)
            location = getattr(recorded.event, "location", None)
            if location is not None:
                self._places.add(location)
            self.position = recorded.position

    def number(self, told: messages.AtsState, instant: Instant) -> tuple[int, int]:
        """What should have been told, and by which version of the rules."""
        channel = self._states[stream_id("channel", told.channel)]
        assert isinstance(channel, Channel)
        rules = channel.current.rules
        shelves = [
            self._shelf(stock, told.channel, instant)
            for location in sorted(self._places)
            if self._feeds(channel, location)
            and isinstance(stock := self._states.get(stock_stream(location, told.sku)), Stock)
        ]
        band = band_of(rules, channel.measured_s)
        total, parts = slowly(self._sku(told.sku), shelves, rules, band)
        if told.location is None:
            return total, channel.version
        by_location = {s.location: n for s, n in zip(shelves, parts, strict=True)}
        shown = by_location if channel.current.by_location else {}
        return shown.get(told.location, 0), channel.version

    def _feeds(self, channel: Channel, location: str) -> bool:
        defined = self._states.get(stream_id("location", location))
        assert defined is None or isinstance(defined, Location)
        event = None if defined is None else defined.current
        return sells_from(channel.current, location, event)

    def _shelf(self, stock: Stock, channel: str, instant: Instant) -> Shelf:
        then = copy.deepcopy(stock)
        then.advance(instant)
        own = others = 0
        if then.fences is not None:
            own, others = then.fences.free_of(channel), then.fences.of_others(channel)
        place = stock.stock_id.location
        return Shelf(place, then.sellable, then.reserved, own, others, then.backorder_limit)

    def _sku(self, sku: str) -> Sku:
        state = self._states.get(stream_id("sku", sku))
        if state is None:
            return Sku(sku)
        assert isinstance(state, DefinedSku)
        units = state.definitions[-1].units
        names = [str(units.base_unit), *units.factors]
        packs = {name: units.smallest_in(name) or 0 for name in names}
        return Sku(sku, state.current.sku_class, packs)
