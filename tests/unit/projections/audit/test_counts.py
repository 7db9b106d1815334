"""The auditor's reading of counts: what was seen on a shelf is what he adds up to himself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.events import (
    AnyEvent,
    MovementCancelled,
    MovementCorrected,
    MovementVoided,
    StockAbsorbed,
    StockCorrected,
    StockCountCancelled,
    StockCounted,
    StockEvent,
)
from ledger.domain.laws import Breach
from ledger.recorded import Recorded
from projections.audit import wire, wire_base
from projections.audit.anchors import late_counts_agree
from projections.audit.checker import Checker
from projections.audit.row import Row
from tests.support.histories import Histories, state

COMMANDS = 500


def _row(recorded: Recorded) -> Row:
    return Row(
        recorded.position,
        recorded.stream,
        recorded.version,
        recorded.topic,
        state(recorded),
        recorded.recorded_at,
    )


def _stream(events: list[Recorded], stream: str) -> Iterator[tuple[int, wire_base.Stock]]:
    for recorded in events:
        event = wire.decode(state(recorded)).event
        if recorded.stream == stream and isinstance(event, wire_base.Stock):
            yield recorded.position, event


def breaches(events: list[Recorded]) -> list[Breach]:
    """What an auditor finds who also looks into the past of stocks that were counted late."""
    checker = Checker()
    for recorded in events:
        checker.take(_row(recorded))
    checker.close()
    for location, sku in checker.late_counts:
        stream = f"stock/{location}/{sku}"
        checker.found(late_counts_agree(_stream(events, stream)))
    return checker.breaches


@given(seed=st.integers(0, 2**32))
def test_counts_of_valid_histories_raise_no_alarm(seed: int) -> None:
    """Late ones, cancelled ones, replaced and corrected ones included."""
    note(f"seed {seed}")

    assert [] == breaches(Histories(seed, skus=("MUG",)).events(120))


def _late(event: StockEvent) -> bool:
    return event.occurred_at < event.effective_at


def _in_time(event: StockEvent) -> bool:
    return not _late(event)


FORGERIES: list[tuple[str, type, Callable[[Any], bool], Callable[[Any], AnyEvent], int]] = [
    ("other units seen", StockCounted, _in_time, lambda e: replace(e, counted=e.counted + 1), 9),
    ("found too much", StockCounted, _in_time, lambda e: replace(e, delta=e.delta + 1), 9),
    ("other units seen late", StockCounted, _late, lambda e: replace(e, counted=e.counted + 1), 9),
    (
        "found something else late",
        StockCounted,
        _late,
        lambda e: replace(e, delta=e.delta + 1),
        9,
    ),
    ("another anchor", StockAbsorbed, _late, lambda e: replace(e, anchor=e.anchor + 1), 9),
    ("absorbed too much", StockAbsorbed, _late, lambda e: replace(e, delta=e.delta + 1), 9),
    ("another bucket", StockAbsorbed, _late, lambda e: replace(e, bucket="blocked"), 9),
    (
        "a part left in the variance",
        StockCountCancelled,
        lambda e: e.delta != 0,
        lambda e: replace(e, delta=e.delta + 1),
        9,
    ),
    ("more than said", StockCorrected, _late, lambda e: replace(e, quantity=e.quantity + 1), 4),
    ("another total", MovementCorrected, bool, lambda e: replace(e, recorded=e.recorded + 1), 4),
    ("cancelled by more", MovementCancelled, bool, lambda e: replace(e, quantity=10**6), 4),
    ("voided by more", MovementVoided, bool, lambda e: replace(e, quantity=10**6), 4),
]


@pytest.mark.parametrize(
    ("kind", "fits", "change", "law"), [f[1:] for f in FORGERIES], ids=[f[0] for f in FORGERIES]
)
def test_a_forged_count_or_correction_is_found(
    kind: type, fits: Callable[[Any], bool], change: Callable[[Any], AnyEvent], law: int
) -> None:
    """At its own position or right behind it, by the law it breaks."""
    for seed in range(4):
        events = Histories(seed).events(COMMANDS)
        known = _corrected(events)
        chosen = next(
            one
            for one in events
            if isinstance(one.event, kind)
            and fits(one.event)
            and (law == 9 or kind is MovementVoided or _names(one.event) in known)
        )
        wrong = replace(chosen, event=change(chosen.event))
        those = [b for b in breaches([wrong if e is chosen else e for e in events]) if b.law == law]

        assert those, f"seed {seed}"
        assert chosen.position <= min(breach.position for breach in those)


def _corrected(events: list[Recorded]) -> set[str]:
    """Movements of which a stock's event says that they changed."""
    return {one.event.of for one in events if isinstance(one.event, StockCorrected)}


def _names(event: Any) -> str:
    return str(getattr(event, "movement_id", None) or getattr(event, "of", ""))
