"""What a channel may be told, now or then: the question, and what an answer waits for."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.domain.values import Instant
from projections.availability.answers import Availability, Available
from projections.availability.network import Fed, feeding
from projections.availability.past import available_at
from projections.availability.snapshot import Reader, snapshot
from projections.availability.values import value_of
from projections.clocks import Asked, Clocks, at_present, clocks
from projections.progress import (
    DEFAULT_TIMEOUT_S,
    WAIT_FIRST_S,
    WAIT_LONGEST_S,
    Pool,
    ProjectionBehind,
    wait_for,
)

SOURCES: Final = ("history", "fences", "catalog", "channels", "stock")
"""The projections that the past is read from."""


class Answer(NamedTuple):
    """Numbers, none where there is no such channel, and the clocks they stand for."""

    found: Availability | None
    clocks: Clocks


async def availability(
    pool: Pool,
    channel: str,
    skus: Sequence[str],
    asked: Asked,
    *,
    now: Instant,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Answer:
    """A channel's numbers, never older than asked: it waits, then `ProjectionBehind`."""
    if not asked.present:
        at = await clocks(pool, asked, "history", now=now, timeout_s=timeout_s)
        for name in SOURCES:
            await wait_for(pool, name, max(at.known, asked.min_position), timeout_s)
        return Answer(await available_at(pool, channel, skus, at), at)
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + timeout_s, WAIT_FIRST_S
    while True:
        try:
            return await _present(pool, channel, skus, now, asked.min_position)
        except ProjectionBehind:
            left = deadline - loop.time()
            if left <= 0:
                raise
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 2, WAIT_LONGEST_S)


async def _present(
    pool: Pool, channel: str, skus: Sequence[str], now: Instant, min_position: int
) -> Answer:
    """All in one snapshot, at one position of every projection."""
    async with pool.connection() as connection, snapshot(connection):
        reader = Reader(connection)
        places = await reader.places()
        places.demand(min_position)
        instant = places.instant(now)
        at = at_present(instant, places.position)
        known = await reader.channels(channel)
        if not known:
            return Answer(None, at)
        defined = {one.location: one for one in await reader.locations()}
        fed = Fed(known[0], feeding(known[0], defined))
        found = await reader.found(skus, fed.locations, instant)
    items = []
    for sku in skus:
        value = value_of(fed, found[sku])
        expired = (stock.expired for stock in found[sku].stocks if stock.expired is not None)
        items.append(
            Available(
                sku=sku,
                derivation=value.derivation,
                expires=value.expires,
                expired=max(expired, default=None),
            )
        )
    return Answer(
        Availability(
            channel=channel,
            items=items,
            position=places.position,
            rule_version=known[0].version,
            instant=instant,
        ),
        at,
    )
