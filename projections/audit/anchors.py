"""How the auditor reads counts: what he says each shelf held when it was seen, by his own sums."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches
from projections.audit import wire_base, wire_counts

if TYPE_CHECKING:
    from projections.audit.books import StockBook
    from projections.audit.checker import Checker

_PLACES: Final = {bucket: place for place, bucket in enumerate(laws.PHYSICAL)}


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
    """The standing counts of one stock.

    A late fact shifts every count from its time on, and what is absorbed shifts them back: the
    two meet at the first of these counts, so that most late facts come to nothing there, and
    no other count has to be touched.
    """

    __slots__ = ("_doubtful", "_shifts", "_times", "standing", "until")

    def __init__(self) -> None:
        """No count yet."""
        self.standing: dict[int, Anchor] = {}  # By version.
        self.until = -(2**63)  # Of the latest.
        self._times: dict[str, list[int]] = {}  # Of each bucket, in order.
        self._shifts: dict[tuple[str, int], int] = {}  # From a count on, not yet carried over.
        self._doubtful: set[int] = set()

    def shift(self, moves: tuple[tuple[str, str, int], ...], occurred_at: int) -> None:
        """Units moved at a moment: every count from there on finds them."""
        for source, target, units in moves:
            for bucket, delta in ((source, -units), (target, units)):
                times = self._times.get(bucket, ())
                place = bisect_left(times, occurred_at)
                if place < len(times):
                    key = (bucket, times[place])
                    self._shifts[key] = self._shifts.get(key, 0) + delta

    def add(self, anchor: Anchor) -> bool:
        """One more count. False: another one of the same moment stands."""
        self._carry()
        times = self._times.setdefault(anchor.bucket, [])
        alone = anchor.at not in times[bisect_left(times, anchor.at) :][:1]
        insort(times, anchor.at)
        self.standing[anchor.version] = anchor
        self.until = max(self.until, anchor.at)
        self._doubtful.add(anchor.version)
        return alone

    def remove(self, anchor: Anchor) -> None:
        """A count does not stand any more."""
        self._carry()
        self._times[anchor.bucket].remove(anchor.at)
        del self.standing[anchor.version]

    def doubtful(self) -> Iterator[Anchor]:
        """The counts whose levels have changed, or were never looked at; each once."""
        if self._shifts:
            self._carry()
        while self._doubtful:
            anchor = self.standing.get(self._doubtful.pop())
            if anchor is not None:
                yield anchor

    def _carry(self) -> None:
        for (bucket, at), delta in self._shifts.items():
            if delta:
                for anchor in self.standing.values():
                    if anchor.bucket == bucket and anchor.at >= at:
                        anchor.level += delta
                        self._doubtful.add(anchor.version)
        self._shifts.clear()


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
    if isinstance(event, wire_counts.Counted):
        _counted(checker, book, anchors, event, position, late)
    elif isinstance(event, wire_counts.Absorbed):
        anchor = _standing(checker, anchors, event, position)
        if anchor is not None:
            anchor.held += event.delta
    elif isinstance(event, wire_counts.CountCancelled):
        anchor = _standing(checker, anchors, event, position)
        if anchor is not None:
            anchors.remove(anchor)
            taken = -event.delta
            checker.found(laws.cancel_takes_all(position, held=anchor.held, taken=taken))


def _counted(
    checker: Checker,
    book: StockBook,
    anchors: AnchorBook,
    event: wire_counts.Counted,
    position: int,
    late: bool,
) -> None:
    level = event.counted if late else book.levels[event.bucket]
    if not anchors.add(Anchor(event, book.version, level)):
        checker.found([Breach(9, position, "two counts of a bucket stand at one moment")])
    if late:
        checker.late_counts.setdefault((book.location, book.sku), position)


def judge(checker: Checker, book: StockBook) -> None:
    """After an item: every standing count still finds what it saw."""
    anchors = book.anchors
    if anchors is None:
        return
    for anchor in anchors.doubtful():
        checker.found(
            laws.level_is_counted(
                book.last,
                f"{anchor.bucket} of {book.sku!r} at {book.location!r}",
                counted=anchor.counted,
                level=anchor.level,
            )
        )


class Shelf:
    """One stock's whole past in four columns: when, the latest until then, which bucket, how many.

    Thirty bytes a change, for the few stocks that are looked into.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._when = array("q")
        self._latest = array("q")
        self._bucket = array("b")
        self._units = array("q")
        self._levels = [0] * len(laws.PHYSICAL)
        self.latest = -(2**63)

    def take(self, event: wire_base.Stock) -> None:
        """Enter what an event moves."""
        self.latest = max(self.latest, event.occurred_at)
        for source, target, units in event.moves():
            for bucket, delta in ((source, -units), (target, units)):
                place = _PLACES.get(bucket)
                if place is not None:
                    self._when.append(event.occurred_at)
                    self._latest.append(self.latest)
                    self._bucket.append(place)
                    self._units.append(delta)
                    self._levels[place] += delta

    def level_at(self, bucket: str, at: int) -> int:
        """The level of a moment: the present one without what happened later."""
        wanted = _PLACES[bucket]
        level = self._levels[wanted]
        for row in range(len(self._when) - 1, -1, -1):
            if self._latest[row] <= at:
                break
            if self._bucket[row] == wanted and self._when[row] > at:
                level -= self._units[row]
        return level


def late_counts_agree(stream: Iterable[tuple[int, wire_base.Stock]]) -> Breaches:
    """Law 9 for counts that came in late: one stock's events, each with its position."""
    found: Breaches = []
    shelf = Shelf()
    for position, event in stream:
        if isinstance(event, wire_counts.Counted) and event.occurred_at < shelf.latest:
            found += laws.level_is_counted(
                position,
                f"{event.bucket} of {event.sku!r} at {event.location!r}",
                counted=event.counted,
                level=shelf.level_at(event.bucket, event.occurred_at) + event.delta,
            )
        shelf.take(event)
    return found


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
