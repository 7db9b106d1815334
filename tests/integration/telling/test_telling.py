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
from tests.support.manual_clock import ManualClock

Start = Callable[..., Any]
DAY = 86_400 * SECOND  # Ahead of the machine's clock, so that only the test's own turns.


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


async def test_a_channel_is_told_nothing_twice(shop: Shop, start_teller: Start) -> None:
    """What comes and goes between two looks, or elsewhere, is no news."""
    start_teller()
    shop.happens(channel(), received(10))
    await shop.hears(10)
    position = shop.happens(sold(3), received(3), received(5, location="nyc-2"))
    await shop.looked_at(position)

    assert [(1, 10)] == shop.log("told, ats")


async def test_a_hold_that_runs_out_is_told_at_its_instant(shop: Shop, start_teller: Start) -> None:
    """Nobody has to write it down; the value before had said when."""
    clock = ManualClock(now() + DAY)
    start_teller(clock)
    expires_at = clock.instant + SECOND
    shop.happens(channel(), received(10), reserved("order-1", 4, expires_at=expires_at))
    await shop.hears(6)
    clock.turn(1)
    await shop.hears(10)

    log = shop.log("ats, expires, instant")
    assert [(6, expires_at), (10, None)] == [row[:2] for row in log]
    assert log[0][2] < expires_at <= log[1][2]


async def test_a_change_of_rules_is_told_of_every_sku(shop: Shop, start_teller: Start) -> None:
    """Of those that sell other numbers by it, and only to that channel."""
    shop.happens(*(received(10, f"SKU-{n:04d}") for n in range(1_200)))
    shop.happens(channel(), channel("till"))
    start_teller()
    await shop.hears(10, "SKU-1199")
    await shop.hears(10, "SKU-1199", "till")

    shop.happens(channel(rules=ChannelRules(buffers=(Buffer(units=1),))))

    await shop.hears(9, "SKU-1199")
    await shop.at_rest()
    assert [("till", 1, 1_200), ("web", 1, 1_200), ("web", 2, 1_200)] == sorted(
        shop.database.execute(
            "select channel, rule_version, count(*) from telling.channel_log group by 1, 2"
        )
    )


async def test_what_a_channel_no_longer_sells_is_told_as_none(
    shop: Shop, start_teller: Start
) -> None:
    """Never silence: a location that feeds it no more, and a location it is told of no more."""
    start_teller()
    shop.happens(channel(by_location=True), received(10), received(4, "LAMP"))
    await shop.hears(10, at="ams-1")

    shop.happens(channel(locations=("nyc-2",), by_location=True), received(3, "LAMP", "nyc-2"))

    await shop.hears(0)
    await shop.hears(0, at="ams-1")
    await shop.hears(3, "LAMP", at="nyc-2")
    await shop.hears(0, "LAMP", at="ams-1")
    await shop.hears(3, "LAMP")


async def test_staleness_keeps_more_back(shop: Shop, start_teller: Start) -> None:
    """For as long as the channel is in its band."""
    rules = ChannelRules(staleness=(StalenessBand(from_s=60, basis_points=2_500),))
    start_teller()
    shop.happens(channel(rules=rules), received(10))
    await shop.hears(10)

    shop.happens(stale(90, 60))
    await shop.hears(7)
    shop.happens(stale(1, 0))
    await shop.hears(10)


async def test_fences_and_limits_are_each_channels_own(shop: Shop, start_teller: Start) -> None:
    """What is set aside for one is not told to another; only who may promises beyond."""
    start_teller()
    beyond = ChannelRules(backorder_limit=2)
    shop.happens(channel(), channel("till", rules=beyond), received(10))
    shop.happens(fenced("till", 4), limited(5))

    await shop.hears(6)
    await shop.hears(12, name="till")


async def test_small_rises_wait_and_falls_do_not(shop: Shop, start_teller: Start) -> None:
    """Sold out and back are told at once, however little it is."""
    start_teller()
    rules = ChannelRules(publish=Publishing(rise_units=3))
    shop.happens(channel(rules=rules), received(10))
    await shop.hears(10)
    for events, heard in (
        ((received(2),), None),  # 12
        ((received(1),), 13),
        ((sold(1),), 12),
        ((sold(12),), 0),
        ((received(1),), 1),
        ((received(2),), None),  # 3
        ((sold(1),), None),  # 2: still more than was told last.
        ((sold(2),), 0),
    ):
        before = len(shop.log())
        await shop.looked_at(shop.happens(*events))
        assert ([heard] if heard is not None else []) == [
            ats for (ats,) in shop.log("ats")[before:]
        ]


async def test_a_value_that_waited_is_the_newest(shop: Shop, start_teller: Start) -> None:
    """One message each so often; sold out does not wait."""
    clock = ManualClock(now() + DAY)
    start_teller(clock)
    rules = ChannelRules(publish=Publishing(every_ms=700))
    shop.happens(channel(rules=rules), received(10))
    await shop.hears(10)
    for _ in range(5):
        await shop.looked_at(shop.happens(sold(1)))
    clock.turn(1)
    await shop.hears(5)
    shop.happens(sold(5))
    await shop.hears(0)

    told = shop.log("ats, instant")
    assert [10, 5, 0] == [ats for ats, _ in told]
    assert told[1][1] - told[0][1] >= 700_000 > told[2][1] - told[1][1]


async def test_a_promise_given_up_is_told(shop: Shop, start_teller: Start) -> None:
    """As is every other change of what is held."""
    start_teller()
    shop.happens(channel(), received(10), reserved("order-1", 10))
    await shop.hears(0)
    shop.happens(released("order-1", 10))
    await shop.hears(10)
