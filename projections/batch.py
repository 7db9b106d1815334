"""A batch of recorded events, and what they mean for buckets: worked out once for everybody."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, TypeAlias

from ledger.domain.events import (
    HoldConfirmed,
    HoldExtended,
    HoldsExpired,
    Postings,
    StockEvent,
    held_delta,
    in_transit_delta,
    postings,
)
from ledger.domain.values import PHYSICAL_BUCKETS, StockId
from ledger.recorded import Recorded

BUCKETS: Final = len(PHYSICAL_BUCKETS)

Effect: TypeAlias = tuple[Recorded, tuple[int, ...] | None, int]
"""A stock event, its changes of the physical buckets (none: nothing moved), its held delta."""

Moved: TypeAlias = tuple[Recorded, Postings]
"""A stock event and its postings: first where units came from, then where they went."""

Way: TypeAlias = tuple[Recorded, StockId, int]
"""An event of a transfer, the stock at the end of the way, the change of what is on it."""

_PLACE: Final[dict[str, int]] = {bucket: place for place, bucket in enumerate(PHYSICAL_BUCKETS)}
_STILL: Final = frozenset({HoldConfirmed, HoldExtended})


class Batch:
    """Consecutive events of the ledger in order; `effects` are those of its stock events."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        """Take events that are already decoded."""
        self.recorded = recorded

    @cached_property
    def _posted(self) -> list[Moved]:
        return [
            (one, () if type(one.event) in _STILL else postings(one.event))
            for one in self.recorded
            if isinstance(one.event, StockEvent)
        ]

    @cached_property
    def effects(self) -> list[Effect]:
        """What each stock event does to the levels and to the held total of its stock."""
        return [_effect(one, posted) for one, posted in self._posted]

    @cached_property
    def moved(self) -> list[Moved]:
        """What each event moves between buckets, the virtual ones among them."""
        return [moved for moved in self._posted if moved[1]]

    @cached_property
    def ways(self) -> list[Way]:
        """What each event does to the units on their way to some stock."""
        return [
            (one, *transit)
            for one in self.recorded
            if (transit := in_transit_delta(one.event)) is not None
        ]

    def of(self, kinds: frozenset[type]) -> list[Recorded]:
        """The events of some kinds, in order."""
        return [one for one in self.recorded if type(one.event) in kinds]


def _effect(recorded: Recorded, posted: Postings) -> Effect:
    """What one stock event does to its stock."""
    event = recorded.event
    if type(event) in _STILL:
        return recorded, None, 0
    held = held_delta(event)  # type: ignore[arg-type]
    if type(event) is HoldsExpired:
        return recorded, None, held
    levels: list[int] | None = None
    for _, bucket, delta in posted:
        place = _PLACE.get(bucket)
        if place is not None:
            if levels is None:
                levels = [0] * BUCKETS
            levels[place] += delta
    return recorded, None if levels is None else tuple(levels), held
