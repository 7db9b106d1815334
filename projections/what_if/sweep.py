"""PURE: one SKU's past in the order in which it happened, seen late and by other rules."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from ledger.domain.availability import Sku
from ledger.domain.values import Instant
from projections.what_if.answers import Seen, Tally
from projections.what_if.policies import Side, State

DAY: Final = 86_400_000_000
"""Microseconds."""


class Sold(NamedTuple):
    """Units left to a customer; `short` is what the conflicts that this opened are short by.

    `held_by`: the reservation whose hold they came from.
    """

    units: int
    ours: bool
    short: int = 0
    held_by: str | None = None


class Held(NamedTuple):
    """A reservation holds more units, or fewer, of the SKU."""

    reservation_id: str
    units: int
    ours: bool


class Fenced(NamedTuple):
    """What is free of fences changed, for the channel and for others; perhaps a limit was set."""

    own: int
    others: int
    limit: int | None


Fact: TypeAlias = Sold | Held | Fenced | None


class Happened(NamedTuple):
    """One thing that happened to a stock: when, at which of the SKU's places, what it changed."""

    at: Instant
    place: int
    sellable: int
    reserved: int
    fact: Fact = None


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
        """The earliest instant that is ever seen."""
        return self.since - max(self.what_if.delay, self.actual.delay)


class _Taken(Struct):
    """Units that the channel sold or promised at an instant: what it knows by itself."""

    at: Instant
    units: int


class _Promise(Struct):
    """A promise of the channel: what it saw as it made it, and what has been sold of it."""

    at: Instant
    seen: tuple[int, int]
    taken: _Taken
    open: int = 0
    sold: int = 0


class _Late:
    """The SKU's stocks as they were some time ago."""

    __slots__ = ("_delay", "_own", "_pending", "own", "states")

    def __init__(self, delay: int, states: Sequence[State]) -> None:
        self._delay = delay
        self.states = states
        self._pending: deque[Happened] = deque()
        self._own: deque[_Taken] = deque()
        self.own = 0

    def advance(self, now: Instant) -> None:
        """See what had happened by then."""
        seen, pending, states = now - self._delay, self._pending, self.states
        while pending and pending[0].at <= seen:
            _, place, sellable, reserved, fact = pending.popleft()
            state = states[place]
            state.sellable += sellable
            state.reserved += reserved
            if type(fact) is Fenced:
                state.own += fact.own
                state.others += fact.others
                state.limit = state.limit if fact.limit is None else fact.limit
        while self._own and self._own[0].at <= seen:
            self.own -= self._own.popleft().units

    def push(self, happened: Happened) -> None:
        """Something that will be seen in time."""
        self._pending.append(happened)

    def take(self, taken: _Taken) -> None:
        """The channel itself takes units; it knows, until it sees it."""
        self._own.append(taken)
        self.own += taken.units

    def change(self, taken: _Taken, units: int, now: Instant) -> None:
        """Of what it took there is about to be more, or less."""
        self.advance(now)
        if taken.at > now - self._delay:
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
            second = _Late(terms.actual.delay, [State(*_values(state)) for state in starts])
        self._lates = (first, second)
        self._each = (first,) if first is second else (first, second)
        self._promises: dict[str, _Promise] = {}
        self._spent: list[str] = []
        self._now: Instant = terms.starts
        self.whole = Tally.empty()
        self.days: dict[int, Tally] = {}

    def take(self, rows: Iterable[Happened]) -> None:
        """Go on."""
        each = self._each
        for happened in rows:
            fact = happened.fact
            if fact is not None:
                self._tell(happened, fact)
            for late in each:
                late.push(happened)

    def _tell(self, happened: Happened, fact: Sold | Held | Fenced) -> None:
        at = happened.at
        if at > self._now:
            self._now = at
            self._forget()
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
            if self._terms.own_known:
                self._take(_Taken(at, sold.units))
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
        if promise is None:
            if held.units <= 0:
                return  # Older than what is looked at.
            promise = _Promise(at, self._see(at), _Taken(at, 0))
            self._promises[held.reservation_id] = promise
            if self._terms.own_known:
                self._take(promise.taken)
        if self._terms.own_known:
            for late in self._each:
                late.change(promise.taken, held.units, at)
            promise.taken.units += held.units
        self._open(held.reservation_id, promise, held.units)

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

    def _take(self, taken: _Taken) -> None:
        for late in self._each:
            late.take(taken)

    def _see(self, at: Instant) -> tuple[int, int]:
        for late in self._each:
            late.advance(at)
        first, second = (
            max(0, side.at(at - side.delay).ats(self._sku, late.states) - late.own)
            for side, late in zip(self._sides, self._lates, strict=True)
        )
        return first, second

    def _judge(self, sold: Sold, at: Instant, seen: tuple[int, int], before: int) -> None:
        day = self._count(sold, at)
        for view, of_whole, of_day in (
            (seen[0], self.whole.what_if, day.what_if),
            (seen[1], self.whole.actual, day.actual),
        ):
            lost = max(0, before + sold.units - view) - max(0, before - view)
            if lost:
                _lose(of_whole, of_day, lost)
            if sold.short:
                _oversell(of_whole, of_day, prevented=lost >= sold.short)

    def _held_before(self, sold: Sold, at: Instant) -> None:
        day = self._count(sold, at)
        for tally in (self.whole, day):
            tally.units_held_before += sold.units
        if sold.short:
            _oversell(self.whole.what_if, day.what_if, prevented=False)
            _oversell(self.whole.actual, day.actual, prevented=False)

    def _count(self, sold: Sold, at: Instant) -> Tally:
        number = at // DAY
        day = self.days.get(number)
        if day is None:
            day = self.days[number] = Tally.empty()
        for tally in (self.whole, day):
            tally.sales += 1
            tally.units += sold.units
            tally.oversells += sold.short > 0
        return day


def _lose(of_whole: Seen, of_day: Seen, lost: int) -> None:
    for seen in (of_whole, of_day):
        seen.sales_lost += lost
        seen.sales_cut += 1


def _oversell(of_whole: Seen, of_day: Seen, *, prevented: bool) -> None:
    for seen in (of_whole, of_day):
        seen.oversells_prevented += prevented
        seen.oversells_left += not prevented


def _values(state: State) -> tuple[str, int, int, int, int, int]:
    return (state.location, state.sellable, state.reserved, state.own, state.others, state.limit)
