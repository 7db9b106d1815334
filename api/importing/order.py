"""Which batch may be sent now, so that many are under way and none overtakes on its stocks.

The ledger decides in order of arrival, and two connections promise no order between them. So a
batch waits until every earlier batch that shares one of its stocks has been answered. Batches
that share nothing travel together. The outcome is then that of sending one after another, after
a retry and after a crash too.
"""

import heapq
from collections.abc import Callable, Hashable
from typing import Final

WINDOW_BATCHES: Final = 256
"""How far ahead of the oldest unanswered batch to look. Real invoices share best sellers: more
than this finds nothing more to send, and keeps what is in flight close to the file's order."""


class Schedule:
    """Hands out batch numbers 0 … count-1; each is handed out once and reported done once."""

    def __init__(
        self,
        count: int,
        stocks: Callable[[int], tuple[Hashable, ...]],
        window: int = WINDOW_BATCHES,
    ) -> None:
        """Take the number of batches and a way to ask which stocks one touches."""
        self._count = count
        self._stocks = stocks
        self._window = window
        self._admitted = 0
        self._oldest = 0
        self._open: set[int] = set()  # Admitted and not yet done.
        self._last: dict[Hashable, int] = {}  # The last admitted batch of each stock.
        self._waits: dict[int, int] = {}  # How many batches a batch still waits for.
        self._followers: dict[int, list[int]] = {}
        self._ready: list[int] = []
        self._admit()

    @property
    def finished(self) -> bool:
        """Whether every batch is done."""
        return self._oldest == self._count

    def take(self) -> int | None:
        """The earliest batch that may be sent now, or None where all must wait."""
        return heapq.heappop(self._ready) if self._ready else None

    def done(self, batch: int) -> None:
        """A batch was answered for good: those that waited only for it may go."""
        self._open.remove(batch)
        for follower in self._followers.pop(batch, ()):
            self._waits[follower] -= 1
            if not self._waits[follower]:
                del self._waits[follower]
                heapq.heappush(self._ready, follower)
        while self._oldest < self._admitted and self._oldest not in self._open:
            self._oldest += 1
        self._admit()

    def _admit(self) -> None:
        end = min(self._count, self._oldest + self._window)
        for batch in range(self._admitted, end):
            stocks = self._stocks(batch)
            earlier = {self._last[s] for s in stocks if s in self._last} & self._open
            self._last.update(dict.fromkeys(stocks, batch))
            self._open.add(batch)
            if not earlier:
                heapq.heappush(self._ready, batch)
                continue
            self._waits[batch] = len(earlier)
            for predecessor in earlier:
                self._followers.setdefault(predecessor, []).append(batch)
        self._admitted = max(self._admitted, end)
