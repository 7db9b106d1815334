"""A message server that knows what a channel may do, and the two ways to read from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from subscribers.durables import answer_syncs
from subscribers.sdk import Change, PresentComplete
from subscribers.streams import ensure, filled
from tests.support.channel_bus import CHANNEL, Bus, FakeBus, RealBus
from tests.support.least_privilege import GuardedNats

PATIENCE_S = 30.0


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a thing, not for a duration; patience is only the end of hope."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.01)


class Seen:
    """A handler that remembers, and fails where it was told to."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.present: list[PresentComplete] = []
        self.fails: dict[str, int] = {}  # SKU -> how many times more.

    def told(self) -> list[tuple[str, int]]:
        """SKU and number, in order."""
        return [(change.state.sku, change.state.ats) for change in self.changes]

    async def __call__(self, change: Change) -> None:
        self.changes.append(change)
        if self.fails.get(change.state.sku, 0) > 0:
            self.fails[change.state.sku] -= 1
            raise RuntimeError("a bad day")

    async def complete(self, present: PresentComplete) -> None:
        self.present.append(present)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """A subscriber at work until the end of the block; its own failure is the test's."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(done[0], Exception), done[0]


@pytest.fixture(autouse=True)
def nothing_forbidden_was_tried(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Subscribers live with their channel's rights; one that asks for more is wrong."""
    yield
    logged = [record.getMessage().lower() for record in caplog.get_records("call")]
    assert [] == [line for line in logged if "permissions violation" in line]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuardedNats]:
    """With users for channels of several names."""
    server = GuardedNats(tmp_path / "guarded-nats", CHANNEL, "shop", "kiosk", "market.de/☕")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def service(server: GuardedNats) -> AsyncIterator[Client]:
    """The service's own connection, which answers channels that join."""
    client = await nats.connect(server.url())
    await ensure(client.jetstream())
    await filled(client.jetstream())
    await answer_syncs(client)
    yield client
    await client.close()


@pytest.fixture(params=["jetstream", "fake"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """Each implementation in turn."""
    if request.param == "fake":
        yield FakeBus()
        return
    server = request.getfixturevalue("server")
    client = await nats.connect(server.url())
    await ensure(client.jetstream())
    await filled(client.jetstream())
    await answer_syncs(client)
    yield RealBus(server, client)
    await client.close()
