"""Rules of channels that bind promises, too: what is kept back of a stock is not promised either.

Asked only where some channel's rules are binding: any other promise pays nothing for it.
"""

from ledger.domain.availability import Shelf, Sku, share_of
from ledger.domain.channel import Channel, channel_stream, sells_from
from ledger.domain.decisions.catalog import location_of, sku_of
from ledger.domain.decisions.world import World
from ledger.domain.stock import Stock


class Bound:
    """What the promises of one channel may take, stock by stock."""

    __slots__ = ("_channel", "_world")

    def __init__(self, channel: Channel, world: World) -> None:
        """By a channel whose rules are binding."""
        self._channel = channel
        self._world = world

    def free(self, stock: Stock) -> int:
        """Units left for the channel: a location's share, and never more than is free at all.

        As of the instant the stock was advanced to. A location that does not feed the channel
        has nothing for it.
        """
        channel = self._channel.current
        location, sku = stock.stock_id
        free = stock.free_for(channel.channel)
        defined = location_of(self._world, location)
        if not sells_from(channel, location, None if defined is None else defined.current):
            return min(free, 0)
        known = sku_of(self._world, sku)
        share = share_of(
            Sku(sku, None if known is None else known.current.sku_class),
            _shelf(stock, channel.channel),
            self._channel.book,
        )
        return min(free, share.share)


def bound(channel: str | None, world: World) -> Bound | None:
    """What binds the promises of a channel; nothing binds most."""
    if channel is None or channel not in world.binding:
        return None
    state = world.state(channel_stream(channel))
    if isinstance(state, Channel) and state.current.rules.binding:
        return Bound(state, world)
    return None


def _shelf(stock: Stock, channel: str) -> Shelf:
    fences = stock.fences
    return Shelf(
        stock.stock_id.location,
        stock.sellable,
        stock.reserved,
        0 if fences is None else fences.free_of(channel),
        0 if fences is None else fences.of_others(channel),
        stock.backorder_limit,
    )
