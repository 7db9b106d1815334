"""Which value is handled next: the newest of each key, one at a time, the failed ones later.

No network and no clock: instants of the event loop come in as `now`.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from subscribers.messages import AtsState, CloudEvent
from subscribers.sdk.values import Key, Limits, PresentComplete


class Value(NamedTuple):
    """A delivered number. `since` is when it began to be late; `replayed` where it comes back.

    `receipt` means something only to where it came from.
    """

    state: AtsState
    event: CloudEvent
    generation: int
    sequence: int
    subject: str
    headers: dict[str, str]
    payload: bytes
    since: float
    present: bool = False
    replayed: bool = False
    receipt: str = ""

    @property
    def key(self) -> Key:
        """What the number is about."""
        return Key(self.state.sku, self.state.location)


@dataclass(slots=True, eq=False)
class Item:
    """A key with something to handle: one value at work, and a newer one that waits."""

    key: Key
    waiting: Value | None
    at_work: Value | None = None
    attempts: int = 0

    def newest(self, generation: int) -> Value | None:
        """The newer of both, as far as it is of this generation."""
        value = self.waiting or self.at_work
        return value if value is not None and value.generation == generation else None


class Desk:
    """The values that were delivered and are not settled, and what was handled before them."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is here before `begin`."""
        self._limits = limits
        self.generation = 0
        self.held = 0
        self._handled: dict[Key, int] = {}
        self._given_up: dict[Key, int] = {}
        self._items: dict[Key, Item] = {}
        self._due: list[tuple[float, int, Item]] = []
        self._tickets = 0
        self._arriving = False
        self._values = 0
        self._arrived: set[Key] = set()
        self._owed: set[Key] | None = None
        self._marker_tries = 0
        self._marker_due = 0.0

    # --- the present --------------------------------------------------------------------------

    def begin(self, generation: int, values: int) -> None:
        """The present is about to come in: at least so many keys, of this generation."""
        if generation != self.generation:
            self._forget()
            self.generation = generation
        self._arriving, self._values = True, values
        self._arrived, self._owed = set(), None
        self._marker_tries, self._marker_due = 0, 0.0
        if values == 0:
            self.arrived()

    def arrived(self, *, certainly: bool = True) -> None:
        """Nothing is on its way any more; unless that is certain, all keys must have come."""
        if self._arriving and (certainly or len(self._arrived) >= self._values):
            self._arriving = False
            self._owed = set(self._items)

    def completed(self, now: float) -> PresentComplete | None:
        """The marker, once: when all that was the present has been handled or given up."""
        if self._owed is None or self._owed or now < self._marker_due:
            return None
        self._owed = None
        return PresentComplete(generation=self.generation, keys=frozenset(self._arrived))

    def completed_in_vain(self, now: float) -> None:
        """Whoever was to learn it could not: the marker is due again later."""
        if self._owed is None and not self._arriving:
            self._owed = set()
            self._marker_tries += 1
            self._marker_due = now + self.pause_s(self._marker_tries)

    def _forget(self) -> None:
        """Numbers of another generation mean nothing; what is at work may end."""
        self._handled.clear()
        self._given_up.clear()
        for item in [*self._items.values()]:
            self.held -= item.waiting is not None
            item.waiting, item.attempts = None, 0
            if item.at_work is None:
                del self._items[item.key]

    # --- coming in ----------------------------------------------------------------------------

    def offer(self, value: Value, now: float) -> Value | None:
        """Take a value in; what is passed over because of it, this one or an older, if any."""
        key, told = value.key, value.state.told
        if value.generation != self.generation:
            return value
        if self._arriving and not value.replayed:
            self._arrived.add(key)
        if told <= self._handled.get(key, 0):
            return value
        if told <= self._given_up.get(key, 0) and not value.replayed:
            return value
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = Item(key, value)
            self.held += 1
            self._schedule(item, now)
            return None
        return self._offer_newer(item, value)

    def _offer_newer(self, item: Item, value: Value) -> Value | None:
        """The key is being handled or waits for its next try: only the newest counts."""
        newest, told = item.newest(self.generation), value.state.told
        if newest is not None:
            known = newest.state.told
            if told < known or (told == known and value.replayed):
                return value
            if told == known and not newest.replayed:  # Delivered again: acknowledge this one.
                if item.waiting is None:
                    item.at_work = value
                else:
                    item.waiting = value
                return None
        overtaken, item.waiting = item.waiting, value
        if overtaken is None:
            self.held += 1
            return None
        return overtaken

    def holds(self, value: Value) -> bool:
        """Whether this very number is being handled already, or waits for its next try."""
        item = self._items.get(value.key)
        newest = None if item is None else item.newest(value.generation)
        return newest is not None and newest.state.told == value.state.told

    # --- at work ------------------------------------------------------------------------------

    def take(self, now: float) -> Item | None:
        """A key whose newest value is due; it is at work until one of the endings below."""
        while self._due and self._due[0][0] <= now:
            item = heapq.heappop(self._due)[2]
            if item.waiting is None:
                continue  # Forgotten with its generation.
            item.at_work, item.waiting = item.waiting, None
            item.attempts += 1
            return item
        return None

    def next_due(self) -> float | None:
        """When the next key, or the marker, is due."""
        marker = [self._marker_due] if self._owed is not None and not self._owed else []
        return min([*(due for due, _, _ in self._due[:1]), *marker], default=None)

    def succeeded(self, item: Item, now: float) -> Value:
        """It was handled; what to acknowledge."""
        value = self._finished(item, now)
        if value.generation == self.generation:
            told = max(value.state.told, self._handled.get(item.key, 0))
            self._handled[item.key] = told
        return value

    def given_up(self, item: Item, now: float) -> Value:
        """It is a dead letter; what to acknowledge."""
        value = self._finished(item, now)
        if value.generation == self.generation and not value.replayed:
            self._given_up[item.key] = value.state.told
        return value

    def failed(self, item: Item, now: float) -> Value | None:
        """Try again later, with the newest value; one that was overtaken is passed over."""
        value, item.at_work = item.at_work, None
        assert value is not None
        overtaken: Value | None = None
        if item.waiting is not None or value.generation != self.generation:
            overtaken = value
            self.held -= 1
        else:
            item.waiting = value
        if item.waiting is None:
            self._leave(item)
        else:
            self._schedule(item, now + self.pause_s(item.attempts))
        return overtaken

    def pause_s(self, attempts: int) -> float:
        """How long to wait after so many failures."""
        doubled = self._limits.retry_min_ms * 2 ** min(attempts - 1, 30)
        return float(min(doubled, self._limits.retry_max_ms)) / 1_000

    def values(self) -> Iterator[Value]:
        """Everything that is not settled."""
        for item in self._items.values():
            if item.at_work is not None:
                yield item.at_work
            if item.waiting is not None:
                yield item.waiting

    @property
    def room(self) -> int:
        """How many more values may come in."""
        return max(0, self._limits.unacknowledged_max - self.held)

    def _finished(self, item: Item, now: float) -> Value:
        value, item.at_work = item.at_work, None
        assert value is not None
        self.held -= 1
        item.attempts = 0
        if item.waiting is None:
            self._leave(item)
        else:
            if self._owed is not None and value.generation == self.generation:
                self._owed.discard(item.key)
            self._schedule(item, now)
        return value

    def _leave(self, item: Item) -> None:
        if self._items.get(item.key) is item:
            del self._items[item.key]
        if self._owed is not None:
            self._owed.discard(item.key)

    def _schedule(self, item: Item, due: float) -> None:
        self._tickets += 1
        heapq.heappush(self._due, (due, self._tickets, item))
