"""A ledger, a nats-server and a relay between them, for the tests of the fan-out."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from api.runtime.natsd import EmbeddedNats
from api.runtime.processes import is_alive, wait_until
from ledger.settings import Settings
from subscribers.relay import Health, run
from tests.support.event_log import EventLog
from tests.support.servers import Database

PATIENCE_S = 30.0


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a thing, not for a duration; patience is only the end of hope."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.01)


class RelayThread:
    """A relay in a thread of the test."""

    def __init__(self, settings: Settings) -> None:
        self.health = Health()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=run, args=(settings, self._stop, self.health))
        self._thread.start()

    async def told(self, position: int) -> None:
        """Wait until the stream has acknowledged a position."""
        await eventually(lambda: self.health.position >= position)

    async def is_in(self, state: str) -> None:
        """Wait until its health says so."""
        await eventually(lambda: self.health.state == state)

    def stop(self) -> None:
        """Stop as the service does."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the relay did not stop"


@pytest.fixture
def event_log(database: Database) -> Iterator[EventLog]:
    """Events of this test's own database."""
    log = EventLog(database.owner_url)
    yield log
    log.close()


@pytest.fixture
def settings(database: Database, nats_server: EmbeddedNats, tmp_path: Path) -> Settings:
    """A relay of this test's own servers, which looks often."""
    return Settings(
        database_url=database.service_url,
        nats_url=nats_server.url,
        data_dir=str(tmp_path / "data"),
        poll_ms=20,
    )


@pytest.fixture
def start_relay(settings: Settings) -> Iterator[Callable[[], RelayThread]]:
    """Starts relays; those still running are stopped with the test."""
    relays: list[RelayThread] = []

    def start() -> RelayThread:
        relays.append(RelayThread(settings))
        return relays[-1]

    yield start
    for relay in relays:
        relay.stop()


@pytest.fixture
async def client(nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    """A look into the message server."""
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


def kill_and_wait(server: EmbeddedNats) -> None:
    """End a server as a power cut would, as far as its process knows."""
    pid = server.pid
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(pid), timeout_s=PATIENCE_S)
