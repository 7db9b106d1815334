"""What one snapshot of the database holds for channels: positions, channels, and SKUs.

All of it is read in one transaction, so that an answer never mixes old and new rules, or a stock
with a fence of another position.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import AsyncConnection, IsolationLevel

from ledger.domain.availability import Sku
from ledger.domain.channel import Channel
from ledger.domain.events import ChannelDefined, ChannelRules, LocationDefined, Pack
from ledger.domain.units import Units, factors_of
from ledger.domain.values import Instant
from projections.availability.network import Network
from projections.availability.values import Found, Stock
from projections.progress import ProjectionBehind
from projections.statements import statements
from projections.wire import register, texts

SQL: Final = statements(__package__ or "")

_rules: Final = msgspec.json.Decoder(ChannelRules).decode
_packs: Final = msgspec.json.Decoder(tuple[Pack, ...]).decode


class Places(NamedTuple):
    """How far the projections have read that an answer needs, and since when that is known."""

    position: int
    furthest: int
    behind: str
    error: str | None
    recorded_at: Instant | None
    any_channel: bool
    channels_at: int | None = None
    locations_at: int | None = None

    @property
    def at_one(self) -> bool:
        """Whether they all stand at one position, and none has stopped."""
        return self.position == self.furthest and self.error is None

    def demand(self, min_position: int = 0) -> None:
        """Raises `ProjectionBehind` where no answer can be given yet."""
        if not self.at_one or self.position < min_position:
            raise ProjectionBehind(self.behind, self.position, max(self.furthest, min_position))

    def instant(self, now: Instant) -> Instant:
        """The instant of an answer: no earlier than what it knows was recorded."""
        return max(now, self.recorded_at or 0)


@asynccontextmanager
async def snapshot(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """One view of the database for all that is read inside."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        async with connection.transaction():
            yield
    finally:
        if not connection.closed:
            await connection.set_isolation_level(None)


class Reader:
    """Asks the questions of a snapshot. `prepare`: over a connection that asks them for ever."""

    def __init__(self, connection: AsyncConnection[Any], *, prepare: bool = False) -> None:
        """Ask over one connection."""
        register(connection)
        self._connection = connection
        self._prepare = prepare

    async def rows(
        self, name: str, parameters: dict[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of a named question."""
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(SQL[name], parameters, prepare=self._prepare)
        return await cursor.fetchall()

    async def places(self) -> Places:
        """How far the projections have read."""
        return Places(*(await self.rows("places"))[0])

    async def network(self) -> Network:
        """All channels and what feeds them."""
        return Network.of(await self.channels(), await self.locations())

    async def channels(self, channel: str | None = None) -> list[Channel]:
        """All channels, or one of them, if there is one."""
        return [_channel(row) for row in await self.rows("channels", {"channel": channel})]

    async def locations(self) -> list[LocationDefined]:
        """Locations that somebody has defined, as far as channels care."""
        return [
            LocationDefined(
                occurred_at=0, location=location, kind=kind, sells=sells, tags=tuple(tags)
            )
            for location, kind, sells, tags in await self.rows("locations")
        ]

    async def sold(
        self, channel: str, after: str, locations: Sequence[str], limit: int
    ) -> list[str]:
        """The next SKUs that a channel sells or was told of."""
        asked = {"channel": channel, "after": after, "locations": texts(locations), "limit": limit}
        return [sku for (sku,) in await self.rows("sold", asked)]

    async def first_expiries(self, locations: Sequence[str]) -> list[tuple[Any, ...]]:
        """Location, SKU, and when its first hold runs out."""
        return await self.rows("due_holds", {"locations": texts(locations)})

    async def found(
        self, skus: Sequence[str], locations: Sequence[str], now: Instant
    ) -> dict[str, Found]:
        """Everything about some SKUs at some locations, at an instant; each SKU has an entry."""
        asked = {"skus": texts(skus), "locations": texts(locations), "now": now}
        defined = {row[0]: _sku(row) for row in await self.rows("skus", {"skus": asked["skus"]})}
        found = {sku: Found(defined.get(sku) or Sku(sku)) for sku in skus}
        for sku, *stock in await self.rows("stocks", asked):
            found[sku].stocks.append(Stock._make(stock))
        for sku, location, channel, free in await self.rows("fences", asked):
            found[sku].fences.setdefault(location, {})[channel] = free
        return found


def _channel(row: tuple[Any, ...]) -> Channel:
    channel, locations, kinds, tags, by_location, rules, measured_s, version, defined_at = row
    defined = ChannelDefined(
        occurred_at=defined_at,
        channel=channel,
        locations=tuple(locations),
        kinds=tuple(kinds),
        tags=tuple(tags),
        by_location=by_location,
        rules=_rules(rules),
    )
    return Channel(version, defined, defined_at, measured_s)


def _sku(row: tuple[Any, ...]) -> Sku:
    sku, base_unit, scale, packs, sku_class = row
    return sku_of(sku, base_unit, scale, _packs(packs), sku_class)


def sku_of(
    sku: str, base_unit: str, scale: int, packs: Sequence[Pack], sku_class: str | None
) -> Sku:
    """What rules ask of a defined SKU: its packs in the smallest unit, as all quantities are."""
    units = Units(base_unit, scale, factors_of(base_unit, scale, packs))
    names = (base_unit, *units.factors)
    return Sku(sku, sku_class, {name: units.smallest_in(name) or 0 for name in names})
