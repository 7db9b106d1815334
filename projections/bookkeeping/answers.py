"""The shapes of statements."""

from collections.abc import Iterable
from typing import Self

from msgspec import Struct

from ledger.domain.values import PHYSICAL_BUCKETS, Instant

_PHYSICAL = frozenset[str](PHYSICAL_BUCKETS)


class Sum(Struct, frozen=True, gc=False):
    """What moved in one way: before a span of business time, and within it."""

    from_bucket: str
    to_bucket: str
    type: str
    reason: str
    before: int
    within: int
    entries: int


class Shelves(Struct, frozen=True, kw_only=True):
    """What is there, by condition."""

    on_hand: int
    sellable: int
    quarantine: int
    damaged: int
    returned: int
    blocked: int

    @classmethod
    def of(cls, moved: Iterable[tuple[str, str, int]]) -> Self:
        """What movements from bucket to bucket leave there."""
        levels = dict.fromkeys(PHYSICAL_BUCKETS, 0)
        for source, target, quantity in moved:
            if source in levels:
                levels[source] -= quantity
            if target in levels:
                levels[target] += quantity
        return cls(on_hand=sum(levels.values()), **levels)


class Line(Struct, frozen=True, kw_only=True):
    """Units that moved in one way, as so many entries. `reason` is null where reasons are many."""

    from_bucket: str
    to_bucket: str
    type: str
    reason: str | None
    quantity: int
    entries: int


class Counter(Struct, frozen=True, kw_only=True):
    """What one place outside the shelves gave them, or took from them (negative)."""

    counter: str
    quantity: int
    lines: list[Line]


class Movements(Struct, frozen=True, kw_only=True):
    """Where units came from and went to, and which only changed their condition."""

    counters: list[Counter]
    moves: list[Line]

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Self:
        """Put lines under what they stand against. One between two places outside is under both."""
        counters: dict[str, list[Line]] = {}
        moves: list[Line] = []
        for line in lines:
            sides = (line.from_bucket, 1), (line.to_bucket, -1)
            outside = [(bucket, sign) for bucket, sign in sides if bucket not in _PHYSICAL]
            for counter, sign in outside:
                signed = Line(
                    from_bucket=line.from_bucket,
                    to_bucket=line.to_bucket,
                    type=line.type,
                    reason=line.reason,
                    quantity=sign * line.quantity,
                    entries=line.entries,
                )
                counters.setdefault(counter, []).append(signed)
            if not outside:
                moves.append(line)
        return cls(
            counters=[
                Counter(counter=name, quantity=sum(line.quantity for line in found), lines=found)
                for name, found in sorted(counters.items())
            ],
            moves=moves,
        )

    @property
    def change(self) -> int:
        """What all of it did to what is on hand."""
        return sum(counter.quantity for counter in self.counters)


class Statement(Struct, frozen=True, kw_only=True):
    """closing = opening + prior_period + the counters of the movements. Null: all there are.

    `prior_period` is what was learned about the time before, after that had been closed.
    """

    sku: str | None
    location: str | None
    opening: Shelves
    movements: Movements
    closing: Shelves
    prior_period: Movements | None = None


class StatementsPage(Struct, frozen=True, kw_only=True):
    """Statements as known at a position; `settled`: nothing can be added to what was known then."""

    items: list[Statement]
    start: Instant
    until: Instant
    known_at: Instant | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None
    prior_position: int | None = None  # Where the period before had been closed.


class EntryAnswer(Struct, frozen=True, kw_only=True):
    """One movement of units between two buckets, and the documents it belongs to."""

    position: int
    leg: int
    sku: str
    location: str
    occurred_at: Instant
    recorded_at: Instant
    from_bucket: str
    to_bucket: str
    type: str
    reason: str
    quantity: int
    actor: str
    source: str
    reference: str | None
    correlation_id: str
    movement_id: str | None
    reservation_id: str | None
    transfer_id: str | None
    return_id: str | None
    count_id: str | None
    order: str | None
    restates: str | None


class EntriesPage(Struct, frozen=True, kw_only=True):
    """Entries in the order in which they happened, as known at a position."""

    items: list[EntryAnswer]
    known_at: Instant | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None
