"""Starting from the present, then following: no hole, nothing twice."""

import asyncio
from collections import Counter
from collections.abc import Callable

from nats.aio.client import Client

from api.runtime.natsd import EmbeddedNats
from subscribers import messages
from subscribers.sdk import Events, present
from subscribers.streams import ensure
from tests.integration.subscribers.conftest import RelayThread, eventually
from tests.support.event_log import EventLog

STOCKS = 40


async def test_a_late_joiner_has_the_present_and_every_change_after_it(
    event_log: EventLog, start_relay: Callable[[], RelayThread], nats_server: EmbeddedNats
) -> None:
    """Joined while events keep coming, states plus later events equal the sum of all sales."""
    relay = start_relay()

    async def has_told_twice() -> bool:
        return (await present(nats_server.url)).position > 0

    await relay.told(event_log.fill(1_000, stocks=STOCKS))
    await relay.told(event_log.fill(1_000, stocks=STOCKS))
    await eventually(has_told_twice)
    more = asyncio.create_task(asyncio.to_thread(event_log.fill, 3_000, stocks=STOCKS, batch=50))

    begun = await present(nats_server.url)

    head = await more
    levels = {f"{location}/{sku}": s.on_hand for (location, sku), s in begun.states.items()}
    versions = {f"{location}/{sku}": s.version for (location, sku), s in begun.states.items()}
    sales: Counter[str] = Counter()

    async def follow(event: messages.CloudEvent) -> None:
        data = event.data
        assert isinstance(data, messages.StockSold)
        stock = f"{data.location}/{data.sku}"
        if event.streamversion > versions.get(stock, 0):
            sales[stock] += data.quantity

    assert 0 < begun.position <= head
    await Events(nats_server.url, position=begun.position).run(follow, until=head)
    expected = Counter(
        f"store-{n % 50}/SKU-{n % STOCKS:06d}"
        for count in (1_000, 1_000, 3_000)
        for n in range(count)
    )
    assert dict(expected) == {
        stock: sales[stock] - levels.get(stock, 0) for stock in {*levels, *sales}
    }


async def test_the_present_is_whole_while_states_are_being_replaced(
    event_log: EventLog, start_relay: Callable[[], RelayThread], nats_server: EmbeddedNats
) -> None:
    """A stock whose state was replaced in the moment of reading is in it like any other."""
    await start_relay().told(event_log.fill(1_000, stocks=STOCKS))

    async def known() -> set[tuple[str, str]]:
        return set((await present(nats_server.url)).states)

    async def all_are_known() -> bool:
        return len(await known()) == len({(n % 50, n % STOCKS) for n in range(1_000)})

    await eventually(all_are_known)
    before = await known()
    more = asyncio.create_task(asyncio.to_thread(event_log.fill, 4_000, stocks=STOCKS, batch=10))

    while not more.done():
        assert before == await known()


async def test_the_present_of_an_empty_ledger_is_its_beginning(
    nats_server: EmbeddedNats, client: Client
) -> None:
    """Nothing told yet: follow from the first event."""
    await ensure(client.jetstream())

    assert ({}, 0, "1") == await present(nats_server.url)
