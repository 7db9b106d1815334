"""Random requests of three channels over fenced stocks, against a plain reading of the events."""

from collections import defaultdict
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import events as e
from ledger.domain.commands import GrantFence, PlaceReservation
from ledger.domain.refusals import InsufficientStock, Malformed
from ledger.domain.values import Instant, StockId
from ledger.working_set import decode_snapshot, encode_snapshot
from tests.property import reference
from tests.support import builders as b
from tests.support.given import Decision, Ledger, Step, Wait, fields_of
from tests.support.manual_clock import START

PLACES = ("ams-1", "nyc-2")
CHANNELS = ("web", "shop", "market")
SECOND = 1_000_000

_quantities = st.integers(1, 9)
_places = st.sampled_from(PLACES)
_channels = st.sampled_from(CHANNELS)
_orders = st.integers(1, 12).map("order-{}".format)
_expiries = st.none() | st.integers(10, 90).map(lambda s: START + s * SECOND)
_lines = st.builds(lambda q, p: b.line(q, location=p), _quantities, _places)

_rules = st.one_of(
    st.builds(lambda c, q, p: b.fence(c, q, location=p), _channels, _quantities, _places),
    st.builds(lambda c, q, p: b.fence(c, q, location=p), _channels, _quantities, _places),
    st.builds(
        lambda c, q, p: b.unfence(c, q, location=p), _channels, st.none() | _quantities, _places
    ),
    st.builds(lambda n, p: b.backorders(n, location=p), st.integers(0, 4), _places),
)
_requests = st.one_of(
    *[
        st.builds(
            lambda o, line, c, e, policy: b.reserve(
                o, None, line, channel=c, expires_at=e, policy=policy
            ),
            _orders,
            _lines,
            st.none() | _channels,
            _expiries,
            st.sampled_from(["all", "partial"]),
        )
    ]
    * 4,
    st.builds(b.amend, _orders, _lines),
    st.builds(b.confirm, _orders),
    st.builds(lambda o, s: b.extend(o, START + s * SECOND), _orders, st.integers(20, 120)),
    st.builds(b.release, _orders, _lines),
    st.builds(b.release, _orders),
    st.builds(
        lambda o, q, pair: b.relocate(o, b.shift(q, *pair)),
        _orders,
        _quantities,
        st.permutations(PLACES),
    ),
)
_facts = st.one_of(
    st.builds(lambda q, p: b.receive(q, location=p), _quantities, _places),
    st.builds(
        lambda q, c, p: b.sell(q, channel=c, location=p),
        _quantities,
        st.none() | _channels,
        _places,
    ),
    st.builds(lambda q, p: b.scrap(q, location=p), _quantities, _places),
    st.builds(b.fulfil, _orders, _lines),
    st.builds(b.fulfil, _orders),
    st.builds(lambda p: b.sweep(location=p), _places),
    st.builds(Wait, st.integers(0, 30)),
)
_histories: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(_rules, _requests, _requests, _facts), min_size=15, max_size=45
).map(lambda steps: [b.receive(15), b.receive(9, location="nyc-2"), *steps])


class Fenced(NamedTuple):
    """What a plain reading of a stock's events says at an instant."""

    free: dict[str, int]
    held: dict[str, int]
    parts: dict[str, tuple[str, int]]
    limit: int


def _read(stream: list[Any], now: Instant) -> Fenced:
    """Sums over the events; a hold that has run out has nothing any more."""
    free: dict[str, int] = defaultdict(int)
    parts: dict[str, tuple[str, int]] = {}
    limit = 0
    for event in stream:
        match event:
            case e.FenceGranted():
                free[event.channel] += event.quantity
            case e.FenceReturned():
                free[event.channel] -= event.quantity
            case e.BackorderLimitSet():
                limit = event.limit
            case e.HoldsExpired():
                for swept in event.holds:
                    channel, had = parts.pop(swept.reservation_id, ("", 0))
                    assert had == (swept.fence.quantity if swept.fence else 0)
                    if had:
                        free[channel] += had
            case _ if getattr(event, "fence", None) is not None:
                _take(free, parts, event)
    _lapse(free, parts, {hold.holder for hold in reference.running(stream, now)})
    held: dict[str, int] = defaultdict(int)
    for channel, units in parts.values():
        held[channel] += units
    return Fenced(free, held, parts, limit)


def _lapse(free: dict[str, int], parts: dict[str, tuple[str, int]], running: set[str]) -> None:
    """A hold that has run out gives back what it had of a fence."""
    for holder in [holder for holder in parts if holder not in running]:
        channel, units = parts.pop(holder)
        free[channel] += units


def _take(free: dict[str, int], parts: dict[str, tuple[str, int]], event: Any) -> None:
    """The part of an event that a fence gave or got back."""
    units: e.FencedUnits = event.fence
    taking = isinstance(event, e.StockReserved) or getattr(event, "delta", 0) > 0
    if isinstance(event, e.StockSold) or taking:
        free[units.channel] -= units.quantity
    elif not isinstance(event, e.HoldFulfilled):
        free[units.channel] += units.quantity
    if not isinstance(event, e.StockSold):
        _part(parts, event.reservation_id, units, 1 if taking else -1)


def _part(parts: dict[str, tuple[str, int]], holder: str, units: e.FencedUnits, sign: int) -> None:
    channel, had = parts.get(holder, (units.channel, 0))
    assert channel == units.channel
    parts[holder] = channel, had + sign * units.quantity
    if parts[holder][1] == 0:
        del parts[holder]


def _stream(ledger: Ledger, place: str) -> list[Any]:
    return ledger.streams.get(StockId(place, "MUG").stream, [])


def _free_for(stream: list[Any], channel: str | None, now: Instant) -> int:
    """What a channel may promise: sellable and the limit, less holds and others' fences."""
    fenced = _read(stream, now)
    others = sum(units for of, units in fenced.free.items() if of != channel)
    reserved = sum(hold.units for hold in reference.running(stream, now))
    return reference.levels(stream)["sellable"] - reserved + fenced.limit - others


@given(_histories)
def test_fences_are_what_a_plain_reading_of_the_events_says(history: list[Step]) -> None:
    """Free and held by channel, and every hold's part, at every instant: nothing leaks."""
    ledger = Ledger()
    for step in history:
        ledger.take(step)
        for place in PLACES:
            now = ledger.clock.now()
            stock, fenced = ledger.stock(location=place), _read(_stream(ledger, place), now)
            if stock.fences is None:
                assert not fenced.free
                assert not fenced.parts
                continue
            found = {
                channel: (fence.free, fence.held)
                for channel, fence in stock.fences.channels.items()
            }
            expected = {c: (fenced.free[c], fenced.held[c]) for c in CHANNELS}
            assert found == {c: both for c, both in expected.items() if any(both)}
            assert fenced.limit == stock.backorder_limit
            assert fenced.parts == {
                holder: (has.channel, has.quantity) for holder, has in stock.fences.held.items()
            }
            assert all(
                units <= stock.holds[holder].quantity for holder, (_, units) in fenced.parts.items()
            )


@given(_histories)
def test_no_request_takes_what_is_set_aside_for_others(history: list[Step]) -> None:
    """Law 3, judged before every promise; and no promise is refused that could be kept."""
    ledger = Ledger()
    for step in history:
        now = ledger.clock.now() + (0 if isinstance(step, Wait) else SECOND)
        before = {place: list(_stream(ledger, place)) for place in PLACES}
        placed = any(
            isinstance(step, PlaceReservation) and name.endswith(f"/{step.reservation_id}")
            for name in ledger.streams
        )
        decision = ledger.take(step)
        if isinstance(step, PlaceReservation) and not placed:
            _judge_answer(step, decision, before, now)
        if isinstance(step, GrantFence):
            spare = _free_for(before[step.location], None, now)
            spare -= _read(before[step.location], now).limit
            assert (step.quantity <= spare) == (decision.refusal is None)
        _judge_promises(ledger, decision, before, now)


def _judge_promises(
    ledger: Ledger, decision: Decision, before: dict[str, list[Any]], now: Instant
) -> None:
    told: list[Any] = [event for event in decision.events if isinstance(event, e.StockEvent)]
    for event in told:
        stream = before[event.location]
        asked = _asked(event)
        if asked:
            holder = ledger.world.reservation(event.reservation_id)
            assert holder is not None
            channel = holder.placed.channel
            assert asked <= _free_for(stream, channel, now)
            own = _read(stream, now).free.get(channel or "", 0)
            taken = event.fence.quantity if event.fence else 0
            assert taken == min(asked, max(0, own)), "its own fence first"
        stream.append(event)


def _asked(event: Any) -> int:
    match event:
        case e.StockReserved():
            return int(event.quantity)
        case e.HoldAmended():
            return max(0, event.delta)
        case _:
            return 0


def _judge_answer(
    step: PlaceReservation, decision: Decision, before: dict[str, list[Any]], now: Instant
) -> None:
    if isinstance(decision.refusal, Malformed):
        return
    (line,) = step.lines
    free = _free_for(before[line.location], step.channel, now)
    possible = line.quantity <= free or (step.policy == "partial" and free > 0)
    assert possible == (decision.refusal is None)
    assert possible or isinstance(decision.refusal, InsufficientStock)


@given(_histories)
def test_when_every_promise_has_ended_fences_have_all_that_was_not_used(
    history: list[Step],
) -> None:
    """Granted, less returned, less what left with sales and fulfilments: to the last unit."""
    ledger = Ledger()
    for step in history:
        ledger.take(step)
    ledger.take(Wait(1_000))
    for number in range(1, 13):
        ledger.take(b.release(f"order-{number}"))
    for place in PLACES:
        ledger.take(b.sweep(location=place))
        left: dict[str, int] = defaultdict(int)
        for event in _stream(ledger, place):
            match event:
                case e.FenceGranted():
                    left[event.channel] += event.quantity
                case e.FenceReturned():
                    left[event.channel] -= event.quantity
                case e.StockSold() | e.HoldFulfilled() if event.fence:
                    left[event.fence.channel] -= event.fence.quantity
                case _:
                    pass
        fences = ledger.stock(location=place).fences
        found = {} if fences is None else {c: f.free for c, f in fences.channels.items() if f.free}

        assert {c: units for c, units in left.items() if units} == found
        assert fences is None or not fences.held
        assert fences is None or fences.free_total == sum(found.values())


@given(_histories, st.data())
def test_fences_survive_a_snapshot_anywhere(history: list[Step], data: st.DataObject) -> None:
    """Events alone make the same state, whether read from the first or from a snapshot on."""
    ledger = Ledger()
    for step in history:
        ledger.take(step)
    for place in PLACES:
        stream = _stream(ledger, place)
        stock = type(ledger.stock(location=place))(StockId(place, "MUG"))
        break_at = data.draw(st.integers(0, len(stream)), label=place)
        for number, event in enumerate(stream):
            if number == break_at:
                stock = decode_snapshot(encode_snapshot(stock), stock.version)
            stock.evolve(event)
        stock.advance(ledger.clock.now())

        assert fields_of(ledger.stock(location=place)) == fields_of(stock)


def test_what_an_expiry_gave_back_may_be_sold_before_it_is_written_down() -> None:
    """The events alone make the same state then, from the first one and from a snapshot."""
    ledger = Ledger()
    for step in (
        b.receive(9),
        b.fence("web", 1),
        b.reserve("order-1", None, b.line(5), channel="web", expires_at=START + 30 * SECOND),
        Wait(60),
        b.sell(4, channel="web"),
    ):
        ledger.take(step)
    kept, stream = ledger.stock(), _stream(ledger, "ams-1")
    replayed = type(kept)(StockId("ams-1", "MUG"))
    for event in stream:
        replayed.evolve(event)
    restored = decode_snapshot(encode_snapshot(kept), kept.version)
    for stock in (replayed, restored):
        stock.advance(ledger.clock.now())

    assert stream[-1].fence == e.FencedUnits(channel="web", quantity=1)
    assert fields_of(kept) == fields_of(replayed) == fields_of(restored)
