"""A ledger restored from a backup taken before what was told: nobody is told two histories as one.

The backup is a database of its own, taken while the ledger went on; restoring it is pointing the
relay at it. Subscribers are there all the time, and keep the places they had.
"""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from random import Random
from typing import Final

import msgspec
import pytest

from subscribers.messages import EVENTS_STREAM
from tests.faults.copies import Mirrors, Scene, Workshop, until
from tests.faults.relaying import CREDULOUS, PATIENCE_S, Office
from tests.support.copies import mixed
from tests.support.damage import damage
from tests.support.event_log import EventLog
from tests.support.mirrors import start
from tests.support.servers import REPOSITORY, Cluster, Database

BEFORE: Final = 300
LOST: Final = 100
"""Events recorded and told after the backup was taken."""

Disaster = Callable[[int, str], Awaitable[EventLog]]


@pytest.fixture
def disaster(
    scene: Scene, mirrors: Mirrors, database: Database, postgres_cluster: Cluster, seed: int
) -> Iterator[Disaster]:
    """Tells a ledger to its end, and restores an earlier one, with so many other events after it.

    Subscribers have followed to that end. Files of the stream of events are damaged in between,
    where a kind is named.
    """
    random = Random(seed)
    tasks: list[asyncio.Task[None]] = []
    with ExitStack() as stack:

        async def strike(others: int, kind: str) -> EventLog:
            log = EventLog(database.owner_url)
            mixed(log, BEFORE, random)
            log.close()  # Nobody may be connected to what is copied.
            backup = stack.enter_context(postgres_cluster.database(database.name))
            log = EventLog(database.owner_url)
            log.resume()
            relay = scene.relay()
            await scene.told(mixed(log, LOST, random))
            await scene.is_clean()
            tasks.extend(start(mirrors))
            await _are_at(mirrors, log.position)
            log.close()
            relay.kill()
            if kind:
                scene.server.stop()
                damage(scene.server_files, EVENTS_STREAM, kind, random)
                scene.server.start()
            scene.settings = msgspec.structs.replace(
                scene.settings, database_url=backup.service_url
            )
            log = EventLog(backup.owner_url)
            stack.callback(log.close)
            log.resume()
            mixed(log, others, random)
            return log

        yield strike
        for task in tasks:
            task.cancel()
        scene.end()


@pytest.mark.parametrize(
    ("others", "kind", "why"),
    [
        pytest.param(0, "", f"does not have event {BEFORE + LOST}", id="shorter"),
        pytest.param(2 * LOST, "", f"another one as event {BEFORE + LOST}", id="overtaken"),
        pytest.param(
            2 * LOST, "everything deleted", "another one as event", id="overtaken, stream lost"
        ),
    ],
)
async def test_a_restored_ledger_is_told_only_as_a_new_generation(
    scene: Scene,
    mirrors: Mirrors,
    disaster: Disaster,
    others: int,
    kind: str,
    why: str,
) -> None:
    """The relay refuses, whatever numbers say; the command begins anew, and subscribers follow."""
    log = await disaster(others, kind)
    scene.relay()

    halted = await scene.halted()

    assert why in halted.detail
    assert "streams regenerate" in halted.detail
    done = await asyncio.to_thread(_regenerate, scene)
    assert done.returncode == 0, done.stdout + done.stderr
    mixed(log, 20, Random(1))
    async with Office(scene.settings) as office:
        await Workshop(scene, office, mirrors).converged()
        assert (await office.relayed()).generation == 2
    assert 1 == mirrors[0].restarts


async def test_control_a_relay_that_compares_numbers_tells_two_histories_as_one(
    scene: Scene, mirrors: Mirrors, disaster: Disaster
) -> None:
    """The control: without hashes the copies and who follows them come to another level."""
    log = await disaster(2 * LOST, "")

    scene.relay(CREDULOUS, audit_percent=0)

    await _are_at(mirrors, log.position)
    async with Office(scene.settings) as office:
        assert Workshop(scene, office, mirrors).differences_of_mirrors()
    assert await scene.differences()


async def test_control_without_a_witness_a_lost_stream_hides_that_the_ledger_was_restored(
    scene: Scene, mirrors: Mirrors, disaster: Disaster
) -> None:
    """The control: the copies are what the ledger says, and subscribers have heard another one."""
    log = await disaster(2 * LOST, "everything deleted")

    scene.relay(CREDULOUS, audit_percent=0)

    await _are_at(mirrors, log.position)
    async with Office(scene.settings) as office:
        assert Workshop(scene, office, mirrors).differences_of_mirrors()


async def _are_at(mirrors: Mirrors, position: int) -> None:
    async def there() -> bool:
        return all(mirror.position >= position for mirror in mirrors)

    await until(there)


def _regenerate(scene: Scene) -> "subprocess.CompletedProcess[str]":
    """As people do it."""
    settings = scene.settings
    where = ["--data-dir", settings.data_dir]
    where += ["--database-url", scene.database_url, "--nats-url", scene.server.url]
    command = [sys.executable, "-m", "api.cli.main", "streams", "regenerate", "--yes", *where]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
