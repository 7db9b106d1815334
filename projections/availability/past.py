"""The numbers of a channel at any pair of clocks: what it might have been told, by hindsight.

Stocks come from history, at business time and as known at a position; fences, limits, definitions
and the channel's own rules from their few events, folded again. Beyond the position nothing
counts, so an answer whose clocks are settled never changes.
"""

from collections.abc import Sequence
from typing import Any, Final

from ledger.domain.availability import Sku
from ledger.domain.channel import Channel
from projections.availability.answers import Availability, Available
from projections.availability.network import Fed, feeding
from projections.availability.snapshot import SQL, sku_of
from projections.availability.values import Found, Stock, value_of
from projections.catalog.queries import LOCATIONS, SKUS
from projections.channels.queries import CHANNELS
from projections.clocks import Clocks
from projections.documents import many
from projections.fences.queries import FENCES, LIMITS
from projections.history.comparing import Moment, levels_of
from projections.progress import Pool

STOCKS_AT_ONCE: Final = 500
"""Of each a few look-ups: some tens of milliseconds a statement."""


async def available_at(
    pool: Pool, channel: str, skus: Sequence[str], at: Clocks
) -> Availability | None:
    """A channel's numbers at two clocks; none where it was not yet a channel."""
    channels = await many(pool, CHANNELS, [channel], at)
    if channel not in channels:
        return None
    one = channels[channel]
    known = Channel(one.version, one.event, one.event.occurred_at, one.measured_s)
    fed = Fed(known, await _feeding_at(pool, known, at))
    found = await _found_at(pool, fed, skus, at)
    items = []
    for sku in skus:
        value = value_of(fed, found[sku])
        items.append(Available(sku=sku, derivation=value.derivation, expires=None))
    return Availability(
        channel=channel,
        items=items,
        position=at.known,
        rule_version=known.version,
        instant=at.as_of,
        since=at.as_of,
    )


async def _feeding_at(pool: Pool, channel: Channel, at: Clocks) -> tuple[str, ...]:
    named = [location for (location,) in await _rows(pool, "location_names", {})]
    defined = await many(pool, LOCATIONS, named, at)
    return feeding(channel, {name: one.event for name, one in defined.items()})


async def _found_at(pool: Pool, fed: Fed, skus: Sequence[str], at: Clocks) -> dict[str, Found]:
    """What there was of each SKU. Stocks that nobody has ever seen are left out."""
    asked = {"skus": list(skus), "locations": list(fed.locations)}
    rows = await _rows(pool, "stock_keys", asked)
    keys = [(row[1], row[0]) for row in rows]
    fenced = [(row[1], row[0], channel) for row in rows for channel in row[2] or ()]
    defined = await many(pool, SKUS, skus, at)
    fences = await many(pool, FENCES, fenced, at)
    limits = await many(pool, LIMITS, [(row[1], row[0]) for row in rows if row[3]], at)
    found = {
        sku: Found(
            Sku(sku)
            if (one := defined.get(sku)) is None
            else sku_of(
                sku, one.event.base_unit, one.event.scale, one.event.packs, one.event.sku_class
            )
        )
        for sku in skus
    }
    for start in range(0, len(keys), STOCKS_AT_ONCE):
        some = keys[start : start + STOCKS_AT_ONCE]
        levels = await levels_of(pool, some, Moment(at.as_of, at.known, held=True))
        for key, level in zip(some, levels, strict=True):
            if level is not None:
                limit = limits[key].limit if key in limits else 0
                stock = Stock(key[0], level.amounts[0], level.amounts[-1], limit, None, None)
                found[key[1]].stocks.append(stock)
    for (location, sku, channel), fence in fences.items():
        found[sku].fences.setdefault(location, {})[channel] = fence.free
    return found


async def _rows(pool: Pool, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(SQL[name], parameters, prepare=False, binary=True)
        return await cursor.fetchall()
