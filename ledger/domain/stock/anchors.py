"""Standing counts of one bucket, in the order of their times: what late facts never move."""

from bisect import bisect_left
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.values import Instant


class Anchor(Struct, frozen=True, gc=False):
    """A count that stands: at that moment there were so many units.

    `held` is all that stands against the variance at its time: what it found out itself and
    what it has absorbed since. Without the count, the level there is `counted - held`.
    """

    at: Instant
    version: int  # Of its event in the stock's stream.
    counted: int
    held: int
    count_id: str


Anchors: TypeAlias = tuple[Anchor, ...]

_at = attrgetter("at")


def next_anchor(anchors: Anchors, at: Instant) -> Anchor | None:
    """The first count at or after a moment: it has seen what happened then."""
    place = bisect_left(anchors, at, key=_at)
    return anchors[place] if place < len(anchors) else None


def anchor_at(anchors: Anchors, at: Instant) -> Anchor | None:
    """The count at exactly this moment; no bucket has two."""
    found = next_anchor(anchors, at)
    return found if found is not None and found.at == at else None


def counted(anchors: Anchors, anchor: Anchor) -> Anchors:
    """With one more count."""
    place = bisect_left(anchors, anchor.at, key=_at)
    assert anchor_at(anchors, anchor.at) is None, "one count of a bucket stands at a moment"
    return (*anchors[:place], anchor, *anchors[place:])


def cancelled(anchors: Anchors, at: Instant, version: int) -> Anchors:
    """Without the count of a moment and version."""
    place = _place(anchors, at, version)
    return anchors[:place] + anchors[place + 1 :]


def absorbed(anchors: Anchors, at: Instant, version: int, delta: int) -> Anchors:
    """With so many more units held by the count of a moment and version."""
    place = _place(anchors, at, version)
    anchor = anchors[place]
    return (*anchors[:place], replace(anchor, held=anchor.held + delta), *anchors[place + 1 :])


def _place(anchors: Anchors, at: Instant, version: int) -> int:
    place = bisect_left(anchors, at, key=_at)
    assert anchors[place].version == version, "what absorbs or ends is a count that stands"
    return place
