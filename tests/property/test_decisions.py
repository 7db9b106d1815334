"""Random histories of commands: the laws after each, a plain reference beside the fast state."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import events as e
from ledger.domain import laws
from ledger.domain.commands import PlaceReservation
from ledger.domain.refusals import InsufficientStock
from ledger.domain.reservation import Reservation
from ledger.domain.stock import NEGATIVE_STOCK, PROMISE_BROKEN, Stock
from ledger.domain.streams import evolved, initial
from ledger.domain.values import Instant, StockId
from ledger.working_set import decode_snapshot, encode_snapshot
from tests.property import reference
from tests.property.commands import histories
from tests.support import builders as b
from tests.support.given import Decision, Ledger, Step, fields_of

_STALE = b.adjust(1, expected_on_hand=-1_000_000)
"""Refused wherever it stands."""


def _stocks(ledger: Ledger) -> list[tuple[Stock, list[Any]]]:
    """Every stock of these tests, with its stream; goods come and go between two places."""
    return [
        (ledger.stock(sku, place), ledger.streams.get(StockId(place, sku).stream, []))
        for place in ("ams-1", "nyc-2")
        for sku in ("MUG", "LAMP")
    ]


def _shorts(stock: Stock, kind: str) -> dict[str, int]:
    return {holder: c.short for (of, holder), c in stock.conflicts.items() if of == kind}


@given(histories)
def test_levels_and_holds_are_what_a_plain_reading_of_the_events_says(history: list[Step]) -> None:
    """Reserved, available and every bucket, after every command, at its instant."""
    ledger = Ledger()
    for step in history:
        ledger.take(step)
        now = ledger.clock.now()
        for stock, stream in _stocks(ledger):
            held = {hold.holder: hold.units for hold in reference.running(stream, now)}

            assert reference.levels(stream) == stock.levels
            assert held == {holder: hold.quantity for holder, hold in stock.holds.items()}
            assert sum(held.values()) == stock.reserved
            assert reference.levels(stream)["sellable"] - stock.reserved == stock.available


@given(histories)
def test_open_conflicts_are_the_brute_force_waterfall(history: list[Step]) -> None:
    """Recorded at the last event of each stock; at any instant between, `short_now` knows."""
    ledger = Ledger()
    told: dict[str, Instant] = {}
    for step in history:
        decision = ledger.take(step)
        told.update({x.event.stream: x.cause.instant for x in decision.effects})
        for stock, stream in _stocks(ledger):
            last = told.get(stock.stock_id.stream, 0)
            expected = reference.broken(stream, last)

            assert expected == _shorts(stock, PROMISE_BROKEN)
            assert reference.negative(stream) == _shorts(stock, NEGATIVE_STOCK)
            now = reference.broken(stream, ledger.clock.now())
            assert now == {h: n for h in stock.holds if (n := stock.short_now(h))}


@given(histories)
def test_the_conflicts_own_streams_tell_what_the_stocks_tell(history: list[Step]) -> None:
    """Opened once, changed only to another amount, cleared with the cause: by one name."""
    ledger = Ledger()
    for step in history:
        ledger.take(step)
    told: dict[str, tuple[str, int]] = {}
    for stream in ledger.streams.values():
        for event in stream:
            if isinstance(event, e.ConflictOpened):
                told[event.conflict_id] = event.kind, event.short
            elif isinstance(event, e.ConflictChanged):
                assert told[event.conflict_id][1] != event.short
                told[event.conflict_id] = event.kind, event.short
            elif isinstance(event, e.ConflictCleared):
                del told[event.conflict_id]
    still_open = {
        name: kind_and_short
        for name, kind_and_short in told.items()
        if kind_and_short[0] in (PROMISE_BROKEN, NEGATIVE_STOCK)
    }

    assert still_open == {
        conflict.conflict_id: (kind, conflict.short)
        for entry in ledger.world._entries.values()
        if isinstance(entry.state, Stock)
        for (kind, _), conflict in entry.state.conflicts.items()
    }


@given(histories, st.data())
def test_the_living_state_is_a_replay_with_a_snapshot_anywhere(
    history: list[Step], data: st.DataObject
) -> None:
    """Events alone make the same state, whether read from the first or from a snapshot on."""
    ledger = Ledger()
    for step in history:
        ledger.take(step)
    for name, stream in ledger.streams.items():
        state = initial(name)
        break_at = data.draw(st.integers(0, len(stream)), label=name)
        for number, event in enumerate(stream):
            if number == break_at and isinstance(state, Stock):
                state = decode_snapshot(encode_snapshot(state), state.version)
            state = evolved(state, event)
        living = ledger.world._entries[name].state
        if isinstance(state, Stock):
            assert isinstance(living, Stock)
            state.advance(ledger.clock.now())
            living.advance(ledger.clock.now())
            assert fields_of(living) == fields_of(state)
            assert living.version == state.version == len(stream)
        else:
            assert living == state


def _wanted(step: PlaceReservation) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for line in step.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return wanted


@given(histories)
def test_a_promise_is_granted_exactly_where_there_is_enough(history: list[Step]) -> None:
    """Against a fresh sum over all events: never one unit too much, never a wrong no."""
    ledger = Ledger()
    for step in history:
        new = isinstance(step, PlaceReservation) and not any(
            name.endswith(f"/{step.reservation_id}") for name in ledger.streams
        )
        free = {
            sku: reference.levels(stream)["sellable"]
            - sum(h.units for h in reference.running(stream, ledger.clock.now() + 1_000_000))
            for sku in ("MUG", "LAMP")
            for stream in [ledger.streams.get(StockId("ams-1", sku).stream, [])]
        }
        decision = ledger.take(step)
        if isinstance(step, PlaceReservation) and new:
            _judge_promise(_wanted(step), free, step, decision)


def _judge_promise(
    wanted: dict[str, int], free: dict[str, int], step: PlaceReservation, decision: Decision
) -> None:
    enough = all(quantity <= free[sku] for sku, quantity in wanted.items())
    some = any(free[sku] > 0 for sku in wanted)
    if decision.outcome is None:
        in_form = step.expires_at is None or step.expires_at > decision.now
        refused = isinstance(decision.refusal, InsufficientStock)
        assert in_form == refused
        assert not in_form or not (enough or (step.policy == "partial" and some))
        return
    for event in decision.events:
        if isinstance(event, e.ReservationPlaced):
            granted = {line.sku: line.granted for line in event.lines}
            assert granted == {
                sku: max(0, min(quantity, free[sku])) for sku, quantity in wanted.items()
            }
    assert enough or step.policy == "partial"


@given(histories)
def test_the_laws_hold_after_every_command(history: list[Step]) -> None:
    """Sums, equations of reservations, running maxima, nothing from the future."""
    ledger = Ledger()
    seen: dict[str, int] = {}
    for step in history:
        decision = ledger.take(step)
        found: laws.Breaches = []
        for effect in decision.effects:
            event, instant = effect.event, effect.cause.instant
            found += laws.nothing_from_the_future(0, occurred_at=event.occurred_at, instant=instant)
            if isinstance(event, e.StockEvent):
                found += laws.effective_is_running_maximum(
                    0,
                    last=seen.get(event.stream, 0),
                    occurred_at=event.occurred_at,
                    effective_at=event.effective_at,
                )
                seen[event.stream] = event.effective_at
        found += _lines_add_up(ledger)
        for stock, _ in _stocks(ledger):
            found += laws.on_hand_is_its_buckets(0, stock.on_hand, stock.levels)
            units = [hold.quantity for hold in stock.holds.values()]
            found += laws.reserved_is_its_holds(0, stock.reserved, units)

        assert [] == found


def _lines_add_up(ledger: Ledger) -> laws.Breaches:
    found: laws.Breaches = []
    now = ledger.clock.now()
    for entry in ledger.world._entries.values():
        if not isinstance(entry.state, Reservation):
            continue
        for state in entry.state.line_states(now):
            numbers = msgspec.structs.asdict(state)
            sku, location = numbers.pop("sku"), numbers.pop("location")
            found += laws.line_adds_up(0, "line", laws.LineTotals(**numbers))
            hold = ledger.stock(sku, location).holds.get(entry.state.reservation_id)
            found += laws.streams_agree(
                0,
                "line",
                in_stock=0 if hold is None else hold.quantity,
                in_reservation=numbers["open"],
            )
    return found


@settings(max_examples=30)
@given(histories, st.integers(1, 400))
def test_a_world_taken_back_goes_on_like_one_never_asked(history: list[Step], salt: int) -> None:
    """A refused batch between any two commands changes nothing that follows."""
    plain, disturbed = Ledger(), Ledger()
    for number, step in enumerate(history):
        plain.take(step)
        disturbed.take(step)
        if (number * salt) % 3 == 0:
            plain.take(_STALE)
            disturbed.take(_refused_batch(salt + number))
    for (one, _), (other, _) in zip(_stocks(plain), _stocks(disturbed), strict=True):
        shorts = [{key: c.short for key, c in s.conflicts.items()} for s in (one, other)]
        assert (one.levels, one.holds, shorts[0]) == (other.levels, other.holds, shorts[1])


def _refused_batch(salt: int) -> Step:
    parts = [
        b.sell(salt % 11 + 1, reservation_id=f"order-{salt % 5 + 1}"),
        b.receive(salt % 7 + 1),
        b.sell(salt % 13 + 1, sku="LAMP"),
        b.move(salt % 5 + 1, "sellable", "blocked"),
    ]
    return b.together(*parts, _STALE)
