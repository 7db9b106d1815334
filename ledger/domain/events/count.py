"""Events of `count/<id>`: what was to be counted, what was counted, and that it was posted."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import Code, CountKind, Id, Instant, PhysicalBucket, Text, count_stream


class CountEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one count document. Posted counts are told by their stocks' streams, too."""

    count_id: Id

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return count_stream(self.count_id)


class CountOpened(CountEvent, frozen=True, tag="count.opened.v1"):
    """Somebody shall count at a location."""

    location: Code
    kind: CountKind = "cycle"
    skus: tuple[Code, ...] = ()  # What shall be counted; none: whatever is there.
    blind: bool = False  # Those who count are not told what is expected.
    approval_above: int | None = None  # Units of variance up to which nobody has to approve.


class EnteredLine(Struct, frozen=True, kw_only=True, gc=False):
    """So many units were seen in a bucket. `expected` is what was known then; not if blind."""

    sku: Code
    bucket: PhysicalBucket
    counted: int
    counted_at: Instant
    expected: int | None = None


class CountEntered(CountEvent, frozen=True, tag="count.entered.v1"):
    """Figures were entered; of a SKU and bucket the last one counts."""

    lines: tuple[EnteredLine, ...]


class CountApproved(CountEvent, frozen=True, tag="count.approved.v1"):
    """Somebody stands for every figure entered until now, whatever its variance."""

    approved_by: Text


class PostedLine(Struct, frozen=True, kw_only=True, gc=False):
    """What a figure came to: so many more (fewer: negative) than was known."""

    sku: Code
    bucket: PhysicalBucket
    counted: int
    counted_at: Instant
    variance: int


class CountPosted(CountEvent, frozen=True, tag="count.posted.v1"):
    """The figures stand in the ledger. `missing` was to be counted and was not."""

    lines: tuple[PostedLine, ...]
    missing: tuple[Code, ...] = ()


class CountCancelled(CountEvent, frozen=True, tag="count.cancelled.v1"):
    """Nothing of it counts, also where it had been posted."""


AnyCountEvent: TypeAlias = CountOpened | CountEntered | CountApproved | CountPosted | CountCancelled
