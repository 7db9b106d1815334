"""What the writer remembers of movements before their receipts can be read."""

import pytest

from ledger import past
from ledger.domain.events import StockAbsorbed, StockEvent, StockSold
from ledger.past import Past

OWNER = "till-7"


def _sold(at: int) -> StockSold:
    return StockSold(occurred_at=at, effective_at=9, location="ams-1", sku="MUG", quantity=2)


def _absorbed() -> StockAbsorbed:
    return StockAbsorbed(
        occurred_at=9, effective_at=9, location="ams-1", sku="MUG", anchor=1, delta=2
    )


def _note(memory: Past, movement_id: str, *events: StockEvent) -> None:
    memory.begin()
    for event in events:
        memory.note(OWNER, movement_id, event)  # type: ignore[arg-type]


def test_a_movement_is_what_all_of_its_events_say() -> None:
    """Two parts of one sale are four units."""
    memory = Past()
    _note(memory, "sale-1", _sold(1), _absorbed(), _sold(1))
    origin = memory.origin((OWNER, "sale-1"))

    assert origin is not None
    assert ("sale", 4, 1) == (origin.kind, origin.quantity, origin.occurred_at)


def test_what_is_forgotten_is_forgotten_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a movement of which only an end were left, nobody could say what it was."""
    monkeypatch.setattr(past, "ORIGINS_MAX", 10)
    memory = Past()
    for number in range(50):
        _note(memory, f"sale-{number}", _sold(number), _absorbed(), _sold(number))
        known = memory.fresh[0][1]

        assert 3 == sum(name == known for _, name, _ in memory.fresh)
    assert memory.origin((OWNER, "sale-0")) is None
    assert memory.origin((OWNER, "sale-49")) is not None


def test_a_command_that_is_taken_back_leaves_no_movement() -> None:
    """Neither one that was asked for meanwhile, nor one that was not; older ones stay."""
    memory = Past()
    _note(memory, "sale-1", _sold(1))
    memory.begin()
    memory.note(OWNER, "sale-2", _sold(2))
    assert memory.origin((OWNER, "sale-2")) is not None
    memory.note(OWNER, "sale-3", _sold(3))
    memory.rollback()

    assert [True, False, False] == [
        memory.origin((OWNER, f"sale-{number}")) is not None for number in (1, 2, 3)
    ]
