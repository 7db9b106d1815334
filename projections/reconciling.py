"""Another system's balances beside ours: a question that history and the classifier answer.

A list of any length is taken piece by piece. Each piece costs one question for the balances, and
a few for the events around those that differ.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct, structs

from ledger.domain.events import Measure, StockDispatched
from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant
from projections.clocks import position_at
from projections.feed import head
from projections.history import comparing
from projections.history.comparing import Amounts, Around, Happened, Moment
from projections.progress import Pool, wait_for
from projections.reconciliations.classify import Case, Change, Explanation, explain
from projections.reconciliations.comparison import Findings, Variance, allowed

PIECE_KEYS: Final = 1_000
"""Keys compared by one question: far below a reader's statement timeout."""

_CASES_AT_ONCE: Final = 100
"""Keys whose events are looked at together: at most some 40,000 rows."""

_DAY: Final = 86_400 * MICROSECONDS_PER_SECOND

WINDOW_DEFAULT_S: Final = 3_600
"""Around the moment: clocks and nightly jobs differ by minutes, not by days."""

LOOK_BACK: Final = 35 * _DAY
"""How far back a movement may lie that was counted twice or missed, or is on its way: a month's
end is compared with the one before."""

UNFAMILIAR_REMEMBERED_MAX: Final = 100_000
"""Unknown keys that are remembered, so that one named twice is noticed."""


class Entry(NamedTuple):
    """What another system says of one key."""

    sku: str
    location: str
    quantity: int


class NamedTwice(ValueError):
    """A list has a key twice."""

    def __init__(self, entry: Entry) -> None:
        """Name it."""
        super().__init__(f"{entry.sku!r} at {entry.location!r} is in the list twice")
        self.entry = entry


class Pins(Struct, frozen=True, kw_only=True):
    """How far the ledger had got: with them a comparison always comes out the same."""

    as_of: Instant
    known: int
    cut: int  # The last position the other system can have known.
    horizon: int  # The last one looked at.


class Terms(Struct, frozen=True, kw_only=True):
    """How two balances are compared."""

    pins: Pins
    measure: Measure = "on_hand"
    tolerance_units: int = 0
    tolerance_per_mille: int = 0
    window: int = WINDOW_DEFAULT_S * MICROSECONDS_PER_SECOND
    complete: bool = False
    locations: tuple[str, ...] = ()  # Whose missing keys count; none: those that the list names.


async def pins(
    pool: Pool,
    *,
    as_of: Instant,
    known: int | Instant | None,
    known_is_position: bool,
    taken_at: Instant,
    timeout_s: float,
) -> Pins:
    """How far the ledger has got now, or had got when the question says.

    Waits for history to have read as far: a list is compared with all that was recorded before
    it came.
    """
    if known is None:
        upto = await head(pool)
    elif known_is_position:
        upto = known
    else:
        upto = await _position_at(pool, known)
    position = await wait_for(pool, "history", upto, timeout_s)
    cut = await _position_at(pool, taken_at)
    return Pins(as_of=as_of, known=upto, cut=min(cut, upto), horizon=max(position, upto))


async def _position_at(pool: Pool, at: Instant) -> int:
    async with pool.connection() as connection:
        position, _ = await position_at(connection, at)
    return position


class Comparison:
    """One list under way."""

    def __init__(self, pool: Pool, terms: Terms) -> None:
        """Compare with a pool's ledger on some terms."""
        self.findings = Findings()
        self._pool = pool
        self._terms = terms
        self._seen = _Seen()
        self._unfamiliar: set[tuple[str, str]] = set()
        self._locations: dict[str, None] = dict.fromkeys(terms.locations)

    async def take(self, entries: Sequence[Entry]) -> list[Variance]:
        """Compare a piece of the list; the variances beyond the tolerance. Raises NamedTwice."""
        keys = [(one.location, one.sku) for one in entries]
        terms, at = self._terms, self._terms.pins
        moment = Moment(at.as_of, at.known, terms.measure == "available")
        levels = await comparing.levels_of(self._pool, keys, moment)
        differing: list[_Differing] = []
        for entry, level in zip(entries, levels, strict=True):
            self._once(entry, None if level is None else level.stock)
            ours = 0 if level is None else _measured(terms.measure, level.amounts)
            stock = None if level is None else level.stock
            self._judge(_Differing(entry, ours, stock), differing)
        return await self._explained(differing)

    async def missing(self) -> AsyncIterator[list[Variance]]:
        """The keys of the ledger that a complete list lacks, as variances, piece by piece."""
        if not self._terms.complete:
            return
        known = self._terms.pins.known
        for location in self._locations:
            after = ""
            while page := await comparing.stocks_at(self._pool, location, known, after, PIECE_KEYS):
                after = page[-1].sku
                absent = [one for one in page if one.stock not in self._seen]
                if absent:
                    yield await self._absent(absent)

    async def _absent(self, absent: list[comparing.Stock]) -> list[Variance]:
        terms, at = self._terms, self._terms.pins
        moment = Moment(at.as_of, at.known, terms.measure == "available")
        keys = [(one.location, one.sku) for one in absent]
        differing: list[_Differing] = []
        for one, level in zip(
            absent, await comparing.levels_of(self._pool, keys, moment), strict=True
        ):
            ours = 0 if level is None else _measured(terms.measure, level.amounts)
            if ours:
                found = _Differing(Entry(one.sku, one.location, 0), ours, one.stock, missing=True)
                self._judge(found, differing)
        return await self._explained(differing)

    def _once(self, entry: Entry, stock: int | None) -> None:
        if not self._terms.locations:
            self._locations.setdefault(entry.location)
        if stock is not None:
            if not self._seen.add(stock):
                raise NamedTwice(entry)
        elif (key := (entry.location, entry.sku)) in self._unfamiliar:
            raise NamedTwice(entry)
        elif len(self._unfamiliar) < UNFAMILIAR_REMEMBERED_MAX:
            self._unfamiliar.add(key)

    def _judge(self, found: "_Differing", differing: "list[_Differing]") -> None:
        if abs(found.variance) > self._tolerance(found.ours):
            differing.append(found)
        else:
            self.findings.close(found.entry.location, found.variance)

    def _tolerance(self, ours: int) -> int:
        return allowed(ours, self._terms.tolerance_units, self._terms.tolerance_per_mille)

    async def _explained(self, differing: "list[_Differing]") -> list[Variance]:
        variances: list[Variance] = []
        for start in range(0, len(differing), _CASES_AT_ONCE):
            some = differing[start : start + _CASES_AT_ONCE]
            cases = await self._cases(some)
            # Off the loop: a hundred hard cases take tens of milliseconds.
            explanations = await asyncio.to_thread(self._explain, cases)
            for one, explanation in zip(some, explanations, strict=True):
                variance = Variance(
                    sku=one.entry.sku,
                    location=one.entry.location,
                    theirs=one.entry.quantity,
                    ours=one.ours,
                    explanation=explanation,
                    missing=one.missing,
                    unfamiliar=one.stock is None,
                )
                self.findings.take(variance)
                variances.append(variance)
        return variances

    def _explain(self, cases: list[Case]) -> list[Explanation]:
        return [explain(case, self._tolerance(case.ours)) for case in cases]

    async def _cases(self, differing: "list[_Differing]") -> list[Case]:
        at, window = self._terms.pins, self._terms.window
        stocks = [one.stock for one in differing if one.stock is not None]
        since = at.as_of - max(LOOK_BACK, window)
        # Where the ledger had not begun at the cut, nothing can be said of what came after it.
        cut = at.cut or at.known
        around = Around(at.as_of, at.known, since, at.as_of + window, cut, at.horizon)
        happened = await comparing.changes_around(self._pool, stocks, around) if stocks else []
        ways = await self._ways(stocks, since) if stocks else {}
        under_way = await self._under_way(happened, since)
        changes = _by_stock(_change(one, self._terms.measure, under_way) for one in happened)
        return [
            Case(
                theirs=one.entry.quantity,
                ours=one.ours,
                as_of=at.as_of,
                known=at.known,
                cut=at.cut,
                window=window,
                changes=tuple(changes.get(one.stock, ())),
                ways=tuple(ways.get(one.stock, ())),
                missing=one.missing,
            )
            for one in differing
        ]

    async def _ways(self, stocks: list[int], since: Instant) -> dict[int | None, list[Change]]:
        """What is on its way to some stocks."""
        at = self._terms.pins
        sent = await comparing.ways_around(self._pool, stocks, at.known, since, at.as_of)
        return _ways(sent)

    async def _under_way(self, happened: list[Happened], since: Instant) -> set[int]:
        """The positions of dispatches whose goods have not all arrived where they were sent."""
        left = {
            one.position: (event.to_location, event.sku, event.transfer_id)
            for one in happened
            if isinstance(event := one.body.event, StockDispatched)
        }
        if not left:
            return set()
        ends = list({(location, sku) for location, sku, _ in left.values()})
        at = self._terms.pins
        levels = await comparing.levels_of(self._pool, ends, Moment(at.as_of, at.known, held=False))
        numbers = {end: level.stock for end, level in zip(ends, levels, strict=True) if level}
        ways = await self._ways(list(numbers.values()), since)
        awaited = {(end, way.transfer_id) for end, n in numbers.items() for way in ways.get(n, ())}
        return {
            position
            for position, (location, sku, transfer_id) in left.items()
            if ((location, sku), transfer_id) in awaited
        }


class _Differing(NamedTuple):
    """A key under consideration, and its stock's number, where it has one."""

    entry: Entry
    ours: int
    stock: int | None
    missing: bool = False

    @property
    def variance(self) -> int:
        return self.entry.quantity - self.ours


class _Seen:
    """Which stocks a list has named: a bit for each position of the ledger, not for each name."""

    def __init__(self) -> None:
        self._own = bytearray()
        self._destinations: set[int] = set()  # Negative numbers are few.

    def add(self, stock: int) -> bool:
        """Whether it is new."""
        if stock in self:
            return False
        if stock < 0:
            self._destinations.add(stock)
            return True
        place = stock >> 3
        if place >= len(self._own):
            self._own.extend(bytes(place + 1 - len(self._own)))
        self._own[place] |= 1 << (stock & 7)
        return True

    def __contains__(self, stock: int) -> bool:
        if stock < 0:
            return stock in self._destinations
        place = stock >> 3
        return place < len(self._own) and bool(self._own[place] & 1 << (stock & 7))


def _measured(measure: Measure, amounts: Amounts) -> int:
    match measure:
        case "on_hand":
            return sum(amounts[:-1])
        case "sellable":
            return amounts[0]
        case "available":
            return amounts[0] - amounts[-1]


def _by_stock(found: Iterable[tuple[int, Change]]) -> dict[int | None, list[Change]]:
    """What changed the measured quantity, by stock; a sweep of many holds is one change."""
    changes: dict[int | None, dict[tuple[int, Instant], Change]] = {}
    for stock, change in found:
        own = changes.setdefault(stock, {})
        key = (change.position, change.occurred_at)
        before = own.get(key)
        own[key] = change if before is None else _added(before, change)
    return {stock: [one for one in own.values() if one.delta] for stock, own in changes.items()}


def _added(before: Change, change: Change) -> Change:
    return structs.replace(before, delta=before.delta + change.delta)


def _change(one: Happened, measure: Measure, under_way: set[int]) -> tuple[int, Change]:
    meta = one.body.meta
    return one.stock, Change(
        position=one.position,
        occurred_at=one.occurred_at,
        recorded_at=one.recorded_at,
        delta=_measured(measure, one.amounts),
        type=one.topic,
        movement_id=meta.movement_id,
        reference=meta.reference,
        transfer_id=getattr(one.body.event, "transfer_id", None),
        out_of_order=one.occurred_at < one.effective_at,
        under_way=one.position in under_way,
    )


def _ways(sent: Iterable[Happened]) -> dict[int | None, list[Change]]:
    """What is on its way to each stock, a change for each transfer, as its last dispatch tells."""
    found: dict[int | None, dict[str, Change]] = {}
    for one in sent:  # The last event first.
        transfer_id = getattr(one.body.event, "transfer_id", None) or ""
        own = found.setdefault(one.stock, {})
        before = own.get(transfer_id)
        change = Change(
            position=one.position,
            occurred_at=one.occurred_at,
            recorded_at=one.recorded_at,
            delta=one.amounts[0],
            type=one.topic,
            reference=one.body.meta.reference,
            transfer_id=transfer_id,
        )
        if before is None:
            own[transfer_id] = change
        elif before.type == change.type or before.delta > 0:
            own[transfer_id] = _added(before, change)
        else:
            own[transfer_id] = _added(change, before)
    return {
        stock: sorted((one for one in own.values() if one.delta > 0), key=lambda one: -one.position)
        for stock, own in found.items()
    }
