"""Looking at every SKU of a channel: page by page, round to where it began."""

from bisect import bisect_right

import pytest

from projections.availability.log import Sweep

SKUS = [f"SKU-{n}" for n in range(10)]


def walked(sweep: Sweep | None, limit: int) -> list[str]:
    """The SKUs that are looked at, in order."""
    seen: list[str] = []
    while sweep is not None:
        start = bisect_right(SKUS, sweep.after)
        page = SKUS[start : start + limit]
        seen += page
        sweep = sweep.on(page, limit)
    return seen


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
def test_every_sku_is_looked_at_once(limit: int) -> None:
    """Whatever fits into a page."""
    assert SKUS == walked(Sweep(), limit)


@pytest.mark.parametrize("limit", [1, 3, 4, 10, 11])
@pytest.mark.parametrize("after", [*SKUS])
def test_another_change_takes_it_once_round_from_there(limit: int, after: str) -> None:
    """So that changes that keep coming never leave the same SKUs out."""
    seen = walked(Sweep(after).anew(), limit)

    assert set(SKUS) == set(seen)
    assert seen[: len(SKUS) - 1 - SKUS.index(after)] == SKUS[SKUS.index(after) + 1 :]
    assert len(seen) <= len(SKUS) + 2 * limit
