"""Errors planted into a list that was right: what is planted is what has to be found.

Every error is chosen so that it can only be what it is meant to be: by a reading of the stock's
movements that shares nothing with the service's own explanation. Where two explanations would do,
the key is left alone.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from random import Random
from typing import Any, Final

from msgspec import Struct

from tests.support.http import Api

LOOK_BACK_DAYS: Final = 30
BIG: Final = 1_000_003
"""More than all movements of a stock together: nothing explains a difference of so much."""


class Planted(Struct, frozen=True):
    """An error, and how it has to be reported: the class and the positions of the events."""

    sku: str
    kind: str
    role: str
    theirs: int | None  # None: the list lacks the key.
    positions: frozenset[int] = frozenset()


class Moved(Struct, frozen=True):
    """A movement as the service lists it."""

    position: int
    at: str
    delta: int
    type: str
    reference: str | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> "Moved":
        """From an answer."""
        delta = sum(n for bucket, n in item["changes"].items() if bucket != "reserved")
        return cls(item["position"], item["occurred_at"], delta, item["type"], item["reference"])


class Shelf(Struct):
    """One key: what it had at the moment, and its movements around that."""

    sku: str
    level: int
    before: list[Moved]  # Within the window, nearest first.
    after: list[Moved]
    older: list[Moved]  # Before the window, nearest first.

    def timing(self) -> set[int]:
        """Every variance that some cut, or one or two movements near the moment, would explain."""
        near = [-one.delta for one in self.before] + [one.delta for one in self.after]
        sums = {*near, *map(sum, combinations(near, 2))}
        return sums | set(_running(self.before, -1)) | set(_running(self.after, 1))

    def twins(self) -> set[int]:
        """Variances that a movement recorded twice would explain."""
        counted = [*self.before, *self.older]
        alike = Counter((one.type, one.reference, one.delta) for one in counted if one.reference)
        return {-delta * n for (_, _, delta), many in alike.items() for n in range(1, many)}


def _running(moved: list[Moved], sign: int) -> Iterator[int]:
    total = 0
    for one in moved:
        total += sign * one.delta
        yield total


class Garden:
    """Chooses keys and plants errors; a key is used once."""

    def __init__(self, shelves: list[Shelf], random: Random) -> None:
        """Plant into some keys, in a random order."""
        self._free = list(shelves)
        random.shuffle(self._free)
        self._random = random
        self.planted: dict[str, Planted] = {}

    def in_flight(self, count: int) -> None:
        """The last movements are not there yet, or the next ones are there already."""
        self._plant(count, self._shifted)

    def duplicates(self, count: int) -> None:
        """Theirs has one of ours twice, or never got it."""
        self._plant(count, self._twice_or_never)

    def unknown(self, count: int) -> None:
        """No event comes to it."""

        def strange(shelf: Shelf) -> Planted:
            off = self._random.choice((-1, 1)) * (BIG + self._random.randrange(1_000))
            return Planted(shelf.sku, "unknown", "", shelf.level + off)

        self._plant(count, strange)

    def missing(self, count: int) -> None:
        """The list lacks a key that had been there for long."""

        def absent(shelf: Shelf) -> Planted | None:
            explained = -shelf.level in shelf.timing() | shelf.twins()
            if shelf.level == 0 or explained:
                return None
            return Planted(shelf.sku, "unknown", "", None)

        self._plant(count, absent)

    def take(self, count: int) -> list[Shelf]:
        """Keys for an error that needs new movements."""
        chosen, self._free = self._free[:count], self._free[count:]
        assert len(chosen) == count, f"only {len(chosen)} of {count} keys"
        return chosen

    def add(self, planted: Planted) -> None:
        """An error planted by hand."""
        assert planted.sku not in self.planted
        self.planted[planted.sku] = planted

    def _plant(self, count: int, make: Any) -> None:
        kept, done = [], 0
        for shelf in self._free:
            planted = make(shelf) if done < count else None
            if planted is None:
                kept.append(shelf)
            else:
                self.add(planted)
                done += 1
        assert done == count, f"only {done} of {count} could be planted"
        self._free = kept

    def _shifted(self, shelf: Shelf) -> Planted | None:
        if self._random.random() < 0.5:
            return self._run(shelf, shelf.before, -1, "not_seen")
        return self._run(shelf, shelf.after, 1, "seen_early")

    def _run(self, shelf: Shelf, moved: list[Moved], sign: int, role: str) -> Planted | None:
        length = self._random.choice((1, 1, 2, 3))
        if len(moved) < length:
            return None
        off = list(_running(moved, sign))[length - 1]
        shorter = [
            *list(_running(shelf.before, -1))[:length],
            *list(_running(shelf.after, 1))[:length],
        ]
        if off == 0 or shorter.count(off) > 1 or off in shelf.twins():
            return None
        seen = frozenset(one.position for one in moved[:length])
        return Planted(shelf.sku, "in_flight", role, shelf.level + off, seen)

    def _twice_or_never(self, shelf: Shelf) -> Planted | None:
        role = self._random.choice(("applied_twice", "missed"))
        for one in shelf.older:
            off = one.delta if role == "applied_twice" else -one.delta
            others = [other.delta for other in (*shelf.before, *shelf.older) if other is not one]
            elsewhere = off in others or -off in others
            if off and not elsewhere and off not in shelf.timing() | shelf.twins():
                seen = frozenset((one.position,))
                return Planted(shelf.sku, "duplicate", role, shelf.level + off, seen)
        return None


def shelves(
    api: Api, location: str, at: str, bounds: tuple[str, str, str], many: int
) -> list[Shelf]:
    """Keys of a location with their movements: from `bounds[0]`, the window `bounds[1:]`."""
    first, begin, end = bounds
    found = []
    for item in levels(api, location, at):
        moved = movements(api, item["sku"], location, first, end)
        before = [one for one in moved if one.at <= at]
        before.reverse()
        found.append(
            Shelf(
                item["sku"],
                item["on_hand"],
                [one for one in before if one.at > begin],
                [one for one in moved if one.at > at],
                [one for one in before if one.at <= begin],
            )
        )
        if len(found) == many:
            break
    return found


def levels(api: Api, location: str, at: str) -> Iterator[dict[str, Any]]:
    """What a location had at a moment, key by key."""
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/stock", location=location, as_of=at, limit=1_000, **cursor).json()
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def movements(api: Api, sku: str, location: str, first: str, last: str) -> list[Moved]:
    """The movements of a key between two moments, in their order."""
    asked = {"sku": sku, "location": location, "from": first, "to": last}
    page = api.http.get("/v1/movements", params={**asked, "limit": 1_000}).json()
    assert page["next_cursor"] is None
    moved = [Moved.of(item) for item in page["items"]]
    assert all(one.at <= two.at for one, two in pairwise(moved))
    return moved
