"""A channel with credentials as the service issues them, on a server that checks every one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from api.runtime.natsd import EmbeddedNats
from subscribers import messages
from subscribers.dead_letters import letters, replay
from subscribers.durables import answer_syncs
from subscribers.messages import AtsState, CloudEvent
from subscribers.sdk import Channel, Events, Present, Stocks, present
from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.values import NotAdmitted, Replaced
from tests.integration.channels.conftest import Seen, eventually, running
from tests.support.broker import Broker, Heard, connected
from tests.support.channel_bus import CHANNEL, QUICK, number


class Ours(NamedTuple):
    """A guarded server, and the service on it, which answers channels that join."""

    broker: Broker
    service: Heard

    async def tell(self, sku: str, ats: int, told: int) -> AtsState:
        """A number for the channel."""
        state = number(sku, ats, told)
        subject, headers, payload = told_as(state, 1)
        await self.service.client.jetstream().publish(subject, payload, headers=headers)
        return state

    async def subscriber(self, credential_id: str = "one") -> Channel:
        """Somebody with a credential of his own."""
        login = await self.broker.issue(CHANNEL, credential_id)
        url, text = self.broker.server.url, str(login["user_credentials"])
        return Channel(url, channel=CHANNEL, credentials=text, limits=QUICK)


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[Ours]:
    """Streams, and nobody there yet."""
    server = EmbeddedNats(tmp_path / "ours")
    await asyncio.to_thread(server.start)
    broker = Broker(server)
    await broker.ready()
    async with connected(server.url, **broker.service_login) as service:
        await answer_syncs(service.client)
        yield Ours(broker, service)
    await asyncio.to_thread(server.stop)


async def test_the_present_comes_first_then_changes_then_what_had_failed(ours: Ours) -> None:
    """Joining, reading, giving up and taking back: all that a channel does crosses accounts."""
    await ours.tell("MUG", 5, 1)
    seen = Seen()
    seen.fails["LAMP"] = 3
    async with await ours.subscriber() as channel, running(channel.run(seen)):
        await eventually(lambda: ("MUG", 5) in seen.told())
        await ours.tell("MUG", 4, 2)
        await ours.tell("LAMP", 7, 3)
        await eventually(lambda: ("MUG", 4) in seen.told() and channel.dead_letters == 1)
        last = await channel.get("MUG")
        assert last is not None
        assert (4, 2) == (last.ats, last.told)

        client = ours.service.client
        (filed,) = [filed async for filed in letters(client.jetstream())]
        fate, _ = await replay(client, filed, timeout_s=20.0)
        assert "handled" == fate.value
        await eventually(lambda: ("LAMP", 7) in seen.told())


async def test_who_joins_last_stays(ours: Ours) -> None:
    """The other learns it from the durable, which is his to look at."""
    await ours.tell("MUG", 5, 1)
    first, second = Seen(), Seen()
    async with await ours.subscriber("one") as old, await ours.subscriber("two") as new:
        ending = asyncio.ensure_future(old.run(first))
        await eventually(lambda: ("MUG", 5) in first.told())
        async with running(new.run(second)):
            await eventually(lambda: ("MUG", 5) in second.told())
            with pytest.raises(Replaced):
                await asyncio.wait_for(ending, 20)


async def test_the_credentials_of_another_channel_are_wrong(
    ours: Ours, caplog: pytest.LogCaptureFixture
) -> None:
    """They let him in, but not to what he asks for: he is told so, and does not go on trying."""
    login = await ours.broker.issue("shop")
    text = str(login["user_credentials"])
    async with Channel(ours.broker.server.url, channel=CHANNEL, credentials=text) as channel:
        with pytest.raises(NotAdmitted, match=r"not allow inventory\.channels\.web\.sync"):
            await asyncio.wait_for(channel.run(Seen()), 4)  # Before the question is given up.
    caplog.clear()  # To be refused is the point here.


async def test_a_channel_named_in_capitals_is_told_so_too(
    ours: Ours, caplog: pytest.LogCaptureFixture
) -> None:
    """The client hands on what is refused in small letters."""
    login = await ours.broker.issue("shop")
    text = str(login["user_credentials"])
    async with Channel(ours.broker.server.url, channel="WEB.de", credentials=text) as channel:
        with pytest.raises(NotAdmitted, match="WEB%2Ede"):
            await asyncio.wait_for(anext(channel.ats()), 4)
    caplog.clear()  # To be refused is the point here.


async def test_a_revoked_subscriber_ends_and_says_why(ours: Ours) -> None:
    """Within five seconds, and it does not go on trying."""
    await ours.tell("MUG", 5, 1)
    seen = Seen()
    async with await ours.subscriber() as channel:
        ending = asyncio.ensure_future(channel.run(seen))
        await eventually(lambda: ("MUG", 5) in seen.told())
        await ours.broker.revoke(CHANNEL)

        with pytest.raises(NotAdmitted):
            await asyncio.wait_for(ending, 5)
    assert messages.ATS_STREAM in [
        info.config.name for info in await ours.service.client.jetstream().streams_info()
    ]


async def test_the_ledger_is_followed_with_a_file_as_well(ours: Ours) -> None:
    """`Events` is told of it in the same words as `Channel`, and `Stocks` and `present` too."""
    server = ours.broker.server
    assert server.credentials is not None
    payload = b'{"id": "1:0:1", "source": "test", "type": "test.happened.v1", "position": 1}'
    headers = {messages.POSITION: "1", messages.GENERATION: "1"}
    await ours.service.client.jetstream().publish("inventory.events.a", payload, headers=headers)
    text = await asyncio.to_thread(Path(server.credentials).read_text)
    seen: list[int] = []

    async def see(event: CloudEvent) -> None:
        seen.append(event.position)

    async def begin(_: Present) -> None:
        return

    events = Events(server.url, credentials=server.credentials)
    stocks = Stocks(server.url, credentials=text)
    await asyncio.wait_for(events.run(see, until=1), 20)
    await asyncio.wait_for(stocks.run(begin, see, until=1), 20)
    found = await present(server.url, credentials=Path(server.credentials))

    assert ([1, 1], 0) == (seen, found.position)
