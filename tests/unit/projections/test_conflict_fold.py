"""A conflict from its opening to its end."""

from typing import Any

from ledger.domain.events import (
    AnyEvent,
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
)
from projections.conflicts.projection import fold, needed
from tests.unit.projections.builders import recorded

BROKEN: dict[str, Any] = {
    "conflict_id": "x-1",
    "kind": "negative_stock",
    "location": "ams-1",
    "sku": "MUG",
}
OPENED = ConflictOpened(**BROKEN, occurred_at=5, short=2, bucket="sellable")


def test_a_conflict_keeps_the_worst_it_has_been() -> None:
    """The amount short rises and falls; the greatest stays known."""
    events: list[AnyEvent] = [
        OPENED,
        ConflictChanged(**BROKEN, occurred_at=6, short=9),
        ConflictCleared(**BROKEN, occurred_at=7),
    ]
    conflict = fold(recorded(events), {})["x-1"]

    assert ("cleared", 0, 9) == (conflict.status, conflict.short, conflict.short_max)
    assert (5, 1, 7, 3) == (
        conflict.opened_at,
        conflict.opened_position,
        conflict.closed_at,
        conflict.closed_position,
    )


def test_a_resolution_says_how() -> None:
    """Somebody dealt with it."""
    resolved = ConflictResolved(**BROKEN, occurred_at=8, resolution="counted", note="two found")
    conflict = fold(recorded([OPENED, resolved]), {})["x-1"]

    assert ("resolved", "counted", "two found") == (
        conflict.status,
        conflict.resolution,
        conflict.note,
    )


def test_a_resolution_outlives_its_cause() -> None:
    """Somebody's word and its time stay; the amount goes on telling what is true."""
    events: list[AnyEvent] = [
        OPENED,
        ConflictResolved(**BROKEN, occurred_at=6, resolution="counted"),
        ConflictChanged(**BROKEN, occurred_at=7, short=1),
        ConflictCleared(**BROKEN, occurred_at=8),
    ]
    conflict = fold(recorded(events), {})["x-1"]

    assert ("resolved", "counted", 0) == (conflict.status, conflict.resolution, conflict.short)
    assert (6, 2, 4) == (conflict.closed_at, conflict.closed_position, conflict.position)


def test_only_conflicts_opened_earlier_are_read() -> None:
    """What a batch opens itself is known."""
    changed = ConflictChanged(**BROKEN, occurred_at=6, short=9)

    assert {"x-1"} == needed(recorded([changed]))
    assert set() == needed(recorded([OPENED, changed]))
