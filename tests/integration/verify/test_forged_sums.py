"""What late rows add up to, changed behind the projector's back: found, and the stock named."""

from collections.abc import Callable

import pytest

from projections.audit import past_late
from projections.history import late
from projections.history.late import Grid
from tests.support.audited import Audited
from tests.support.servers import Database

GRID = Grid(few=3, chunk=3, chunks=5, span=29, spans=32)
TABLES = ("history_late_sums", "history_crowds")
LEVELS = ((3, 29), (3, 32), (5, 29), (5, 32))


@pytest.fixture
def crowded(
    database: Database,
    grow: Callable[[Database, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> Audited:
    """A ledger whose stocks count as ones with many late rows."""
    monkeypatch.setattr(late, "GRID", GRID)
    monkeypatch.setattr(past_late, "FEW", GRID.few)
    monkeypatch.setattr(past_late, "LEVELS", LEVELS)
    audited = Audited(database, grow(database, 7))
    assert audited.database.execute("select 1 from projections.history_late_sums limit 1")
    return audited


def test_sums_as_the_projector_keeps_them_are_right(crowded: Audited) -> None:
    """No alarm without a cause."""
    assert [] == crowded.breaches()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("history_late_sums", "update {} set d_sellable = d_sellable + 1"),
        ("history_late_sums", "update {} set d_reserved = d_reserved - 1"),
        ("history_late_sums", "update {} set chunk = chunk + 1000000"),
        ("history_late_sums", "update {} set span = span - 1"),
        ("history_late_sums", "update {} set stock = 999999"),
        ("history_late_sums", "delete from {}"),
        ("history_crowds", "update {} set crowded_from = crowded_from + 1"),
        ("history_crowds", "update {} set lateness = lateness - 1"),
        ("history_crowds", "update {} set stock = 999999"),
        ("history_crowds", "delete from {}"),
    ],
)
def test_a_forged_sum_is_found(crowded: Audited, table: str, change: str) -> None:
    """Answers about the past are made from them."""
    name = f"projections.{table}"
    crowded.forge(f"{change.format(name)} where ctid = (select min(ctid) from {name})")
    breaches = crowded.breaches()

    assert breaches
    assert {12} == {breach.law for breach in breaches}
    assert all(any(name in breach.what for name in TABLES) for breach in breaches), breaches
