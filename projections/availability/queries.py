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
    """Numbers, none where there is no such channel, their clocks, and where they were read."""

    found: Availability | None
    clocks: Clocks
    position: int


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
        reached = max(at.known, asked.min_position)
        position = min([await wait_for(pool, name, reached, timeout_s) for name in SOURCES])
        return Answer(await available_at(pool, channel, skus, at), at, position)
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
            return Answer(None, at, places.position)
        defined = {one.location: one for one in await reader.locations()}
        fed = Fed(known[0], feeding(known[0], defined))
        found = await reader.found(skus, fed.locations, instant)
    values = {sku: value_of(fed, found[sku]) for sku in skus}
    expired = [stock.expired for one in found.values() for stock in one.stocks]
    return Answer(
        Availability(
            channel=channel,
            items=[
                Available(sku=sku, derivation=value.derivation, expires=value.expires)
                for sku, value in values.items()
            ],
            position=places.position,
            rule_version=known[0].version,
            instant=instant,
            since=max((gone for gone in expired if gone is not None), default=0),
        ),
        at,
        places.position,
    )
