"""What a full count has no figure for: a question that counts and history answer together."""

from typing import NamedTuple

from projections.counts.answers import CountAnswer
from projections.history import queries as history
from projections.progress import Pool, wait_for


class Uncounted(NamedTuple):
    """SKUs the ledger knew at the location and nobody entered, and whether there are others."""

    skus: tuple[str, ...]
    more: bool


async def uncounted(
    pool: Pool, count: CountAnswer, position: int, *, limit: int, timeout_s: float
) -> Uncounted:
    """Of a count that names no SKUs: as known when it was posted, or else at a position."""
    known = position if count.posted_position is None else count.posted_position
    await wait_for(pool, "history", known, timeout_s)
    entered = [line.sku for line in count.lines]
    skus = await history.skus_at(pool, count.location, entered, known, limit + 1)
    return Uncounted(tuple(skus[:limit]), more=len(skus) > limit)
