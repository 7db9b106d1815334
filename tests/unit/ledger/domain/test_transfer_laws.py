"""The equation of transfers: what passes, what does not."""

import pytest

from ledger.domain import laws
from ledger.domain.laws import TransferTotals

POSITION = 7
_FINE = {
    "dispatched": 9,
    "received": 3,
    "damaged": 1,
    "lost": 1,
    "returned": 1,
    "surplus": 0,
    "in_transit": 3,
}


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({}, []),
        ({"received": 6, "in_transit": 0}, []),
        ({"received": 8, "in_transit": 0, "surplus": 2}, []),
        ({"dispatched": 8}, [4]),
        ({"lost": 2}, [4]),
        ({"in_transit": 2}, [4]),
        ({"received": 5, "surplus": 2}, [4]),
        ({"received": 10, "in_transit": -4}, [4]),
        ({"received": 2, "surplus": -1}, [4, 4]),
    ],
)
def test_what_left_is_accounted_for_or_on_its_way(
    changed: dict[str, int], broken: list[int]
) -> None:
    """And a surplus is what nobody sent: there is none while something is on its way."""
    totals = TransferTotals(**(_FINE | changed))

    assert broken == [breach.law for breach in laws.transfer_adds_up(POSITION, "t-1", totals)]


@pytest.mark.parametrize(
    ("left", "arrivals", "surplus", "fine"),
    [
        (5, {10: 3, 20: 2}, {}, True),
        (5, {10: 3, 20: 4}, {20: 2}, True),
        (5, {10: 3, 20: 4}, {10: 2}, False),
        (5, {10: 3, 20: 4}, {20: 1}, False),
        (0, {10: 3, 20: 4}, {10: 3, 20: 4}, True),
        (5, {20: 4, 10: 3}, {20: 2}, True),
    ],
)
def test_what_left_covers_what_arrived_first(
    left: int, arrivals: dict[int, int], surplus: dict[int, int], fine: bool
) -> None:
    """By business time, so that the order in which people reported it does not count."""
    found = laws.surplus_came_last(POSITION, "t-1", left=left, arrivals=arrivals, surplus=surplus)

    assert fine == (found == [])
