"""`inventory-ledger dlq` against a real stream and a real subscriber."""

import asyncio

import msgspec
import nats
import pytest
from click.testing import CliRunner, Result
from nats.aio.client import Client

from api.cli.dlq import command
from subscribers.messages import (
    DeadLetter,
    dead_letter_subject,
    decode,
    encode,
    inbox_of,
    replay_answer,
)
from subscribers.sdk.fake_ats import told_as
from tests.integration.channels.conftest import Seen, eventually, running
from tests.support.channel_bus import RealBus, number
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
    assert "99\tno such letter\n" == unknown.output
    assert "1\tnobody answered: no subscriber of the channel is running\n" == alone.output
    assert 1 == len((await dlq(server, "list")).output.splitlines())


async def test_a_server_that_is_away_is_said_to_be(server: GuardedNats) -> None:
    """Instead of waiting for it without a word."""
    await asyncio.to_thread(server.stop)

    result = await dlq(server, "list")

    assert 1 == result.exit_code
    assert "does not answer as it should" in " ".join(result.output.split())


async def test_what_to_replay_has_to_be_said(server: GuardedNats) -> None:
    """Everything is never meant by leaving something out."""
    result = await dlq(server, "replay")

    assert (2, True) == (result.exit_code, "--all" in result.output)


# --- what a channel leaves need not be a letter -------------------------------------------------

GARBAGE = b"\xff"
OTHER_TYPE = b'{"id": "1", "source": "shop", "type": "shop.note.v1", "data": {"text": "hello"}}'
TOO_DEEP = (
    b'{"id": "1", "source": "shop", "type": "x", "data": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
)


def letter(reason: str = "a bad day", headers: dict[str, str] | None = None) -> bytes:
    """A letter of the channel `shop`, as its program could write it."""
    subject, _, payload = told_as(number("MUG", 1, 1, channel="shop"))
    data = DeadLetter(
        consumer="channel-shop",
        reason=reason,
        attempts=3,
        subject=subject,
        sequence=1,
        headers=headers or {},
        payload=payload,
    )
    event = msgspec.structs.replace(decode(payload), type=DeadLetter.TYPE, data=data)
    return encode(event)


async def leave(server: GuardedNats, *payloads: bytes) -> None:
    """As the channel `shop` may, with its own credentials."""
    client = await nats.connect(server.url("shop"), inbox_prefix=inbox_of("shop").encode())
    for payload in payloads:
        await client.publish(dead_letter_subject("channel-shop"), payload)
    await client.flush()
    await client.close()


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (GARBAGE, "DecodeError: JSON is malformed"),
        (b"", "DecodeError: Input data was truncated"),
        (b'{"id": "\xff", "source": "", "type": ""}', "UnicodeDecodeError: "),
        (TOO_DEEP, "RecursionError: "),
        (OTHER_TYPE, "it is of type 'shop.note.v1'"),
    ],
)
async def test_what_is_no_letter_is_listed_and_stops_nothing(
    server: GuardedNats, service: Client, payload: bytes, why: str
) -> None:
    """Number, who left it and why nobody can read it; the letters of others follow."""
    bus, seen = RealBus(server, service), Seen()
    await leave(server, payload)
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: channel.dead_letters == 1)

        listed = await dlq(server, "list")
        whole = await dlq(server, "list", "--json")
        replayed = await dlq(server, "replay", "--all")

    first, second = (line.split("\t") for line in listed.output.splitlines())
    assert ["1", "channel-shop", "-", "-"] == [first[0], *first[2:5]]
    assert first[5].startswith(f"unreadable: {why}")
    assert ["2", "channel-web"] == [second[0], second[2]]
    assert msgspec.json.decode(whole.output.splitlines()[0])["unreadable"].startswith(why)
    lines = replayed.output.splitlines()
    assert (1, "2\thandled") == (replayed.exit_code, lines[1])
    assert lines[0].startswith(f"1\tunreadable: {why}")


async def test_a_header_of_a_channel_hides_no_letter(server: GuardedNats, service: Client) -> None:
    """What a message says in its headers is not what the server says of it."""
    client = await nats.connect(server.url("shop"), inbox_prefix=inbox_of("shop").encode())
    forged = {"Status": "404", "Nats-Sequence": "99", "Nats-Subject": dead_letter_subject("a")}
    await client.publish(dead_letter_subject("channel-shop"), b"", headers=forged)
    await client.close()
    await leave(server, letter())

    listed = await dlq(server, "list")

    fields = [line.split("\t") for line in listed.output.splitlines()]
    assert [("1", "channel-shop"), ("2", "channel-shop")] == [(f[0], f[2]) for f in fields]


async def test_a_letter_that_cannot_be_sent_fails_by_itself(
    server: GuardedNats, service: Client
) -> None:
    """A header no message may have is the trouble of its letter, and of no other."""
    await leave(server, letter(headers={"a b": "c"}), letter())

    replayed = await dlq(server, "replay", "--all")

    assert [
        "1\tcannot be handed over: nats: invalid header: 'a b'",
        "2\tnobody answered: no subscriber of the channel is running",
    ] == replayed.output.splitlines()
    assert 1 == replayed.exit_code


async def test_an_answer_nobody_knows_settles_nothing(server: GuardedNats, service: Client) -> None:
    """A channel may answer anything; what it says is told, and the letter stays."""
    await leave(server, letter())
    client = await nats.connect(server.url("shop"), inbox_prefix=inbox_of("shop").encode())

    async def answer(_: object) -> None:
        await client.publish(replay_answer("channel-shop", "1"), b"perhaps \x1b[2J")

    await client.subscribe(f"{inbox_of('shop')}.replay", cb=answer)
    await client.flush()
    replayed = await dlq(server, "replay", "1")
    await client.close()

    assert (1, "1\tthe answer is none: perhaps \\u001b[2J\n") == (
        replayed.exit_code,
        replayed.output,
    )
    assert 1 == len((await dlq(server, "list")).output.splitlines())


async def test_nothing_a_channel_writes_reaches_a_terminal_as_it_is(
    server: GuardedNats, service: Client
) -> None:
    """Neither colours nor cursors nor turned writing; in JSON it is the same text."""
    reason = "\x1b[2J\x9b1m\u202egnp.exe\U000e0001 ☕"
    await leave(server, letter(reason, headers={"Nats-Msg-Id": "\x1b]0;\x07"}))

    listed = await dlq(server, "list")
    whole = await dlq(server, "list", "--json")

    assert listed.output.endswith(
        "\t\\u001b]0;\\u0007\t\\u001b[2J\\u009b1m\\u202egnp.exe\\udb40\\udc01 ☕\n"
    )
    assert whole.output.removesuffix("\n").isprintable()
    assert reason == msgspec.json.decode(whole.output)["reason"]


async def test_a_dropped_letter_is_gone_and_no_other(server: GuardedNats, service: Client) -> None:
    """Readable or not; a number that is none is said, and the exit code is 1."""
    await leave(server, GARBAGE, letter("kept"), letter("dropped"))

    dropped = await dlq(server, "drop", "3", "1")
    again = await dlq(server, "drop", "1", "99")

    assert (0, "3\tdropped\n1\tdropped\n") == (dropped.exit_code, dropped.output)
    assert (1, "1\tno such letter\n99\tno such letter\n") == (again.exit_code, again.output)
    (line,) = (await dlq(server, "list")).output.splitlines()
    assert ("2", "kept") == (line.split("\t")[0], line.split("\t")[5])
