"""What the world does to subscribers, and what subscribers do not do to each other."""

import asyncio

import pytest
from nats.aio.client import Client

from subscribers.dead_letters import Filed, letters
from subscribers.durables import make_sure
from subscribers.messages import ATS_STREAM, ats_subject, dead_letter_subject, durable_of
from subscribers.sdk import Change, Channel, Limits, NotAdmitted
from subscribers.sdk.fake_ats import told_as
from tests.integration.channels.conftest import PATIENCE_S, Seen, eventually, running
from tests.support.channel_bus import CHANNEL, QUICK, RealBus, number
from tests.support.least_privilege import GuardedNats
from tests.support.proxy import Proxy

SKUS = 50


async def _tell(service: Client, channel: str, told: int) -> None:
    subject, headers, payload = told_as(number(f"SKU-{told}", told, told, channel=channel))
    await service.jetstream().publish(subject, payload, headers=headers)


async def test_slow_crashing_and_poisonous_subscribers_delay_nobody_else(
    server: GuardedNats, service: Client
) -> None:
    """A neighbour gets everything while one hangs for ever, one breaks off, one always fails."""
    go_on, well = asyncio.Event(), Seen()

    async def hang(_: Change) -> None:
        await go_on.wait()

    async def fail(_: Change) -> None:
        raise RuntimeError("a bad day")

    limits = Limits(tries_max=2, retry_min_ms=5)
    async with (
        Channel(server.url("shop"), channel="shop") as slow,
        Channel(server.url("kiosk"), channel="kiosk", limits=limits) as poisoned,
        Channel(server.url("market.de/☕"), channel="market.de/☕") as crashing,
        Channel(server.url(CHANNEL), channel=CHANNEL) as healthy,
        running(slow.run(hang)),
        running(poisoned.run(fail)),
        running(healthy.run(well)),
    ):
        for told in range(1, SKUS + 1):
            for channel in ("shop", "kiosk", "market.de/☕", CHANNEL):
                await _tell(service, channel, told)
        await anext(crashing.ats())
        await crashing.__aexit__(None, None, None)
        await eventually(lambda: len(well.changes) == SKUS)
        await eventually(lambda: poisoned.dead_letters == SKUS)

        assert not go_on.is_set()
        assert [] == [letter async for letter in letters(service.jetstream(), "channel-web")]
    filed = [letter async for letter in letters(service.jetstream(), "channel-kiosk")]
    assert {ats_subject("kiosk", f"SKU-{told}") for told in range(1, SKUS + 1)} == {
        one.letter.subject for one in filed if isinstance(one, Filed)
    }


async def test_a_killed_server_costs_nothing(server: GuardedNats, service: Client) -> None:
    """What is acknowledged may come again and is passed over; the rest comes."""
    bus, seen = RealBus(server, service), Seen()
    for sku in range(SKUS):
        await bus.tell(f"SKU-{sku}", sku)
    async with bus.subscriber() as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: bool(seen.present))

        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await eventually(lambda: service.is_connected)
        for sku in range(SKUS):
            await bus.tell(f"SKU-{sku}", 100 + sku)

        await eventually(lambda: len(seen.changes) == 2 * SKUS)

    keys = [(change.key, change.state.told) for change in seen.changes]
    assert len(keys) == len(set(keys))


async def test_deliveries_that_went_into_a_broken_connection_are_fetched(
    server: GuardedNats, service: Client
) -> None:
    """A gap in the numbers of deliveries is seen at once, not when patience runs out."""
    bus, seen = RealBus(server, service), Seen()
    proxy = Proxy(("127.0.0.1", server.port))
    proxy.start()
    url = server.url(CHANNEL).replace(str(server.port), str(proxy.address[1]))
    try:
        async with Channel(url, channel=CHANNEL, limits=QUICK) as channel:
            async with running(channel.run(seen, seen.complete)):
                await bus.tell("MUG", 1)
                await eventually(lambda: ("MUG", 1) in seen.told())
                for ats in range(5):
                    proxy.stall()
                    await bus.tell("LAMP", ats)
                    await bus.tell("MUG", ats)
                    proxy.cut(server_learns=False)
                    proxy.resume()
                    await bus.tell("ARMCHAIR", ats)
                    await _has_all(seen, ats)
    finally:
        proxy.stop()

    keys = [(change.key, change.state.told) for change in seen.changes]
    assert len(keys) == len(set(keys))


async def test_a_durable_that_was_lost_and_made_anew_is_joined_again(
    server: GuardedNats, service: Client
) -> None:
    """The service keeps one for every channel; nobody has joined, so nobody was replaced."""
    bus, seen = RealBus(server, service), Seen()
    await bus.tell("MUG", 1)
    async with bus.subscriber() as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: bool(seen.present))
        await service.jetstream().delete_consumer(ATS_STREAM, durable_of(CHANNEL))
        await make_sure(service.jetstream(), CHANNEL)
        await bus.tell("MUG", 2)
        await eventually(lambda: len(seen.present) == 2)

    assert [("MUG", 1), ("MUG", 2)] == seen.told()


async def test_who_is_not_admitted_is_told_so(server: GuardedNats, service: Client) -> None:
    """Wrong credentials are no reason to wait for ever."""
    with pytest.raises(NotAdmitted):
        await _open(server.url("nobody"))


async def test_who_is_dismissed_ends(server: GuardedNats, service: Client) -> None:
    """A subscriber whose credentials were revoked does not go on with what it last heard."""
    seen = Seen()
    async with Channel(server.url(CHANNEL), channel=CHANNEL, limits=QUICK) as channel:
        work = asyncio.create_task(channel.run(seen, seen.complete))
        await eventually(lambda: bool(seen.present))
        server.dismiss(CHANNEL)

        with pytest.raises(NotAdmitted):
            await asyncio.wait_for(work, PATIENCE_S)


async def test_a_letter_in_anothers_name_is_handed_to_nobody_else(
    server: GuardedNats, service: Client
) -> None:
    """Who may leave letters under its own name must not speak to others through them."""
    bus, seen = RealBus(server, service), Seen()
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: channel.dead_letters == 1)
        forged = await service.jetstream().get_last_msg("INVENTORY_DLQ", "inventory.dlq.>")
        await service.jetstream().publish(
            dead_letter_subject("channel-shop"), forged.data or b"", headers={"No": "id"}
        )
        filed = [one async for one in letters(service.jetstream(), "channel-shop")]

    assert [("channel-shop", "channel-web")] == [
        (one.consumer, one.letter.consumer) for one in filed if isinstance(one, Filed)
    ]


async def _has_all(seen: Seen, ats: int) -> None:
    wanted = dict.fromkeys(("MUG", "LAMP", "ARMCHAIR"), ats)
    await eventually(lambda: wanted == {c.state.sku: c.state.ats for c in seen.changes})


async def _open(url: str) -> None:
    async with Channel(url, channel=CHANNEL):
        raise AssertionError("it was admitted")
