"""One behaviour suite over `Events` on a real stream and over its fake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import nats
import pytest
from nats.aio.client import Client

from api.runtime.natsd import EmbeddedNats
from ledger.recorded import Recorded
from subscribers import messages
from subscribers.copies import emptied
from subscribers.messages import CloudEvent, decode
from subscribers.sdk import Events, FakeEvents, MessagesMissing, NewGeneration
from subscribers.streams import ensure
from subscribers.translate import event_message
from tests.integration.subscribers.conftest import PATIENCE_S, eventually, kill_and_wait
from tests.support.event_log import START, meta, sold


def event(position: int) -> CloudEvent:
    """The public form of one sale."""
    return decode(_payload(position))


def _payload(position: int) -> bytes:
    recorded = Recorded(
        position,
        "stock/ams-1/MUG",
        position,
        "stock.sold.v1",
        START,
        meta(position),
        sold(position),
    )
    return event_message(recorded, 1).payload


class Follower(Protocol):
    """What both have."""

    @property
    def position(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    @property
    def repetitions(self) -> int: ...
    @property
    def generation(self) -> str | None: ...
    def stop(self) -> None: ...
    async def run(
        self,
        on_event: Callable[[CloudEvent], Awaitable[None]],
        *,
        until: int | None = None,
        on_restart: Callable[[str], Awaitable[int]] | None = None,
    ) -> None: ...


class Stream(Protocol):
    """A stream a test can tell events to, and the followers of it."""

    async def tell(self, position: int, generation: str = "1") -> None: ...
    async def begin(self, generation: str) -> None: ...
    def follower(self, position: int = 0, generation: str | None = None) -> Follower: ...


class RealStream:
    """JetStream."""

    def __init__(self, url: str, client: Client) -> None:
        self._url, self._client = url, client

    async def tell(self, position: int, generation: str = "1") -> None:
        headers = {messages.POSITION: str(position), messages.GENERATION: generation}
        await self._client.jetstream().publish(
            "inventory.events.ams-1.MUG.sold", _payload(position), headers=headers
        )

    async def begin(self, generation: str) -> None:
        await emptied(self._client.jetstream(), messages.EVENTS_STREAM, int(generation))

    def follower(self, position: int = 0, generation: str | None = None) -> Events:
        return Events(self._url, position=position, generation=generation)


class ListStream:
    """The fake's list."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.followers: list[FakeEvents] = []
        self.begun: str | None = None

    async def tell(self, position: int, generation: str = "1") -> None:
        self.told.append((position, generation))
        for follower in self.followers:
            follower.tell(event(position), generation=generation)

    async def begin(self, generation: str) -> None:
        self.told, self.begun = [], generation
        for follower in self.followers:
            follower.begin(generation)

    def follower(self, position: int = 0, generation: str | None = None) -> FakeEvents:
        follower = FakeEvents(position=position, generation=generation)
        if self.begun is not None:
            follower.begin(self.begun)
        for told, of in self.told:
            follower.tell(event(told), generation=of)
        self.followers.append(follower)
        return follower


@pytest.fixture(params=["jetstream", "fake"])
async def stream(request: pytest.FixtureRequest) -> AsyncIterator[Stream]:
    """Each implementation in turn."""
    if request.param == "fake":
        yield ListStream()
        return
    server: EmbeddedNats = request.getfixturevalue("nats_server")
    client = await nats.connect(server.url)
    await ensure(client.jetstream())
    yield RealStream(server.url, client)
    await client.close()


class Seen:
    """A handler that remembers."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    async def __call__(self, event: CloudEvent) -> None:
        self.positions.append(event.position)


async def test_events_come_in_order_from_the_first(stream: Stream) -> None:
    """Every event once, in ledger order."""
    for position in range(1, 51):
        await stream.tell(position)
    seen = Seen()

    await stream.follower().run(seen, until=50)

    assert list(range(1, 51)) == seen.positions


async def test_following_goes_on_after_a_kept_position(stream: Stream) -> None:
    """What was handled in an earlier life is not handled again."""
    for position in range(1, 11):
        await stream.tell(position)
    seen = Seen()

    await stream.follower(position=7).run(seen, until=10)

    assert [8, 9, 10] == seen.positions


async def test_events_told_later_arrive(stream: Stream) -> None:
    """A follower that has caught up waits for more."""
    await stream.tell(1)
    seen = Seen()
    running = asyncio.create_task(stream.follower().run(seen, until=3))
    await eventually(lambda: seen.positions == [1])

    await stream.tell(2)
    await stream.tell(3)

    await asyncio.wait_for(running, PATIENCE_S)
    assert [1, 2, 3] == seen.positions


async def test_a_failing_handler_is_tried_again_with_the_same_event(stream: Stream) -> None:
    """No event is passed over because of a handler's bad day, and order is kept."""
    for position in range(1, 4):
        await stream.tell(position)
    attempts: list[int] = []

    async def fails_twice(event: CloudEvent) -> None:
        attempts.append(event.position)
        if attempts.count(2) < 3 and event.position == 2:
            raise RuntimeError("a bad day")

    await stream.follower().run(fails_twice, until=3)

    assert [1, 2, 2, 2, 3] == attempts


async def test_a_repeated_message_is_handled_once(stream: Stream) -> None:
    """A duplicate is passed over by its position."""
    for position in (1, 2, 2, 3):
        await stream.tell(position)
    seen, follower = Seen(), stream.follower()

    await follower.run(seen, until=3)

    assert ([1, 2, 3], 1) == (seen.positions, follower.repetitions)


async def test_a_hole_in_the_stream_is_never_passed_over(stream: Stream) -> None:
    """What reading again does not bring ends the following, loudly, at the last good event."""
    for position in (1, 2, 4):
        await stream.tell(position)
    seen, follower = Seen(), stream.follower()

    with pytest.raises(MessagesMissing, match="position 3"):
        await follower.run(seen)

    assert ([1, 2], 2) == (seen.positions, follower.position)


async def test_a_new_generation_ends_the_following(stream: Stream) -> None:
    """Positions of one copy mean nothing in another."""
    await stream.tell(1)
    await stream.tell(2, generation="2")

    with pytest.raises(NewGeneration, match="from generation 1 to 2"):
        await stream.follower().run(Seen())


async def test_who_can_forget_follows_into_a_new_generation(stream: Stream) -> None:
    """From where its own word says, in the copy that there is now."""
    seen, follower, forgotten = Seen(), stream.follower(), []

    async def forget(generation: str) -> int:
        forgotten.append(generation)
        return 1

    for position in (1, 2, 3):
        await stream.tell(position)
    following = asyncio.create_task(follower.run(seen, on_restart=forget))
    await eventually(lambda: seen.positions == [1, 2, 3])
    await stream.begin("2")
    for position in (1, 2):
        await stream.tell(position, generation="2")

    await eventually(lambda: seen.positions == [1, 2, 3, 2])

    assert (["2"], "2", 2) == (forgotten, follower.generation, follower.position)
    follower.stop()
    await following


async def test_a_kept_place_is_none_in_another_generation(stream: Stream) -> None:
    """Found before anything is delivered: behind the old place nothing might ever come."""
    await stream.begin("2")
    await stream.tell(1, generation="2")

    with pytest.raises(NewGeneration, match="from generation 1 to 2"):
        await stream.follower(position=7, generation="1").run(Seen())


async def test_stop_ends_a_follower_that_waits(stream: Stream) -> None:
    """Stopping does not need another event."""
    await stream.tell(1)
    seen, follower = Seen(), stream.follower()
    running = asyncio.create_task(follower.run(seen))
    await eventually(lambda: seen.positions == [1])

    follower.stop()

    await asyncio.wait_for(running, PATIENCE_S)
    assert 1 == follower.position


@pytest.mark.parametrize("fault", ["lose", "repeat", "swap"])
async def test_lost_repeated_and_swapped_deliveries_are_put_right(fault: str) -> None:
    """Whatever deliveries do the first time, each event is handled once and in order."""
    follower = FakeEvents(map(event, range(1, 21)))
    getattr(follower, fault)(7)
    seen = Seen()

    await follower.run(seen, until=20)

    assert list(range(1, 21)) == seen.positions
    assert follower.gaps + follower.repetitions > 0


async def test_a_killed_server_costs_a_follower_nothing(nats_server: EmbeddedNats) -> None:
    """The consumer is made anew after the last event handled, without loss or repetition."""
    client = await nats.connect(nats_server.url)
    await ensure(client.jetstream())
    stream, seen = RealStream(nats_server.url, client), Seen()
    await stream.tell(1)
    running = asyncio.create_task(stream.follower().run(seen, until=3))
    await eventually(lambda: seen.positions == [1])
    await client.close()

    await asyncio.to_thread(_kill_and_start, nats_server)

    client = await nats.connect(nats_server.url)
    stream = RealStream(nats_server.url, client)
    await stream.tell(2)
    await stream.tell(3)
    await asyncio.wait_for(running, PATIENCE_S)
    await client.close()
    assert [1, 2, 3] == seen.positions


def _kill_and_start(server: EmbeddedNats) -> None:
    kill_and_wait(server)
    server.start()
