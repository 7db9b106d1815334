"""Levels as they are defined, and nothing else: what was counted, plus what happened since.

The level of a bucket at a moment is the counted number of the last standing count at or before
it, plus the changes after that count and up to that moment. At one moment, movements come
before counts. No event, no posting and no anchor of the ledger's is looked at here.
"""

from msgspec import Struct, field

from ledger.domain.values import PHYSICAL_BUCKETS, Instant


class Movement(Struct):
    """What really happened at a moment: so many units, in and out of these buckets."""

    at: Instant
    ways: tuple[tuple[str, int], ...]  # A bucket, and 1 for in or -1 for out.
    quantity: int
    voided: int = 0
    cancelled: bool = False

    @property
    def left(self) -> int:
        """Units that count."""
        return 0 if self.cancelled else self.quantity - self.voided


class Seen(Struct):
    """So many units were in a bucket at a moment."""

    at: Instant
    bucket: str
    counted: int


class Truth(Struct):
    """Everything known of one stock, by the names people gave it."""

    movements: dict[str, Movement] = field(default_factory=dict)
    counts: dict[str, Seen] = field(default_factory=dict)

    def level(self, bucket: str, at: Instant) -> int:
        """The definition."""
        counts = [c for c in self.counts.values() if c.bucket == bucket and c.at <= at]
        last = max(counts, key=lambda count: count.at, default=None)
        level = 0 if last is None else last.counted
        for movement in self.movements.values():
            if movement.at <= at and (last is None or movement.at > last.at):
                level += sum(sign for of, sign in movement.ways if of == bucket) * movement.left
        return level

    def levels(self, at: Instant) -> dict[str, int]:
        """Every physical bucket at a moment."""
        return {bucket: self.level(bucket, at) for bucket in PHYSICAL_BUCKETS}

    def moments(self) -> list[Instant]:
        """When anything is known to have happened, and just before and after it."""
        known = [one.at for one in self.movements.values()]
        known += [one.at for one in self.counts.values()]
        return sorted({at + around for at in known for around in (-1, 0, 1)})
