"""PURE: what is due by itself, and when: holds that run out, values that wait."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from ledger.domain.values import LATEST, Instant
from projections.availability.values import Stock

StockKey: TypeAlias = tuple[str, str]
"""A location and a SKU."""

Pair: TypeAlias = tuple[str, str]
"""A channel and a SKU."""

NEVER: Final[Instant] = LATEST


class Agenda:
    """Instants in order. What is out of date is passed over when its turn comes."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._expiries: list[tuple[Instant, StockKey]] = []
        self._first: dict[StockKey, Instant] = {}
        self._later: list[tuple[Instant, Pair]] = []
        self._waiting: dict[Pair, Instant] = {}

    def next_at(self) -> Instant:
        """When the next thing is due; `NEVER` where nothing is."""
        expiry = self._expiries[0][0] if self._expiries else NEVER
        later = self._later[0][0] if self._later else NEVER
        return min(expiry, later)

    def holds_of(self, first: Iterable[tuple[str, str, Instant]]) -> None:
        """When the first hold of each stock runs out, of all that matter."""
        self._first = {(location, sku): at for location, sku, at in first}
        self._expiries = [(at, key) for key, at in self._first.items()]
        heapify(self._expiries)

    def hold_of(self, sku: str, stocks: Iterable[Stock]) -> None:
        """The same of the stocks of one SKU, as they were just found."""
        for stock in stocks:
            key, at = (stock.location, sku), stock.expires
            if at is None:
                self._first.pop(key, None)
            elif self._first.get(key) != at:
                self._first[key] = at
                heappush(self._expiries, (at, key))

    def expired(self, now: Instant, most: int) -> list[StockKey]:
        """Stocks of which a hold has run out since they were found, at most so many."""
        found: list[StockKey] = []
        while self._expiries and self._expiries[0][0] <= now and len(found) < most:
            at, key = heappop(self._expiries)
            if self._first.get(key) == at:
                del self._first[key]
                found.append(key)
        return found

    def later(self, pair: Pair, at: Instant) -> None:
        """A value is to be told at an instant, if it is still another one then."""
        if self._waiting.get(pair, NEVER) > at:
            self._waiting[pair] = at
            heappush(self._later, (at, pair))

    def due(self, now: Instant, most: int) -> list[Pair]:
        """Pairs of which a value has waited long enough, at most so many."""
        found: list[Pair] = []
        while self._later and self._later[0][0] <= now and len(found) < most:
            at, pair = heappop(self._later)
            if self._waiting.get(pair) == at:
                del self._waiting[pair]
                found.append(pair)
        return found
