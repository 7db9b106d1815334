"""The auditor's pass over a log: quiet over valid histories, never over a wrong one."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.decisions import conflicts
from ledger.domain.events import (
    AnyEvent,
    ConflictOpened,
    HoldConfirmed,
    HoldsExpired,
    StockEvent,
    StockReceived,
    StockReserved,
    StockSold,
    held_delta,
    postings,
)
from ledger.domain.laws import Breach
from ledger.domain.stock import Stock
from ledger.domain.values import PHYSICAL_BUCKETS
from ledger.recorded import Recorded
from ledger.store.mapper import EVENT_TYPES
from projections.audit import wire
from projections.audit.checker import Checker
from projections.audit.row import Row
from tests.support.histories import Histories, state


def row(recorded: Recorded) -> Row:
    """An event as the table holds it."""
    return Row(
        recorded.position,
        recorded.stream,
        recorded.version,
        recorded.topic,
        state(recorded),
        recorded.recorded_at,
    )


def check(events: list[Recorded]) -> Checker:
    """The auditor after a log."""
    checker = Checker()
    for recorded in events:
        checker.take(row(recorded))
    checker.close()
    return checker


def breaches(events: list[Recorded]) -> list[Breach]:
    """What an auditor finds in a log."""
    return check(events).breaches


@given(seed=st.integers(0, 2**32))
def test_a_history_that_was_decided_by_the_rules_breaks_no_law(seed: int) -> None:
    """No false alarm, whatever is drawn."""
    note(f"seed {seed}")

    assert [] == breaches(Histories(seed).events(150))


@given(seed=st.integers(0, 2**32))
def test_the_books_agree_with_what_postings_say(seed: int) -> None:
    """Two readings of the same events, written apart, come to the same levels."""
    note(f"seed {seed}")
    events = Histories(seed).events(80)
    levels: dict[tuple[str, str], dict[str, int]] = {}
    reserved: dict[tuple[str, str], int] = {}
    for recorded in events:
        if not isinstance(recorded.event, StockEvent):
            continue
        key = (recorded.event.location, recorded.event.sku)
        mine = levels.setdefault(key, dict.fromkeys(PHYSICAL_BUCKETS, 0))
        for _, bucket, delta in postings(recorded.event):
            if bucket in mine:
                mine[bucket] += delta
        reserved[key] = reserved.get(key, 0) + held_delta(recorded.event)

    books = check(events).stocks
    assert levels == {key: book.levels for key, book in books.items()}
    assert reserved == {key: book.recorded for key, book in books.items()}


def test_every_event_the_ledger_knows_the_auditor_knows() -> None:
    """A new event needs its own reading here, not the ledger's."""
    assert set(EVENT_TYPES) == set(wire.TOPICS.values())


# --- planted mistakes -----------------------------------------------------------------------------


def altered(
    events: list[Recorded], kind: type, change: Callable[[Any], AnyEvent], place: int = 3
) -> tuple[list[Recorded], int]:
    """The log with one event of a kind written otherwise; and its position."""
    those = [recorded for recorded in events if isinstance(recorded.event, kind)]
    chosen = those[: place + 1][-1]
    wrong = replace(chosen, event=change(chosen.event))
    return [wrong if one is chosen else one for one in events], chosen.position


def drop(events: list[Recorded], kind: type) -> tuple[list[Recorded], int]:
    """The log without one event of a kind, numbered anew; and where it stood."""
    chosen = next(recorded for recorded in events if isinstance(recorded.event, kind))
    kept = [one for one in events if one is not chosen]
    numbered = [replace(one, position=number) for number, one in enumerate(kept, start=1)]
    return numbered, chosen.position


def later(event: HoldsExpired) -> HoldsExpired:
    """A sweep that says the holds ran out a second after they did."""
    holds = tuple(replace(hold, expired_at=hold.expired_at + 1_000_000) for hold in event.holds)
    return replace(event, holds=holds)


MISTAKES: list[tuple[str, type, Callable[[Any], AnyEvent], set[int]]] = [
    ("oversold", StockReserved, lambda e: replace(e, quantity=e.quantity + 10_000), {3, 5}),
    ("sold more than told", StockSold, lambda e: replace(e, quantity=10**9), {7}),
    ("a conflict not told", StockSold, lambda e: replace(e, conflicts=()), {7}),
    ("effective too early", StockSold, lambda e: replace(e, effective_at=0), {11}),
    ("from the future", StockReceived, lambda e: replace(e, occurred_at=2**60), {10, 11}),
    ("another stock's body", StockReceived, lambda e: replace(e, sku="CHAIR"), {17}),
    ("another hold confirmed", HoldConfirmed, lambda e: replace(e, reservation_id="x"), {5}),
    ("expired too late", HoldsExpired, later, {6}),
    ("another amount short", ConflictOpened, lambda e: replace(e, short=e.short + 1), {7}),
]


@pytest.mark.parametrize(("name", "kind", "change", "laws"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_planted_mistake_is_found(
    name: str, kind: type, change: Callable[[Any], AnyEvent], laws: set[int]
) -> None:
    """An event whose effect is wrong breaks its law, at its own position."""
    events = Histories(3).events(800)
    chosen = 3
    if name == "a conflict not told":
        sold = [one.event for one in events if isinstance(one.event, StockSold)]
        chosen = next(place for place, event in enumerate(sold) if event.conflicts)
    if name == "another amount short":
        opened = [one.event for one in events if isinstance(one.event, ConflictOpened)]
        chosen = next(n for n, event in enumerate(opened) if event.kind == "negative_stock")

    wrong, position = altered(events, kind, change, chosen)

    found = breaches(wrong)
    assert laws <= {breach.law for breach in found}
    assert position <= min(breach.position for breach in found) <= position + 3


@pytest.mark.parametrize("kind", [StockSold, StockReserved, ConflictOpened, HoldsExpired])
def test_an_event_left_out_is_found_even_when_positions_are_closed(kind: type) -> None:
    """Numbering the rest anew does not hide it."""
    wrong, position = drop(Histories(3).events(800), kind)

    found = breaches(wrong)
    assert found
    assert position - 3 <= min(breach.position for breach in found)


def test_a_fold_that_forgets_expiry_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stock whose holds never run out refuses too much, and conflicts come out wrong."""
    monkeypatch.setattr(Stock, "advance", lambda stock, now: None)

    found = [breach for seed in range(5) for breach in breaches(Histories(seed).events(600))]
    assert {6, 7} & {breach.law for breach in found}


def test_a_decision_that_promises_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 3 does not rely on what the domain believes to be available."""
    monkeypatch.setattr(Stock, "free_for", lambda stock, _: stock.sellable - stock.reserved + 5)
    monkeypatch.setattr(conflicts, "conflicts_after", lambda *_: {})

    found = [breach for seed in range(5) for breach in breaches(Histories(seed).events(300))]
    assert 3 in {breach.law for breach in found}


def test_a_wrong_reading_of_an_event_differs_from_the_auditors() -> None:
    """A row of history made by `postings` with a mistake has another fingerprint."""
    events = Histories(3).events(100)
    wrong, _ = altered(events, StockReceived, lambda e: replace(e, quantity=e.quantity + 1))

    fingerprints = [
        {key: book.trail.value for key, book in check(log).stocks.items()}
        for log in (events, wrong)
    ]
    assert fingerprints[0] != fingerprints[1]


# --- what cannot be read --------------------------------------------------------------------------


def test_a_body_that_cannot_be_read_is_a_breach_and_no_crash() -> None:
    """Bytes, an unknown tag, a missing field, nesting without end: all are findings."""
    bodies = [
        b"",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        msgspec.json.encode({"meta": {"instant": 1}, "event": {"type": "stock.exploded.v9"}}),
        msgspec.json.encode({"meta": {"instant": 1}, "event": {"type": "stock.sold.v1"}}),
    ]
    checker = Checker()
    for number, body in enumerate(bodies, start=1):
        checker.take(Row(number, "stock/a/b", number, "stock.sold.v1", body, 1))
    checker.close()

    assert [(17, number) for number in range(1, 7)] == [
        (breach.law, breach.position) for breach in checker.breaches
    ]
