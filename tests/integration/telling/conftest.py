"""A ledger, its projector, a nats-server and tellers between them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import nats
import pytest
import uvloop
from nats.aio.client import Client

from api.runtime.natsd import EmbeddedNats
from ledger.clock import Clock, SystemClock
from ledger.settings import Settings
from projections.runner import Runner
from subscribers.relay import Health
from subscribers.teller import Teller
from tests.integration.telling.shop import PATIENCE_S, Shop, eventually
from tests.support.servers import Database


class TellerThread:
    """A teller in a thread of the test."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.health = Health()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(settings, clock))
        self._thread.start()

    def _run(self, settings: Settings, clock: Clock) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Teller(settings, self._stop, self.health, clock).run())

    async def is_in(self, state: str) -> None:
        """Wait until its health says so."""
        await eventually(lambda: self.health.state == state)

    def stop(self) -> None:
        """Stop as the service does."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the teller did not stop"


@pytest.fixture
def settings(database: Database, nats_server: EmbeddedNats) -> Settings:
    """A teller of this test's own servers, which looks often."""
    return Settings(
        database_url=database.service_url,
        nats_url=nats_server.url,
        poll_ms=20,
        lease_ms=600,
        lease_poll_ms=100,
    )


@pytest.fixture
def projector(settings: Settings) -> Iterator[Runner]:
    """Keeps the projections at the head."""
    stop = threading.Event()
    runner = Runner(settings)
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    yield runner
    stop.set()
    thread.join(PATIENCE_S)


@pytest.fixture
def start_teller(settings: Settings) -> Iterator[Callable[..., TellerThread]]:
    """Starts tellers; those still running are stopped with the test."""
    tellers: list[TellerThread] = []

    def start(clock: Clock | None = None) -> TellerThread:
        tellers.append(TellerThread(settings, clock or SystemClock()))
        return tellers[-1]

    yield start
    for teller in tellers:
        teller.stop()


@pytest.fixture
async def client(nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    """A look into the message server."""
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


@pytest.fixture
def shop(database: Database, projector: Runner, client: Client) -> Iterator[Shop]:
    """What happens, and what was told of it."""
    shop = Shop(database, client)
    yield shop
    shop.close()
