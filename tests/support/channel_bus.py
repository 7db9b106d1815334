"""What a channel is told, over JetStream with least privilege and over the fake, for one suite."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.dead_letters import Filed, letters, replay
from subscribers.messages import AtsState, DeadLetter
from subscribers.sdk import Channel, FakeAts, FakeChannel, Limits
from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.subscriber import Subscriber
from subscribers.sdk.values import OnStaleness
from subscribers.streams import STREAMS, begun, ensure, filled
from tests.support.least_privilege import GuardedNats

CHANNEL = "web"
QUICK = Limits(tries_max=3, retry_min_ms=10, heartbeat_ms=200, pull_ms=2_000, staleness_every_ms=20)


def number(
    sku: str, ats: int, told: int, *, channel: str = CHANNEL, location: str | None = None
) -> AtsState:
    """A number as it is told."""
    return AtsState(
        channel=channel,
        sku=sku,
        location=location,
        ats=ats,
        position=told,
        rule_version=1,
        instant="2026-11-23T09:00:00.000000Z",
        told=told,
    )


class Bus(Protocol):
    """Where numbers are told, and who reads them."""

    async def tell(self, sku: str, ats: int, *, location: str | None = None) -> AtsState: ...
    async def tell_as(self, subject: str, headers: dict[str, str], payload: bytes) -> None: ...
    async def begin_generation(self, generation: int) -> None: ...
    async def refuse_letters(self, *, refuse: bool) -> None: ...
    async def letters(self) -> list[DeadLetter]: ...
    async def replay(self) -> list[str]: ...
    async def unacknowledged(self) -> int: ...
    def subscriber(
        self, limits: Limits = QUICK, on_staleness: OnStaleness | None = None
    ) -> AbstractAsyncContextManager[Subscriber]: ...


class RealBus:
    """JetStream; the subscriber may do no more than its credentials allow."""

    def __init__(self, server: GuardedNats, service: Client) -> None:
        self.server, self.service, self.js = server, service, service.jetstream()
        self.generation = 1
        self._told = 0

    async def tell(self, sku: str, ats: int, *, location: str | None = None) -> AtsState:
        self._told += 1
        state = number(sku, ats, self._told, location=location)
        await self.tell_as(*told_as(state, self.generation))
        return state

    async def tell_as(self, subject: str, headers: dict[str, str], payload: bytes) -> None:
        await self.js.publish(subject, payload, headers=headers)

    async def begin_generation(self, generation: int) -> None:
        self.generation, self._told = generation, 0
        await self.js.delete_stream(messages.ATS_STREAM)
        declared = next(s for s in STREAMS if s.name == messages.ATS_STREAM)
        await self.js.add_stream(begun(declared, generation))
        await filled(self.js)

    async def refuse_letters(self, *, refuse: bool) -> None:
        if refuse:
            await self.js.delete_stream(messages.DLQ_STREAM)
        else:
            await ensure(self.js)

    async def letters(self) -> list[DeadLetter]:
        return [one.letter async for one in letters(self.js) if isinstance(one, Filed)]

    async def replay(self) -> list[str]:
        filed = [filed async for filed in letters(self.js)]
        fates = [await replay(self.service, one, timeout_s=20.0) for one in filed]
        return [fate.value for fate, _ in fates]

    async def unacknowledged(self) -> int:
        """Held by the subscriber, or not delivered to it."""
        try:
            info = await self.js.consumer_info(messages.ATS_STREAM, messages.durable_of(CHANNEL))
        except NotFoundError:
            return -1
        return (info.num_ack_pending or 0) + (info.num_pending or 0)

    def subscriber(
        self, limits: Limits = QUICK, on_staleness: OnStaleness | None = None
    ) -> Channel:
        url = self.server.url(CHANNEL)
        return Channel(url, channel=CHANNEL, limits=limits, on_staleness=on_staleness)


class FakeBus:
    """The fake."""

    def __init__(self) -> None:
        self.ats = FakeAts(channel=CHANNEL)

    async def tell(self, sku: str, ats: int, *, location: str | None = None) -> AtsState:
        return self.ats.tell(sku, ats, location=location)

    async def tell_as(self, subject: str, headers: dict[str, str], payload: bytes) -> None:
        self.ats.tell_as(subject, headers, payload)

    async def begin_generation(self, generation: int) -> None:
        self.ats.begin_generation(generation)

    async def refuse_letters(self, *, refuse: bool) -> None:
        self.ats.refuses_letters = refuse

    async def letters(self) -> list[DeadLetter]:
        return [*self.ats.dead_letters]

    async def replay(self) -> list[str]:
        words: dict[str, Any] = {
            "+ACK": "handled",
            "+TERM": "overtaken by a newer number",
            "-NAK": "failed again",
        }
        return [words[outcome.split(" ")[0]] for outcome in await self.ats.replay()]

    async def unacknowledged(self) -> int:
        return self.ats.unacknowledged

    def subscriber(
        self, limits: Limits = QUICK, on_staleness: OnStaleness | None = None
    ) -> FakeChannel:
        return FakeChannel(self.ats, limits=limits, on_staleness=on_staleness)
