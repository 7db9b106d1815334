"""Choosing among candidate locations: at the instant of a decision, always in the same way."""

from collections.abc import Iterable

from ledger.domain.decisions.binding import Bound
from ledger.domain.decisions.world import World
from ledger.domain.events import SourcedLine
from ledger.domain.refusals import Shortfall
from ledger.domain.values import Instant, StockId


class Free:
    """What each stock can still give to one request, less what the request takes on its way."""

    __slots__ = ("_bound", "_channel", "_left", "_now", "_world")

    def __init__(
        self, world: World, channel: str | None, now: Instant, binds: Bound | None = None
    ) -> None:
        """Nothing is taken yet."""
        self._world = world
        self._channel = channel
        self._bound = binds
        self._now = now
        self._left: dict[StockId, int] = {}

    def of(self, stock_id: StockId) -> int:
        """Units left; negative where more is promised than there is."""
        left = self._left.get(stock_id)
        if left is None:
            stock = self._world.stock(stock_id)
            stock.advance(self._now)
            left = stock.free_for(self._channel) if self._bound is None else self._bound.free(stock)
            self._left[stock_id] = left
        return left

    def take(self, stock_id: StockId, quantity: int) -> None:
        """Take units, so that the lines that follow do not count on them."""
        self._left[stock_id] = self.of(stock_id) - quantity


def candidates_of(line: SourcedLine) -> list[StockId]:
    """The stocks that may give a line's units, in the order given."""
    return [StockId(location, line.sku) for location in line.locations]


def pick(line: SourcedLine, free: Free) -> dict[StockId, int]:
    """Take units from the candidates: as many as asked where there are as many, else fewer.

    Ties go by the order given. A line that may not be split takes all from the first candidate
    that has all, and where none has, what the best of them has.
    """
    candidates = candidates_of(line)
    if line.sourcing == "most_available":
        candidates.sort(key=free.of, reverse=True)  # Stable: equals stay in the order given.
    picked = _from_many(line, candidates, free) if line.split else _from_one(line, candidates, free)
    for stock_id, quantity in picked.items():
        free.take(stock_id, quantity)
    return picked


def shortfalls_of(line: SourcedLine, free: Free) -> Iterable[Shortfall]:
    """Why the candidates cannot give a line: what each of them has."""
    for sku_at in candidates_of(line):
        yield Shortfall(sku_at.sku, sku_at.location, line.quantity, free.of(sku_at))


def _from_many(line: SourcedLine, candidates: list[StockId], free: Free) -> dict[StockId, int]:
    picked: dict[StockId, int] = {}
    missing = line.quantity
    for stock_id in candidates:
        quantity = min(missing, free.of(stock_id))
        if quantity > 0:
            picked[stock_id] = quantity
            missing -= quantity
    return picked


def _from_one(line: SourcedLine, candidates: list[StockId], free: Free) -> dict[StockId, int]:
    for stock_id in candidates:
        if free.of(stock_id) >= line.quantity:
            return {stock_id: line.quantity}
    best = max(candidates, key=free.of)
    return {best: free.of(best)} if free.of(best) > 0 else {}
