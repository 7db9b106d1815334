"""Levels as they are defined, and nothing else: what was counted, plus what happened since.

The level of a bucket at a moment is the counted number of the last standing count at or before
it, plus the changes after that count and up to that moment. At one moment, movements come
before counts. No event, no posting and no anchor of the ledger's is looked at here.
"""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct, field

from ledger.domain.values import Instant

Shelf: TypeAlias = tuple[str, str]
"""A location, and a bucket there."""


class Movement(Struct):
    """What really happened at a moment: so many units, in and out of these shelves."""

    at: Instant
    ways: tuple[tuple[Shelf, int], ...]  # A shelf, and 1 for in or -1 for out.
    quantity: int
    voided: int = 0
    cancelled: bool = False

    @property
    def left(self) -> int:
        """Units that count."""
        return 0 if self.cancelled else self.quantity - self.voided


class Seen(Struct):
    """So many units were on a shelf at a moment."""

    at: Instant
    shelf: Shelf
    counted: int


class Truth(Struct):
    """Everything known of one SKU, by the names people gave it."""

    movements: dict[str, Movement] = field(default_factory=dict)
    counts: dict[str, Seen] = field(default_factory=dict)

    def level(self, shelf: Shelf, at: Instant) -> int:
        """The definition."""
        counts = [c for c in self.counts.values() if c.shelf == shelf and c.at <= at]
        last = max(counts, key=lambda count: count.at, default=None)
        level = 0 if last is None else last.counted
        for movement in self.movements.values():
            if movement.at <= at and (last is None or movement.at > last.at):
                level += sum(sign for of, sign in movement.ways if of == shelf) * movement.left
        return level

    def levels(self, shelves: Iterable[Shelf], at: Instant) -> dict[Shelf, int]:
        """Some shelves at a moment."""
        return {shelf: self.level(shelf, at) for shelf in shelves}

    def moments(self) -> list[Instant]:
        """When anything is known to have happened, and just before and after it."""
        known = [one.at for one in self.movements.values()]
        known += [one.at for one in self.counts.values()]
        return sorted({at + around for at in known for around in (-1, 0, 1)})
