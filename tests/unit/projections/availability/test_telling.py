"""What is told, and when: one line a case, the outcome last."""

import pytest

from ledger.domain.events import Publishing
from projections.availability.telling import Last, due

NOW = 1_000_000_000
LATER = NOW + 4_000


@pytest.mark.parametrize(
    ("last", "ats", "rise_units", "every_ms", "expected"),
    [
        (None, 0, 1, 0, NOW),
        (None, 5, 9, 60_000, NOW),
        (5, 5, 1, 0, None),
        (5, 6, 1, 0, NOW),
        (5, 4, 1, 0, NOW),
        (5, 7, 3, 0, None),  # A rise that nobody cares about.
        (5, 8, 3, 0, NOW),
        (5, 4, 3, 0, NOW),  # A fall is always told.
        (5, 0, 9, 60_000, NOW),  # Sold out.
        (0, 1, 9, 60_000, NOW),  # Back.
        (5, 4, 1, 5, LATER),  # The last was a millisecond ago.
        (5, 9, 3, 5, LATER),
        (5, 6, 3, 5, None),
        (5, 4, 1, 1, NOW),
    ],
)
def test_a_value_is_told_at_once_later_or_never(
    last: int | None, ats: int, rise_units: int, every_ms: int, expected: int | None
) -> None:
    """By what was told last, a millisecond ago, and by how the channel wants to hear."""
    told = None if last is None else Last(last, NOW - 1_000)

    assert expected == due(told, ats, Publishing(rise_units=rise_units, every_ms=every_ms), NOW)
