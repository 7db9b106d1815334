"""PURE: one SKU's past in the order in which it happened, seen late and by other rules."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from ledger.domain.availability import Sku
from ledger.domain.values import Instant
from projections.what_if.answers import Seen, Tally
from projections.what_if.policies import Side, State

DAY: Final = 86_400_000_000
"""Microseconds."""


class Sold(NamedTuple):
    """Units left to a customer; with `short` units fewer it had opened no conflict. 0: it did not.

    `held_by`: the reservation whose hold they came from.
    """

    units: int
    ours: bool
    short: int = 0
    held_by: str | None = None


class Held(NamedTuple):
    """A reservation holds more units of the SKU, or fewer; `begins`: where it had none."""

    reservation_id: str
    units: int
    ours: bool
    begins: bool = False


class Fenced(NamedTuple):
    """What is free of fences changed, for the channel and for others; perhaps a limit was set."""

    own: int
    others: int
    limit: int | None


Fact: TypeAlias = Sold | Held | Fenced | None


Happened: TypeAlias = tuple[Instant, int, int, int, Fact]
"""One thing that happened to a stock: when, at which of the SKU's places, what it changed of
`sellable` and of `reserved`, and what it says of sales, promises and fences. A plain tuple: there
may be millions, and one with names takes five times as long to make.
"""


class Terms(Struct, frozen=True):
    """What a replay is about: sales from one instant on and before another, seen in two ways.

    `own_known`: the channel counts down what it sold and promised since what it sees.
    """

    since: Instant
    until: Instant
    what_if: Side
    actual: Side
    own_known: bool = False

    @property
    def starts(self) -> Instant:
        """The earliest instant that is ever seen; before the first one that counts, in any case."""
        return self.since - max(self.what_if.delay, self.actual.delay, 1)


class _Promise(Struct):
    """A promise of the channel: what it saw as it made it, and what has been sold of it."""

    at: Instant
    seen: tuple[int, int]
    open: int = 0
    sold: int = 0


class _Late:
    """The SKU's stocks as they were some time ago."""

    __slots__ = ("_delay", "_own", "_pending", "own", "push", "states")

    def __init__(self, delay: int, states: Sequence[State]) -> None:
        self._delay = delay
        self.states = states
        self._pending: deque[Happened] = deque()
        self.push = self._pending.append  # Something that will be seen in time.
        self._own: deque[tuple[Instant, int]] = deque()
        self.own = 0

    def advance(self, now: Instant) -> None:
        """See what had happened by then."""
        seen, pending, states = now - self._delay, self._pending, self.states
        while pending and pending[0][0] <= seen:
            _, place, sellable, reserved, fact = pending.popleft()[:5]
            state = states[place]
            state.sellable += sellable
            state.reserved += reserved
            if type(fact) is Fenced:
                state.own += fact.own
                state.others += fact.others
                state.limit = state.limit if fact.limit is None else fact.limit
        while self._own and self._own[0][0] <= seen:
            self.own -= self._own.popleft()[1]

    def take(self, at: Instant, units: int) -> None:
        """The channel itself takes units, or gives some back: it knows before it sees."""
        self._own.append((at, units))
        self.own += units


class Sweep:
    """Takes what happened to one SKU, in order of business time and then of the ledger."""

    def __init__(self, terms: Terms, sku: Sku, starts: Sequence[State]) -> None:
        """Begin with what each place had at the earliest instant that is seen."""
        self._terms = terms
        self._sku = sku
        self._sides = (terms.what_if, terms.actual)
        first = _Late(terms.what_if.delay, starts)
        second = first
        if terms.actual.delay != terms.what_if.delay:
            second = _Late(terms.actual.delay, [State(*state.shelf()) for state in starts])
        self._lates = (first, second)
        self._each = (first,) if first is second else (first, second)
        self._promises: dict[str, _Promise] = {}
        self._older: set[str] = set()  # Promises that were there before anything is looked at.
        self._spent: list[str] = []
        self._now: Instant = terms.starts
        self.days: dict[int, Tally] = {}

    @property
    def whole(self) -> Tally:
        """All days together."""
        whole = Tally.empty()
        for day in self.days.values():
            whole.add(day)
        return whole

    def take(self, rows: Sequence[Happened]) -> None:
        """Go on. What happened at one instant comes at once."""
        if not rows:
            return
        first = self._each[0].push
        second = self._each[-1].push if len(self._each) > 1 else None
        for happened in rows:
            fact = happened[4]
            if fact is not None:
                self._tell(happened[0], fact)
            first(happened)
            if second is not None:
                second(happened)
        for late in self._each:  # What has been seen need not wait for the next sale.
            late.advance(rows[-1][0])

    def _tell(self, at: Instant, fact: Sold | Held | Fenced) -> None:
        if self._spent and at > self._now:
            self._forget()
        self._now = at
        if type(fact) is Sold:
            if fact.ours and fact.units > 0:
                self._sold(fact, at)
        elif type(fact) is Held and fact.ours:
            self._held(fact, at)

    def _sold(self, sold: Sold, at: Instant) -> None:
        promise = None if sold.held_by is None else self._promises.get(sold.held_by)
        counts = self._terms.since <= at
        if sold.held_by is None:
            if counts:
                self._judge(sold, at, self._see(at), 0)
            self._take(at, sold.units)
        elif promise is None or promise.at < self._terms.since:
            if counts:
                self._held_before(sold, at)
        else:
            self._judge(sold, at, promise.seen, promise.sold)
        if promise is not None:
            promise.sold += sold.units
            self._open(sold.held_by or "", promise, -sold.units)

    def _held(self, held: Held, at: Instant) -> None:
        promise = self._promises.get(held.reservation_id)
        if promise is None and held.begins and held.reservation_id not in self._older:
            seen = self._see(at) if at >= self._terms.since else (0, 0)
            promise = self._promises[held.reservation_id] = _Promise(at, seen)
        self._take(at, held.units)
        if promise is not None:
            self._open(held.reservation_id, promise, held.units)
        else:
            self._older.add(held.reservation_id)  # It may go on elsewhere.

    def _open(self, reservation_id: str, promise: _Promise, units: int) -> None:
        promise.open += units
        if promise.open <= 0:
            self._spent.append(reservation_id)

    def _forget(self) -> None:
        """Promises of which nothing is open. Within one instant they may move elsewhere first."""
        for reservation_id in self._spent:
            promise = self._promises.get(reservation_id)
            if promise is not None and promise.open <= 0:
                del self._promises[reservation_id]
        self._spent.clear()

    def _take(self, at: Instant, units: int) -> None:
        if self._terms.own_known:
            for late in self._each:
                late.take(at, units)

    def _see(self, at: Instant) -> tuple[int, int]:
        """What the channel is told at an instant, the one way and the other."""
        first, second = self._lates
        one, other = self._sides
        first.advance(at)
        seen = one.at(at - one.delay).ats(self._sku, first.states)
        if second is not first:
            second.advance(at)
        as_it_was = other.at(at - other.delay).ats(self._sku, second.states)
        if self._terms.own_known:
            return max(0, seen - first.own), max(0, as_it_was - second.own)
        return seen, as_it_was

    def _judge(self, sold: Sold, at: Instant, seen: tuple[int, int], before: int) -> None:
        day = self._count(sold, at)
        _lose(day.what_if, sold, seen[0], before)
        _lose(day.actual, sold, seen[1], before)

    def _held_before(self, sold: Sold, at: Instant) -> None:
        day = self._count(sold, at)
        day.units_held_before += sold.units
        if sold.short:
            day.what_if.oversells_left += 1
            day.actual.oversells_left += 1

    def _count(self, sold: Sold, at: Instant) -> Tally:
        number = at // DAY
        day = self.days.get(number)
        if day is None:
            day = self.days[number] = Tally.empty()
        day.sales += 1
        day.units += sold.units
        if sold.short:
            day.oversells += 1
        return day


def _lose(of_day: Seen, sold: Sold, seen: int, before: int) -> None:
    """Units above what was seen are lost; `before` of the promise had been sold."""
    lost = before + sold.units - seen
    if lost > 0:
        lost = min(lost, sold.units)
        of_day.sales_lost += lost
        of_day.sales_cut += 1
    if sold.short:
        prevented = lost >= sold.short
        of_day.oversells_prevented += prevented
        of_day.oversells_left += not prevented
