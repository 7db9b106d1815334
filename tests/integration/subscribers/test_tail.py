"""`inventory-ledger tail` against a real stream."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import nats
import pytest
from click.testing import CliRunner, Result

from api.cli.tail import stream_of, tail_command
from api.runtime.natsd import EmbeddedNats
from subscribers.streams import ensure
from tests.integration.subscribers.conftest import RelayThread
from tests.support.event_log import EventLog, received, sold


async def _tail(server: EmbeddedNats, *arguments: str) -> Result:
    invoke = CliRunner().invoke
    options = [*arguments, "--nats-url", server.url]
    return await asyncio.to_thread(lambda: invoke(tail_command, options, catch_exceptions=False))


async def test_tail_prints_subject_and_payload_of_every_event(
    event_log: EventLog, start_relay: Callable[[], RelayThread], nats_server: EmbeddedNats
) -> None:
    """One line a message: the subject, a tab, the payload as it was sent."""
    await start_relay().told(event_log.append([received(5), sold(1), sold(2, sku="☕")]))

    result = await _tail(nats_server, "--all", "--count", "3")

    lines = [line.split("\t") for line in result.output.splitlines()]
    assert [
        "inventory.events.ams-1.MUG.received",
        "inventory.events.ams-1.MUG.sold",
        "inventory.events.ams-1.%E2%98%95.sold",
    ] == [subject for subject, _ in lines]
    assert [5, 1, 2] == [msgspec.json.decode(body)["data"]["quantity"] for _, body in lines]


async def test_tail_follows_one_subject_with_wildcards(
    event_log: EventLog, start_relay: Callable[[], RelayThread], nats_server: EmbeddedNats
) -> None:
    """Only what the subject covers is printed."""
    await start_relay().told(event_log.append([received(5), sold(1), received(1, sku="LAMP")]))

    result = await _tail(nats_server, "inventory.events.*.*.received", "--all", "--count", "2")

    subjects = [line.split("\t")[0] for line in result.output.splitlines()]
    assert ["inventory.events.ams-1.MUG.received", "inventory.events.ams-1.LAMP.received"] == (
        subjects
    )


async def test_tail_of_what_others_wrote_does_nothing_to_a_terminal(
    nats_server: EmbeddedNats,
) -> None:
    """A message is one line, and a channel's words are words, whatever is in them."""
    client = await nats.connect(nats_server.url)
    await ensure(client.jetstream())
    await client.jetstream().publish("inventory.dlq.channel-g", "\x1b[2J\n\x9b☕".encode())
    await client.close()

    result = await _tail(nats_server, "inventory.dlq.>", "--all", "--count", "1")

    assert "inventory.dlq.channel-g\t\\u001b[2J\\u000a\\u009b☕\n" == result.output


async def test_tail_of_a_subject_nobody_keeps_is_bad_usage(nats_server: EmbeddedNats) -> None:
    """Waiting for ever for nothing would be worse than saying so."""
    result = await _tail(nats_server, "elsewhere.>")

    assert 2 == result.exit_code
    assert "no stream keeps" in result.output


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        ("inventory.events.>", "INVENTORY_EVENTS"),
        ("inventory.documents.reservation.*.placed", "INVENTORY_EVENTS"),
        ("inventory.stock.ams-1.*", "INVENTORY_STOCK"),
        ("inventory.conflicts.>", "INVENTORY_CONFLICTS"),
        ("inventory.inbox.pos.ams-1", "INVENTORY_INBOX"),
        ("inventory.dlq.web", "INVENTORY_DLQ"),
        ("inventory.commands", None),
        (">", None),
    ],
)
def test_every_subject_belongs_to_one_stream(subject: str, stream: str | None) -> None:
    """The second token decides."""
    assert stream == stream_of(subject)


async def test_tail_of_a_server_that_lets_nobody_in_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Within seconds, instead of asking again for ever without a word."""
    server = EmbeddedNats(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        result = await _tail(server, "--all")
    finally:
        await asyncio.to_thread(server.stop)

    assert 1 == result.exit_code
    assert "does not answer as it should" in " ".join(result.stderr.split())
    assert "uthori" in result.stderr
