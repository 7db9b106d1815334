"""The copies beside the ledger on a path of its own: SQL and JSON here, an ordered consumer there.

Nothing of the auditor's is used, so that a mistake in it does not hide in the test.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any, Final, NamedTuple

import nats
import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from ledger.domain.events import AnyEvent, ConflictOpened
from subscribers import messages
from tests.support.event_log import START, EventLog, received, sold

STOCKS: Final = 150
_SILENCE_S: Final = 5.0
_SIGNS: Final = {"stock.received.v1": 1, "stock.sold.v1": -1}

Stock = tuple[str, str]


class Books(NamedTuple):
    """What the copies have to say."""

    head: int
    levels: dict[Stock, tuple[int, int]]  # On hand and version.
    conflicts: list[int]  # Positions.


def mixed(log: EventLog, count: int, random: Random) -> int:
    """Record receipts, sales and a conflict now and then; the head afterwards."""
    for start in range(0, count, 1_000):
        log.append(_event(log, random) for _ in range(min(1_000, count - start)))
    return log.position


def _event(log: EventLog, random: Random) -> AnyEvent:
    location, sku = f"store-{random.randrange(5)}", f"SKU {random.randrange(STOCKS)}"
    if random.random() < 0.02:
        return ConflictOpened(
            occurred_at=START,
            conflict_id=f"c-{log.position}-{random.getrandbits(64):x}",
            kind="negative_stock",
            location=location,
            sku=sku,
            short=random.randrange(1, 9),
        )
    return random.choice((received, sold))(random.randrange(1, 9), location=location, sku=sku)


def books(database_url: str) -> Books:
    """The ledger, added up."""
    levels: dict[Stock, tuple[int, int]] = {}
    conflicts: list[int] = []
    head = 0
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select position, topic, version, convert_from(state, 'UTF8')::text"
            " from ledger.events order by position"
        )
        for head, topic, version, state in rows:
            if topic.startswith("conflict."):
                conflicts.append(head)
            else:
                event = json.loads(state)["event"]
                key = event["location"], event["sku"]
                on_hand, _ = levels.get(key, (0, 0))
                levels[key] = on_hand + _SIGNS[topic] * event["quantity"], version
    return Books(head, levels, conflicts)


async def differences(database_url: str, nats_url: str) -> list[str]:
    """How the copies are not what the ledger comes to, in sentences."""
    client = await nats.connect(nats_url, allow_reconnect=False, max_reconnect_attempts=1)
    try:
        expected = books(database_url)
        found = await _of_events(client, expected)
        found += await _of_states(client, expected)
        return found + await _of_conflicts(client, expected)
    finally:
        await client.close()


async def _of_events(client: Client, expected: Books) -> list[str]:
    levels: dict[Stock, int] = {}
    positions, generations = [], set()
    async for message in _all(client, messages.EVENTS_STREAM):
        envelope = json.loads(message.data)
        positions.append((message.metadata.sequence.stream, envelope["position"]))
        generations.add((message.headers or {})["Ledger-Generation"])
        sign = _SIGNS.get(envelope["type"].removeprefix("inventory."), 0)
        if sign:
            data = envelope["data"]
            key = data["location"], data["sku"]
            levels[key] = levels.get(key, 0) + sign * data["quantity"]
    found = []
    if positions != [(n, n) for n in range(1, expected.head + 1)]:
        found.append(f"{len(positions)} events in the stream, {expected.head} in the ledger")
    if len(generations) > 1:
        found.append(f"events of generations {sorted(generations)}")
    if levels != {key: on_hand for key, (on_hand, _) in expected.levels.items()}:
        found.append("the events in the stream come to other levels")
    return found


async def _of_states(client: Client, expected: Books) -> list[str]:
    told = {}
    async for message in _all(client, messages.STOCK_STREAM):
        data = json.loads(message.data)["data"]
        told[data["location"], data["sku"]] = data["on_hand"], data["version"]
    wrong = {key for key, state in expected.levels.items() if told.get(key) != state}
    wrong |= told.keys() - expected.levels.keys()
    return [f"{len(wrong)} states differ, for example of {min(wrong)}"] if wrong else []


async def _of_conflicts(client: Client, expected: Books) -> list[str]:
    told = [
        int((message.headers or {})["Ledger-Position"])
        async for message in _all(client, messages.CONFLICTS_STREAM)
    ]
    if told != expected.conflicts:
        return [f"{len(told)} conflicts told, {len(expected.conflicts)} in the ledger"]
    return []


async def _all(client: Client, stream: str) -> AsyncIterator[Msg]:
    """Every message that can be read, in the stream's order."""
    js = client.jetstream()
    if not (await js.stream_info(stream)).state.messages:
        return
    queue: asyncio.Queue[Msg] = asyncio.Queue()
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL)
    subscription = await js.subscribe(
        "", stream=stream, config=config, ordered_consumer=True, cb=queue.put
    )
    try:
        while True:
            try:
                message: Any = await asyncio.wait_for(queue.get(), _SILENCE_S)
            except TimeoutError:
                return  # What the server counts and cannot read never comes.
            yield message
            if message.metadata.num_pending == 0:
                return
    finally:
        await subscription.unsubscribe()
