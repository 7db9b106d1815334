"""How the auditor reads counts: what he says each shelf held when it was seen, by his own sums."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches
from projections.audit import wire_base, wire_counts

if TYPE_CHECKING:
    from projections.audit.books import StockBook
    from projections.audit.checker import Checker


class Anchor:
    """A count that stands, with what the auditor has there: the level, and the variance's part."""

    __slots__ = ("at", "bucket", "counted", "held", "level", "version")

    def __init__(self, event: wire_counts.Counted, version: int, level: int) -> None:
        """Begin with the level after the count, as of its time."""
        self.at = event.occurred_at
        self.bucket = event.bucket
        self.version = version
        self.counted = event.counted
        self.level = level
        self.held = event.delta


class AnchorBook:
    """The standing counts of one stock, by version."""

    __slots__ = ("moved", "standing", "until")

    def __init__(self) -> None:
        """No count yet."""
        self.standing: dict[int, Anchor] = {}
        self.until = -(2**63)  # Of the latest.
        self.moved = False  # Something happened to them since they were judged last.

    def shift(self, moves: tuple[tuple[str, str, int], ...], occurred_at: int) -> None:
        """Units moved at a moment: every count from there on finds them."""
        self.moved = True
        for anchor in self.standing.values():
            if anchor.at >= occurred_at:
                for source, target, units in moves:
                    anchor.level += units * ((target == anchor.bucket) - (source == anchor.bucket))


def take(
    checker: Checker, book: StockBook, event: wire_base.Stock, position: int, late: bool
) -> None:
    """Enter an event into a stock's counts, once the levels have its moves.

    The level at the time of a late count is what the count says it was: `late_counts_agree`
    looks into that with the whole stream at hand.
    """
    anchors = book.anchors
    if anchors is None:
        if not isinstance(event, wire_counts.Counted):
            return
        anchors = book.anchors = AnchorBook()
    if event.occurred_at <= anchors.until:
        anchors.shift(event.moves(), event.occurred_at)
    match event:
        case wire_counts.Counted():
            twins = [a for a in anchors.standing.values() if _same(a, event)]
            if twins:
                checker.found([Breach(9, position, "two counts of a bucket stand at one moment")])
            level = event.counted if late else book.levels[event.bucket]
            anchors.standing[book.version] = Anchor(event, book.version, level)
            anchors.until = max(anchors.until, event.occurred_at)
            anchors.moved = True
            if late:
                checker.late_counts.setdefault((book.location, book.sku), position)
        case wire_counts.Absorbed():
            anchor = _standing(checker, anchors, event, position)
            if anchor is not None:
                anchor.held += event.delta
        case wire_counts.CountCancelled():
            anchor = _standing(checker, anchors, event, position)
            if anchor is not None:
                del anchors.standing[event.anchor]
                checker.found(laws.cancel_takes_all(position, held=anchor.held, taken=-event.delta))
        case _:
            pass


def judge(checker: Checker, book: StockBook) -> None:
    """After an item: every standing count still finds what it saw."""
    anchors = book.anchors
    if anchors is None or not anchors.moved:
        return
    anchors.moved = False
    for anchor in anchors.standing.values():
        checker.found(
            laws.level_is_counted(
                book.last,
                f"{anchor.bucket} of {book.sku!r} at {book.location!r}",
                counted=anchor.counted,
                level=anchor.level,
            )
        )


def late_counts_agree(stream: Iterable[tuple[int, wire_base.Stock]]) -> Breaches:
    """Law 9 for counts that came in late: one stock's events, each with its position.

    The level of their time is the sum of all that is known to have happened until then.
    """
    found: Breaches = []
    known: list[wire_base.Stock] = []
    highest = -(2**63)
    for position, event in stream:
        if isinstance(event, wire_counts.Counted) and event.occurred_at < highest:
            level = _level_at(known, event.bucket, event.occurred_at)
            name = f"{event.bucket} of {event.sku!r} at {event.location!r}"
            found += laws.level_is_counted(
                position, name, counted=event.counted, level=level + event.delta
            )
        known.append(event)
        highest = max(highest, event.occurred_at)
    return found


def _level_at(known: list[wire_base.Stock], bucket: str, at: int) -> int:
    return sum(
        units * ((target == bucket) - (source == bucket))
        for event in known
        if event.occurred_at <= at
        for source, target, units in event.moves()
    )


def _same(anchor: Anchor, event: wire_counts.Counted) -> bool:
    return (anchor.bucket, anchor.at) == (event.bucket, event.occurred_at)


def _standing(
    checker: Checker,
    anchors: AnchorBook,
    event: wire_counts.Absorbed | wire_counts.CountCancelled,
    position: int,
) -> Anchor | None:
    anchor = anchors.standing.get(event.anchor)
    if anchor is None or (anchor.bucket, anchor.at) != (event.bucket, event.occurred_at):
        what = f"no count of {event.bucket} of version {event.anchor} stands at this moment"
        checker.found([Breach(9, position, what)])
        return None
    return anchor
