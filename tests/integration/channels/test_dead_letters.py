"""`inventory-ledger dlq` against a real stream and a real subscriber."""

import asyncio

import msgspec
from click.testing import CliRunner, Result
from nats.aio.client import Client

from api.cli.dlq import command
from tests.integration.channels.conftest import Seen, eventually, running
from tests.support.channel_bus import RealBus
from tests.support.least_privilege import GuardedNats


async def dlq(server: GuardedNats, *arguments: str) -> Result:
    """The command, as an operator with the service's credentials calls it."""
    invoke, options = CliRunner().invoke, [*arguments, "--nats-url", server.url()]
    return await asyncio.to_thread(lambda: invoke(command, options, catch_exceptions=False))


async def test_letters_are_listed_a_line_each(server: GuardedNats, service: Client) -> None:
    """Number, when, who, how often, which message and why; whole as JSON."""
    bus, seen = RealBus(server, service), Seen()
    seen.fails["MUG"] = seen.fails["LAMP"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await bus.tell("LAMP", 2)
        await eventually(lambda: channel.dead_letters == 2)

    lines = [line.split("\t") for line in (await dlq(server, "list")).output.splitlines()]
    whole = (await dlq(server, "list", "--json", "--channel", "web")).output.splitlines()
    others = await dlq(server, "list", "--channel", "shop")

    assert ["1", "2"] == [line[0] for line in lines]
    assert {("channel-web", "3", "RuntimeError: a bad day")} == {(a[2], a[3], a[5]) for a in lines}
    assert {"1:web:MUG:1", "1:web:LAMP:2"} == {line[4] for line in lines}
    payloads = [msgspec.json.decode(msgspec.json.decode(one)["payload"]) for one in whole]
    assert {("MUG", 1), ("LAMP", 2)} == {(p["data"]["sku"], p["data"]["ats"]) for p in payloads}
    assert "" == others.output


async def test_replaying_says_what_became_of_each_letter(
    server: GuardedNats, service: Client
) -> None:
    """Handled, overtaken, failed again; exit 1 while one is left, and what is done is gone."""
    bus, seen = RealBus(server, service), Seen()
    seen.fails |= {"MUG": 3, "LAMP": 3, "ARMCHAIR": 4}
    async with bus.subscriber() as channel, running(channel.run(seen)):
        for sku in ("MUG", "LAMP", "ARMCHAIR"):
            await bus.tell(sku, 1)
        await eventually(lambda: channel.dead_letters == 3)
        await bus.tell("LAMP", 2)
        await eventually(lambda: ("LAMP", 2) in seen.told())

        first = await dlq(server, "replay", "--all")
        second = await dlq(server, "replay", "--channel", "web")

    fates = sorted(line.partition("\t")[2] for line in first.output.splitlines())
    assert [
        "failed again: RuntimeError: a bad day",
        "handled",
        "overtaken by a newer number",
    ] == fates
    assert (1, 0) == (first.exit_code, second.exit_code)
    assert ["handled"] == [line.partition("\t")[2] for line in second.output.splitlines()]
    assert "" == (await dlq(server, "list")).output


async def test_without_a_subscriber_a_letter_stays(server: GuardedNats, service: Client) -> None:
    """Nobody to hand it to is said, and nothing is lost; so is a number that is none."""
    bus, seen = RealBus(server, service), Seen()
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: channel.dead_letters == 1)

    alone = await dlq(server, "replay", "1")
    unknown = await dlq(server, "replay", "99")

    assert (1, 1) == (alone.exit_code, unknown.exit_code)
    assert "1\tnobody answered: no subscriber of the channel is running\n" == alone.output
    assert 1 == len((await dlq(server, "list")).output.splitlines())


async def test_what_to_replay_has_to_be_said(server: GuardedNats) -> None:
    """Everything is never meant by leaving something out."""
    result = await dlq(server, "replay")

    assert (2, True) == (result.exit_code, "--all" in result.output)
