"""A whole channel's numbers under new rules: how long that takes, and that none is left behind."""

import os
import time
from collections.abc import Callable
from typing import Any

from ledger.domain.events import Buffer, ChannelRules
from tests.integration.telling.shop import Shop, channel, eventually, received, sold
from tests.support.figures import Tell

SKUS = int(os.environ.get("TELLING_SKUS", "3000"))
CHANNELS = int(os.environ.get("TELLING_CHANNELS", "20"))
SALES = int(os.environ.get("TELLING_SALES", "50"))


async def test_a_change_of_rules_reaches_every_sku(
    shop: Shop, start_teller: Callable[..., Any], tell: Tell
) -> None:
    """Recomputed, kept and published; afterwards no value is of the old rules."""
    for start in range(0, SKUS, 2_000):
        shop.happens(
            *(received(10, f"SKU-{n:07d}") for n in range(start, min(start + 2_000, SKUS)))
        )
    await eventually(shop.projected)
    start_teller()
    for version in (1, 2, 3):
        units = 1 if version == 3 else 0  # The second one changes no number.
        rules = ChannelRules(buffers=(Buffer(units=units, basis_points=version),))
        began = time.perf_counter()
        shop.happens(channel(rules=rules))
        await shop.at_rest()
        took = time.perf_counter() - began
        tell(f"rules {version}: {SKUS} SKUs in {took:.2f} s, {SKUS / took:,.0f}/s")

    last = f"SKU-{SKUS - 1:07d}"
    await shop.hears(8, last)
    stale = shop.database.execute(
        "select count(*) from (select distinct on (sku) ats from telling.channel_log"
        " order by sku, told desc) l where ats <> 8"
    )
    assert [(0,)] == stale


async def test_a_sale_is_heard_by_many_channels(
    shop: Shop, start_teller: Callable[..., Any], tell: Tell
) -> None:
    """From the commit to the message, one sale after the other."""
    start_teller()
    shop.happens(received(10_000), *(channel(f"web-{n}") for n in range(CHANNELS)))
    for n in range(CHANNELS):
        await shop.hears(10_000, name=f"web-{n}")
    took = []
    subscription = await shop.client.subscribe("inventory.ats.>")
    for _ in range(SALES):
        shop.happens(sold(1))
        began = time.perf_counter()
        for _ in range(CHANNELS):
            await subscription.next_msg(timeout=10)
        took.append(time.perf_counter() - began)
    took.sort()
    half, most = took[SALES // 2], took[int(SALES * 0.99)]
    tell(f"{CHANNELS} channels hear a sale: p50 {half * 1e3:.1f} ms, p99 {most * 1e3:.1f} ms")

    assert len(took) == SALES
