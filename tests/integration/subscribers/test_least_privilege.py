"""What a channel's credentials open, and the hundreds of other things they do not."""

from collections.abc import AsyncIterator, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig

from api.runtime.broker_keys import prepare_keys
from api.runtime.natsd import EmbeddedNats
from ledger.clock import SystemClock
from subscribers.access.claims import channel_user, service_user
from subscribers.access.keys import new_user
from subscribers.access.tokens import credentials_file, public_key, signed
from subscribers.messages import ATS_STREAM, replay_answer, replay_subject
from tests.support.broker import SECOND, Broker, Heard, connected, login, settled, tell
from tests.support.forbidden import (
    FORBIDDEN_EARS,
    FORBIDDEN_SUBJECTS,
    HEADERS,
    OTHER,
    OWN,
    OWN_QUESTIONS,
    PUSH,
    STRANGE_ADDRESSES,
)


class House(NamedTuple):
    """A channel at the door, its neighbour, and the service."""

    channel: Heard
    neighbour: Heard
    service: Heard

    async def state(self) -> dict[str, Any]:
        """What the streams hold and who reads them, dead letters of the channel itself aside."""
        js = self.service.client.jetstream()
        held: dict[str, Any] = {}
        for info in await js.streams_info():
            name = str(info.config.name)
            consumers = [(one.name, one.created) for one in await js.consumers_info(name)]
            held[name] = (info.config.as_dict(), sorted(consumers))
            if name != "INVENTORY_DLQ":
                held[name] += (info.state.messages, info.state.last_seq)
        return held


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A guarded server."""
    server = EmbeddedNats(tmp_path / "bus")
    server.start()
    yield Broker(server)
    server.stop()


@pytest.fixture
async def house(broker: Broker) -> AsyncIterator[House]:
    """Two channels with numbers told."""
    await broker.ready()
    web, shop = await broker.issue("web"), await broker.issue("shop")
    url = broker.server.url
    async with (
        connected(url, **broker.service_login) as service,
        connected(url, **web) as channel,
        connected(url, **shop) as neighbour,
    ):
        js = service.client.jetstream()
        await tell(js, "web", "MUG", "LAMP", "ARMCHAIR")
        await tell(js, "shop", "MUG", "LAMP")
        await js.publish("inventory.events.ams-1.MUG.received", b"an event")
        await js.publish("inventory.stock.ams-1.MUG", b"a stock")
        yield House(channel, neighbour, service)


async def _publish(client: Client, subject: str) -> None:
    await client.publish(subject, PUSH, reply="_INBOX_web.evil")
    await settled(client)


async def _listen(client: Client, subject: str, queue: str = "") -> None:
    await client.subscribe(subject, queue=queue)
    await settled(client)


async def test_a_channel_may_do_what_it_is_for(house: House) -> None:
    """Pull from its own durable, acknowledge, ask about it, read last values, leave letters."""
    client = house.channel.client
    js = client.jetstream()
    pulling = await js.pull_subscribe_bind(consumer=OWN, stream=ATS_STREAM)
    told = await pulling.fetch(3, timeout=5)
    for message in told:
        await message.ack_sync()

    assert [f"inventory.ats.web.{sku}" for sku in ("MUG", "LAMP", "ARMCHAIR")] == [
        message.subject for message in told
    ]
    info = await js.consumer_info(ATS_STREAM, OWN)
    assert (0, 0) == (info.num_pending, info.num_ack_pending)
    question = f"$JS.API.DIRECT.GET.{ATS_STREAM}.inventory.ats.web.LAMP"
    assert b"1" == (await client.request(question, b"", timeout=5)).data
    assert 1 == (await js.publish(f"inventory.dlq.{OWN}", b"a letter")).seq
    assert [] == house.channel.errors


async def test_a_dead_letter_comes_back_to_its_channel_and_the_outcome_to_the_service(
    house: House,
) -> None:
    """The one thing that the service says to a channel by itself; its neighbour hears nothing."""
    service, channel = house.service.client, house.channel.client
    at_home = await channel.subscribe(replay_subject("web"))
    next_door = await house.neighbour.client.subscribe(replay_subject("shop"))
    outcome = await service.subscribe(replay_answer(OWN, "7"))
    await settled(channel)
    await settled(house.neighbour.client)
    await settled(service)

    await service.publish(replay_subject("web"), b"a letter")
    assert b"a letter" == (await at_home.next_msg(timeout=5)).data
    await channel.publish(replay_answer(OWN, "7"), b"handled")
    assert b"handled" == (await outcome.next_msg(timeout=5)).data
    await _all_is_done(house)
    assert 0 == next_door.pending_msgs
    assert [] == [*house.channel.errors, *house.neighbour.errors]


async def test_a_channel_is_refused_everything_else(house: House) -> None:
    """Whatever it says or listens to beyond that: the server says no, and nothing has changed."""
    before = await house.state()
    client, errors = house.channel
    refused = 0
    for subject in FORBIDDEN_SUBJECTS:
        errors.clear()
        await _publish(client, subject)

        assert [True] == ["permissions violation for publish" in e for e in errors], subject
        refused += 1
    for subject, queue in product(FORBIDDEN_EARS, ("", "pool")):
        errors.clear()
        await _listen(client, subject, queue)

        assert [True] == ["permissions violation for subscription" in e for e in errors], subject
        refused += 1

    assert refused == len({*FORBIDDEN_SUBJECTS}) + 2 * len({*FORBIDDEN_EARS})
    assert 100 <= refused
    await _all_is_done(house)
    assert before == await house.state()


async def test_answers_to_a_channel_go_nowhere_but_to_the_channel(house: House) -> None:
    """Whoever asks names the subject of the answer: it means nothing outside his own account."""
    arrived: list[str] = []
    for address in STRANGE_ADDRESSES:
        inside = house.neighbour if address.startswith("_INBOX_shop") else house.service
        await _note(inside.client, address, arrived)
    before = await house.state()
    js = house.service.client.jetstream()
    client, _ = house.channel
    for (subject, payload), reply in product(OWN_QUESTIONS, STRANGE_ADDRESSES):
        await js.publish("inventory.ats.web.LAMP", b"7")  # So that there is something to pull.
        await client.publish(subject, payload, reply=reply)
    for headers in HEADERS:
        await client.publish(f"inventory.dlq.{OWN}", b"a letter", headers=headers)
    await _all_is_done(house)

    assert [] == arrived
    after = await house.state()
    told = len(OWN_QUESTIONS) * len(STRANGE_ADDRESSES)
    assert before.pop(ATS_STREAM)[-1] + told == after.pop(ATS_STREAM)[-1]
    assert before == after


async def test_within_one_account_an_answer_reaches_what_the_caller_may_not(
    house: House, broker: Broker
) -> None:
    """The control, and why channels have accounts: permissions alone do not hold answers back."""
    arrived: list[str] = []
    await _note(house.service.client, "inventory.commands", arrived)
    user = new_user()
    claims = channel_user("web", public_key(user), "inside", None)
    claims["nats"]["pub"]["allow"] += [subject for subject, _ in OWN_QUESTIONS]
    token = signed(claims, broker.keys.ledger, 0)
    inside = login("web", credentials_file(token, user))
    async with connected(broker.server.url, **inside) as (client, errors):
        await client.publish("inventory.commands", b"refused")
        await settled(client)
        assert 1 == len(errors)

        for subject, payload in OWN_QUESTIONS[:3]:
            await client.publish(subject, payload, reply="inventory.commands")
        await settled(client)
        await _all_is_done(house)
        assert ["inventory.commands"] * 3 == arrived


async def _note(client: Client, address: str, arrived: list[str]) -> None:
    async def note(_: Any) -> None:
        arrived.append(address)

    await client.subscribe(address, cb=note)
    await settled(client)


async def _all_is_done(house: House) -> None:
    """What the server does for others is done by the time it has answered a later question."""
    await settled(house.channel.client)
    for _ in range(3):
        await house.service.client.jetstream().stream_info(ATS_STREAM)
        await settled(house.service.client)
        await settled(house.neighbour.client)


async def test_the_service_may_do_what_a_channel_may_not(house: House) -> None:
    """The control: it is the credentials that are refused, not the questions that are wrong."""
    client, errors = house.service
    for subject in FORBIDDEN_EARS:
        subscription = await client.subscribe(subject)
        await settled(client)
        await subscription.unsubscribe()
    for subject in FORBIDDEN_SUBJECTS[:20]:
        await client.publish(subject, b"x")
    await settled(client)
    js = client.jetstream()
    config = ConsumerConfig(
        durable_name="evil", deliver_subject="_INBOX.evil", ack_policy=AckPolicy.NONE
    )
    await js.add_consumer(ATS_STREAM, config)
    await js.delete_consumer(ATS_STREAM, OTHER)
    await js.purge_stream("INVENTORY_STOCK")
    await js.delete_stream("INVENTORY_DLQ")

    assert [] == errors
    assert {"evil", OWN} == {one.name for one in await js.consumers_info(ATS_STREAM)}
    assert "INVENTORY_DLQ" not in [info.config.name for info in await js.streams_info()]


@pytest.mark.parametrize("signer", ["himself", "another channel", "an unknown operator's account"])
async def test_claims_that_nobody_may_sign_let_nobody_in(
    broker: Broker, tmp_path: Path, signer: str
) -> None:
    """A holder of good credentials who writes himself wider claims stays outside."""
    await broker.ready()
    await broker.issue("web")
    await broker.issue("shop")
    user = new_user()
    signers = {
        "himself": user,
        "another channel": broker.keys.of_channel("shop"),
        "an unknown operator's account": prepare_keys(tmp_path).of_channel("web"),
    }
    claims = service_user(public_key(user), "forged")
    claims["nats"]["issuer_account"] = public_key(broker.keys.ledger)
    token = signed(claims, signers[signer], SystemClock().now() // SECOND)
    refused = False
    try:
        async with connected(broker.server.url, **login("web", credentials_file(token, user))):
            pass
    except NatsError as error:
        refused = "Authorization Violation" in str(error)

    assert refused


async def test_claims_of_one_and_the_seed_of_another_let_nobody_in(broker: Broker) -> None:
    """Claims are no secret: they are sent to every server one connects to."""
    await broker.ready()
    await broker.issue("web")
    user, other = new_user(), new_user()
    claims = channel_user("web", public_key(user), "c", None)
    token = signed(claims, broker.keys.of_channel("web"), SystemClock().now() // SECOND)
    refused = False
    try:
        async with connected(broker.server.url, **login("web", credentials_file(token, other))):
            pass
    except NatsError as error:
        refused = "Authorization Violation" in str(error)

    assert refused
