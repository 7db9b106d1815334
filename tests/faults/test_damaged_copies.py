"""Files of the message server cut, flipped and deleted while it is down: copies and readers mend.

`DAMAGES` says how many are done one after the other, `FAULT_SEED` draws them. Everything is real:
relay, database and message server are processes, the files are the server's own.
"""

import time
from random import Random
from typing import Final

import nats
import pytest

from subscribers.messages import CONFLICTS_STREAM, STOCK_STREAM
from tests.faults.copies import Mirrors, Scene, Workshop, until
from tests.faults.relaying import RELAY, UNMENDED, Office
from tests.support.copies import mixed
from tests.support.damage import KINDS, STREAMS, damage, flip_in
from tests.support.event_log import EventLog, received, sold
from tests.support.figures import Tell
from tests.support.mirrors import start

EVENTS: Final = 6_000
"""More than are compared without a process of its own."""

_KILLED_TOO: Final = 0.3


def drawn(random: Random, count: int) -> list[tuple[str, str]]:
    """Streams and kinds of damage: every kind before any comes again."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        kinds = list(KINDS)
        random.shuffle(kinds)
        pairs += [(random.choice(STREAMS), kind) for kind in kinds]
    return pairs[:count]


@pytest.mark.timeout(0)  # Any number of damages; every wait inside has its own end.
async def test_copies_and_subscribers_come_back_from_any_damage(
    event_log: EventLog, scene: Scene, mirrors: Mirrors, seed: int, damages: int, tell: Tell
) -> None:
    """Afterwards every copy is what the ledger says, and so is what each subscriber holds."""
    random = Random(seed)
    mixed(event_log, EVENTS, random)
    relay = scene.relay()
    await scene.told(event_log.position)
    tasks = start(mirrors)
    async with Office(scene.settings) as office:
        workshop = Workshop(scene, office, mirrors)
        await workshop.converged()
        for stream, kind in drawn(random, damages):
            scene.server.stop()
            damage(scene.server_files, stream, kind, random)
            if random.random() < _KILLED_TOO:
                relay.kill()
                relay = scene.relay()
            mixed(event_log, random.randrange(1, 50), random)
            scene.server.start()
            began, before = time.monotonic(), len(workshop.asked)
            await workshop.converged()
            how = ", ".join(workshop.asked[before:]) or "by itself"
            tell(f"{stream} {kind}: {how}, {time.monotonic() - began:.1f} s")
    assert not [task for task in tasks if task.done()], "subscribers never end"
    for task in tasks:
        task.cancel()


async def _unreadable(log: EventLog, scene: Scene, code: str) -> None:
    """A state that the server cannot read, and the next one of the same stock."""
    log.append([received(9), received(9, sku="LAMP")])
    scene.relay(code, audit_percent=0)
    await scene.told(log.position)
    await scene.is_clean()
    client = await nats.connect(scene.server.url)
    state = await client.jetstream().get_last_msg(STOCK_STREAM, "inventory.stock.ams-1.MUG")
    await client.close()
    scene.server.stop()
    flip_in(scene.server_files, STOCK_STREAM, state.data or b"")
    scene.server.start()
    log.append([sold(1), sold(1, sku="LAMP")])


async def test_a_state_that_cannot_be_read_does_not_keep_new_ones_out(
    event_log: EventLog, scene: Scene
) -> None:
    """The server could not replace it, and would store nothing: the stream is told anew before."""
    await _unreadable(event_log, scene, RELAY)

    await scene.is_clean()


async def test_control_a_relay_that_writes_over_it_tells_nothing_any_more(
    event_log: EventLog, scene: Scene
) -> None:
    """The control: nobody empties the stream, and the server refuses, or does not even answer."""
    await _unreadable(event_log, scene, UNMENDED)

    async def has_failed() -> bool:
        said = scene.log.read_text()
        return "standing by" in said or "no answer" in said

    await until(has_failed)
    assert await scene.differences()


async def test_control_without_the_companion_what_was_lost_stays_lost(
    event_log: EventLog, scene: Scene, seed: int
) -> None:
    """The control: nobody compares, and the comparison of these tests sees what is missing."""
    random = Random(seed)
    mixed(event_log, 500, random)
    scene.relay(audit_percent=0)
    for _ in range(2):  # The second says that the first was told.
        await scene.told(event_log.position)
        await scene.is_clean()
        event_log.append([sold(1)])
    await scene.is_clean()
    client = await nats.connect(scene.server.url)
    js = client.jetstream()
    first = (await js.stream_info(STOCK_STREAM)).state.first_seq
    await js.delete_msg(STOCK_STREAM, first)
    await js.delete_msg(CONFLICTS_STREAM, 1)
    await client.close()
    scene.server.stop()
    scene.server.start()

    await scene.told(event_log.append([sold(1)]))

    found = " ".join(await scene.differences())
    assert "1 states differ" in found
    assert "conflicts told" in found
