"""What-if as its page defines it, one sale after the other, each from the first event on."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.domain import events as e
from ledger.domain.availability import Shelf, Sku, ats
from ledger.domain.events import ChannelRules, StockEvent
from ledger.domain.values import Instant
from ledger.recorded import Recorded
from tests.property.slow_fences import fences_at
from tests.property.test_point_in_time import _hold as follow_hold
from tests.property.test_point_in_time import brute_force

LONG_AGO: Instant = -(2**62)


class Asked(NamedTuple):
    """A question: whose sales, in which interval, seen how late and by which rules."""

    channel: str
    all_sales: bool
    since: Instant
    until: Instant
    known: int
    delay: int
    rules: ChannelRules
    own_known: bool


class Numbers(NamedTuple):
    """What became of the sales of a SKU."""

    sales: int = 0
    units: int = 0
    held_before: int = 0
    oversells: int = 0
    lost: int = 0
    cut: int = 0
    prevented: int = 0


class SlowWhatIf:
    """All that was known, and a question about it."""

    def __init__(self, events: Sequence[Recorded], asked: Asked, places: Sequence[str]) -> None:
        self.asked = asked
        self.places = sorted(places)
        self.events = [one for one in events if one.position <= asked.known]
        self.stocks = [one for one in self.events if isinstance(one.event, StockEvent)]
        self.left = self._net_units()
        self.channel_of = {
            one.event.reservation_id: one.event.channel
            for one in self.events
            if isinstance(one.event, e.ReservationPlaced)
        }
        self.opened = self._opened()
        self.expired = self._expired()

    def run(self) -> dict[str, Numbers]:
        """By SKU, of those with sales."""
        found: dict[str, Numbers] = defaultdict(Numbers)
        sold: dict[tuple[str, str], int] = defaultdict(int)
        for one in self._in_order():
            event = one.event
            if not isinstance(event, e.StockSold | e.HoldFulfilled) or not self._ours(event):
                continue
            units = self.left.get(one.position, event.quantity)
            if units <= 0:
                continue
            promise, before = None, 0
            if isinstance(event, e.HoldFulfilled):
                promise = self._began(one, event.reservation_id)
                key = (event.sku, f"{event.reservation_id} {promise}")
                before, sold[key] = sold[key], sold[key] + units
            if not self.asked.since <= event.occurred_at < self.asked.until:
                continue
            if promise is None:
                numbers = self._judged(one, units, self.seen(one), 0)
            elif promise.event.occurred_at < self.asked.since:
                short = self.opened.get(one.position, 0)
                numbers = Numbers(1, units, units, short > 0)
            else:
                numbers = self._judged(one, units, self.seen(promise), before)
            found[event.sku] = Numbers(
                *(a + b for a, b in zip(found[event.sku], numbers, strict=True))
            )
        return dict(found)

    def _judged(self, one: Recorded, units: int, seen: int, before: int) -> Numbers:
        short = self.opened.get(one.position, 0)
        lost = max(0, before + units - seen) - max(0, before - seen)
        return Numbers(1, units, 0, short > 0, lost, lost > 0, 0 < short <= lost)

    def seen(self, one: Recorded) -> int:
        """What the channel saw of the SKU of an event as that happened."""
        event = one.event
        assert isinstance(event, StockEvent)
        at = event.occurred_at - self.asked.delay
        before = [other for other in self.events if _precedes(other, one)]
        state = brute_force(before, at, self.asked.known)
        shelves = []
        for place in self.places:
            amounts = state.get((place, event.sku), {})
            free, limit = fences_at(before, place, event.sku, at)
            own = free.pop(self.asked.channel, 0)
            shelves.append(
                Shelf(
                    place,
                    amounts.get("sellable", 0),
                    amounts.get("reserved", 0),
                    own,
                    sum(free.values()),
                    limit,
                )
            )
        number = ats(Sku(event.sku), shelves, self.asked.rules).ats
        if self.asked.own_known:
            number -= self._own(before, event.sku, at, event.occurred_at)
        return max(0, number)

    def _own(self, before: list[Recorded], sku: str, after: Instant, until: Instant) -> int:
        units = 0
        for one in before:
            event = one.event
            if not isinstance(event, StockEvent) or event.sku != sku or event.occurred_at <= after:
                continue
            if isinstance(event, e.HoldsExpired | e.HoldFulfilled):
                continue
            if isinstance(event, e.StockSold) and self._ours(event):
                units += max(0, self.left.get(one.position, event.quantity))
            elif self._promised(getattr(event, "reservation_id", None)):
                units += e.held_delta(event)
        return units - sum(
            quantity
            for at, expired_sku, reservation_id, quantity in self.expired
            if expired_sku == sku and after < at < until and self._promised(reservation_id)
        )

    def _expired(self) -> list[tuple[Instant, str, str, int]]:
        """When which units of holds ran out, whether or not somebody wrote it down."""
        found = []
        holds: dict[tuple[str, str, str], list[int | None]] = {}
        for one in self.stocks:
            event = one.event
            assert isinstance(event, StockEvent)
            if isinstance(event, e.HoldsExpired):
                for hold in event.holds:
                    found.append((hold.expired_at, event.sku, hold.reservation_id, hold.quantity))
                    holds.pop((event.location, event.sku, hold.reservation_id), None)
            else:
                follow_hold(holds, (event.location, event.sku), event)
        for (_, sku, reservation_id), (quantity, expires_at) in holds.items():
            if expires_at is not None:
                found.append((expires_at, sku, reservation_id, quantity or 0))
        return found

    # --- what belongs together --------------------------------------------------------------

    def _in_order(self) -> Iterator[Recorded]:
        return iter(sorted(self.stocks, key=lambda one: (one.event.occurred_at, one.position)))

    def _promised(self, reservation_id: str | None) -> bool:
        return reservation_id is not None and (
            self.asked.all_sales or self.channel_of.get(reservation_id) == self.asked.channel
        )

    def _ours(self, event: e.StockSold | e.HoldFulfilled) -> bool:
        if self.asked.all_sales or event.channel is not None:
            return self.asked.all_sales or event.channel == self.asked.channel
        return self._promised(event.reservation_id)

    def _began(self, fulfilled: Recorded, reservation_id: str) -> Recorded:
        """The event with which the promise began to hold the SKU that was open until then."""
        began, open_units, since = None, 0, LONG_AGO
        for at, one, units in self._holds(fulfilled.event.sku, reservation_id):  # type: ignore[union-attr]
            if one.position == fulfilled.position:
                break
            if isinstance(one.event, e.StockReserved) and open_units == 0 and at > since:
                began = one
            open_units += units
            since = at if open_units == 0 else since
        assert began is not None
        return began

    def _holds(self, sku: str, reservation_id: str) -> list[tuple[Instant, Recorded, int]]:
        found: list[tuple[Instant, Recorded, int]] = []
        for one in self.stocks:
            event = one.event
            assert isinstance(event, StockEvent)
            if event.sku != sku:
                continue
            if isinstance(event, e.HoldsExpired):
                found += [
                    (hold.expired_at, one, -hold.quantity)
                    for hold in event.holds
                    if hold.reservation_id == reservation_id
                ]
            elif getattr(event, "reservation_id", None) == reservation_id:
                found.append((event.occurred_at, one, e.held_delta(event)))
        return sorted(found, key=lambda row: (row[0], row[1].position))

    def _opened(self) -> dict[int, int]:
        """By position: units fewer with which a sale had opened no conflict."""
        known: set[str] = set()
        found: dict[int, int] = defaultdict(int)
        for one in self.stocks:
            event = one.event
            assert isinstance(event, StockEvent)
            for change in event.conflicts:
                if change.conflict_id not in known:
                    known.add(change.conflict_id)
                    found[one.position] += change.short
            if isinstance(event, e.StockSold) and event.reservation_id is not None:
                found[one.position] = max(found[one.position], event.quantity)
        return found

    def _net_units(self) -> dict[int, int]:
        """What is left of every sale that was voided, corrected or cancelled, by position."""
        sales: dict[str | None, list[Recorded]] = defaultdict(list)
        voids: dict[str | None, str] = {}
        left: dict[int, int] = {}
        for one in self.stocks:
            event, name = one.event, one.meta.movement_id
            match event:
                case e.StockSold() | e.HoldFulfilled():
                    sales[name].append(one)
                    left[one.position] = event.quantity
                case e.SaleVoided():
                    voids[name] = event.of
                    _take_off(left, sales[event.of], event.quantity)
                case e.StockCorrected() if event.of in voids:
                    _take_off(left, sales[voids[event.of]], event.quantity)
                case e.StockCorrected() if event.of in sales:
                    _take_off(left, sales[event.of], -event.quantity)
                case _:
                    continue
        return left


def _take_off(left: dict[int, int], sales: list[Recorded], units: int) -> None:
    """From the last part first; more than it was goes to the last one, too."""
    for one in reversed(sales):
        event = one.event
        assert isinstance(event, e.StockSold | e.HoldFulfilled)
        taken = min(units, left[one.position])
        left[one.position] -= taken
        units -= taken


def _precedes(other: Recorded, one: Recorded) -> bool:
    """Whether another event comes first, in business time and then in the ledger."""
    if isinstance(other.event, e.HoldsExpired):
        return True  # Each of its holds has an instant of its own.
    at = one.event.occurred_at
    return (other.event.occurred_at, other.position) < (at, one.position)
