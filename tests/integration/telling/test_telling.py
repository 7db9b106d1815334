"""What channels are told: every change of what they may sell, and nothing else."""

from collections.abc import Callable
from typing import Any

from ledger.domain.events import Buffer, ChannelRules, Publishing, StalenessBand
from tests.integration.telling.shop import (
    SECOND,
    Shop,
    channel,
    fenced,
    limited,
    now,
    received,
    released,
    reserved,
    sold,
    stale,
)

Start = Callable[..., Any]


async def test_a_channel_hears_what_it_may_sell(shop: Shop, start_teller: Start) -> None:
    """From its definition on, of everything its locations have, and of every change."""
    shop.happens(received(10), received(4, "LAMP"), received(9, "MUG", "nyc-2"))
    start_teller()
    shop.happens(channel())

    await shop.hears(10)
    await shop.hears(4, "LAMP")
    position = shop.happens(reserved("order-1", 3))
    await shop.hears(7)
    state = await shop.told()
    assert state is not None
    assert (position, 1, 3) == (state.position, state.rule_version, state.told)
