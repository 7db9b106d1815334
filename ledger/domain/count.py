"""A count document: what shall be counted, what was entered, and what it came to."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import (
    AnyCountEvent,
    CountApproved,
    CountCancelled,
    CountEntered,
    CountOpened,
    CountPosted,
    EnteredLine,
    PostedLine,
)
from ledger.domain.outcomes import CountLineState, EarlierFigure
from ledger.domain.values import Instant, PhysicalBucket

CountStatus: TypeAlias = Literal["open", "entered", "approved", "posted", "cancelled"]
Key: TypeAlias = tuple[str, PhysicalBucket]
"""A SKU and the bucket its units were seen in."""


class CountLine(Struct, frozen=True, kw_only=True):
    """The last figure of a SKU and bucket; the earlier ones stay beside it."""

    sku: str
    bucket: PhysicalBucket
    counted: int
    counted_at: Instant
    expected: int | None = None  # As known when it was entered, then as known when posted.
    approved: bool = False
    posted: bool = False
    earlier: tuple[EarlierFigure, ...] = ()

    @property
    def key(self) -> Key:
        """What it is a figure of."""
        return self.sku, self.bucket

    @property
    def variance(self) -> int | None:
        """How many more (fewer: negative) were seen than expected, where that is known."""
        return None if self.expected is None else self.counted - self.expected


class CountDocument(Struct, frozen=True, kw_only=True):
    """A count document after its last event."""

    count_id: str
    version: int
    opened: CountOpened  # As it was asked for, to recognise the same request again.
    lines: Mapping[Key, CountLine] = {}
    approved_by: str | None = None
    posted: bool = False
    cancelled: bool = False

    @property
    def status(self) -> CountStatus:
        """How far it has come. A figure entered after the approval is not approved."""
        if self.cancelled:
            return "cancelled"
        if self.posted:
            return "posted"
        if not self.lines:
            return "open"
        return "approved" if all(line.approved for line in self.lines.values()) else "entered"

    @property
    def missing(self) -> tuple[str, ...] | None:
        """What shall be counted and has no figure; None where no SKUs were named."""
        if not self.opened.skus:
            return None
        entered = {sku for sku, _ in self.lines}
        return tuple(sku for sku in self.opened.skus if sku not in entered)

    def line_states(self) -> tuple[CountLineState, ...]:
        """The lines as an answer shows them; a blind count says nothing of what is expected."""
        return line_states(self.lines.values(), hidden=self.opened.blind and not self.posted)


def line_states(lines: Iterable[CountLine], *, hidden: bool) -> tuple[CountLineState, ...]:
    """Lines as an answer shows them; `hidden` leaves out what was expected."""
    return tuple(
        CountLineState(
            sku=line.sku,
            bucket=line.bucket,
            counted=line.counted,
            counted_at=line.counted_at,
            expected=None if hidden else line.expected,
            variance=None if hidden else line.variance,
            approved=line.approved,
            earlier=line.earlier,
        )
        for line in lines
    )


def evolve(document: CountDocument | None, event: AnyCountEvent) -> CountDocument:
    """The document after one more event of its stream."""
    if isinstance(event, CountOpened):
        assert document is None, "a count is opened once"
        return CountDocument(count_id=event.count_id, version=1, opened=event)
    assert document is not None, "a count's first event opens it"
    after = msgspec.structs.replace(document, version=document.version + 1)
    match event:
        case CountEntered():
            return msgspec.structs.replace(after, lines=_entered(after.lines, event.lines))
        case CountApproved():
            lines = {
                key: msgspec.structs.replace(line, approved=True)
                for key, line in after.lines.items()
            }
            return msgspec.structs.replace(after, lines=lines, approved_by=event.approved_by)
        case CountPosted():
            lines = _posted(after.lines, event.lines)
            return msgspec.structs.replace(after, lines=lines, posted=True)
        case CountCancelled():
            return msgspec.structs.replace(after, cancelled=True)


def _entered(
    lines: Mapping[Key, CountLine], entered: Iterable[EnteredLine]
) -> dict[Key, CountLine]:
    after = dict(lines)
    for one in entered:
        key = (one.sku, one.bucket)
        before = after.get(key)
        earlier: tuple[EarlierFigure, ...] = ()
        if before is not None:
            figure = EarlierFigure(counted=before.counted, counted_at=before.counted_at)
            earlier = (*before.earlier, figure)
        after[key] = CountLine(
            sku=one.sku,
            bucket=one.bucket,
            counted=one.counted,
            counted_at=one.counted_at,
            expected=one.expected,
            earlier=earlier,
        )
    return after


def _posted(lines: Mapping[Key, CountLine], posted: Iterable[PostedLine]) -> dict[Key, CountLine]:
    after = dict(lines)
    for one in posted:
        line = after[one.sku, one.bucket]
        expected = one.counted - one.variance
        after[line.key] = msgspec.structs.replace(line, expected=expected, posted=True)
    return after
