"""Joining while numbers keep changing: the exact state, no hole, no repetition."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client

from subscribers import messages
from subscribers.messages import AtsState, decode
from subscribers.sdk import Change, Channel, Key, Limits, PresentComplete
from subscribers.sdk.fake_ats import told_as
from tests.integration.channels.conftest import eventually, running
from tests.support.channel_bus import CHANNEL, number
from tests.support.figures import Tell
from tests.support.least_privilege import GuardedNats

JOINERS = int(os.environ.get("LATE_JOINERS", "10"))
SKUS = 200
HOT = 5  # So many get half of all changes: they are replaced while others are being delivered.
BURST = 25
FOLLOWED = 500  # Changes told while a joiner follows.


class Load:
    """Tells numbers in order, as fast as the server stores them."""

    def __init__(self, client: Client, seed: int) -> None:
        self._client = client
        self._random = random.Random(seed)
        self.last: dict[Key, AtsState] = {}  # Stored, all of them.
        self.told = 0
        self.standing_still = asyncio.Lock()

    async def tell(self, skus: list[str]) -> None:
        """The server answers for the last one; those before it came on the same way."""
        told = [self._next(sku) for sku in skus]
        for state in told[:-1]:
            subject, headers, payload = told_as(state)
            await self._client.publish(subject, payload, headers=headers)
        subject, headers, payload = told_as(told[-1])
        await self._client.jetstream().publish(subject, payload, headers=headers)
        self.last |= {Key(state.sku): state for state in told}

    async def keep_telling(self) -> None:
        while True:
            async with self.standing_still:
                await self.tell([self._any() for _ in range(BURST)])

    async def has_told(self, more: int) -> None:
        goal = self.told + more
        await eventually(lambda: self.told >= goal)

    def _next(self, sku: str) -> AtsState:
        self.told += 1
        return number(sku, self._random.randrange(100), self.told)

    def _any(self) -> str:
        return f"SKU-{self._random.randrange(HOT if self._random.random() < 0.5 else SKUS)}"


class Joiner:
    """What one subscriber came to know, and all that was wrong with how."""

    def __init__(self, before: dict[Key, AtsState]) -> None:
        self._before = dict(before)
        self.state: dict[Key, AtsState] = {}
        self.complete = 0
        self.changes = 0
        self.wrong: list[str] = []

    async def take(self, change: Change) -> None:
        known = self.state.get(change.key)
        if known is not None and change.state.told <= known.told:
            self.wrong.append(f"{change.key}: {change.state.told} after {known.told}")
        self.state[change.key] = change.state
        self.changes += 1

    async def finish(self, present: PresentComplete) -> None:
        """At the marker everything told before the joining is there, as it was or newer."""
        self.complete += 1
        for key, state in self._before.items():
            known = self.state.get(key)
            if known is None or known.told < state.told or key not in present.keys:
                self.wrong.append(f"{key}: the present is complete without {state.told}")


@asynccontextmanager
async def loaded(client: Client, seed: int) -> AsyncIterator[Load]:
    """Under load for the length of the block."""
    load = Load(client, seed)
    await load.tell([f"SKU-{sku}" for sku in range(SKUS)])
    async with running(load.keep_telling()):
        yield load


@pytest.mark.timeout(120 + 5 * JOINERS)
@pytest.mark.parametrize("handlers", [1, 8])
async def test_a_late_joiner_has_the_exact_state_without_hole_or_repetition(
    server: GuardedNats, service: Client, tell: Tell, handlers: int
) -> None:
    """Whenever it joins, its state becomes that of the stream, and no number comes twice."""
    changes = joins = 0
    async with loaded(service, seed=handlers) as load:
        for _ in range(JOINERS):
            await load.has_told(BURST)
            joiner = Joiner(load.last)
            async with Channel(
                server.url(CHANNEL), channel=CHANNEL, limits=Limits(handlers_max=handlers)
            ) as channel:
                async with running(channel.run(joiner.take, joiner.finish)):
                    await _is_complete(joiner)
                    await load.has_told(FOLLOWED)
                    async with load.standing_still:
                        await _has_become(joiner, load.last)
                joins += channel.joins
            changes += joiner.changes
            assert ([], 1) == (joiner.wrong, joiner.complete)
        told = load.told
        async with load.standing_still:
            assert load.last == await in_stream(service)
    tell(f"{JOINERS} joiners, {told} numbers told, {changes} handed over, {joins} joins")


async def test_the_checker_sees_a_hole_a_repetition_and_an_early_marker() -> None:
    """A checker that finds nothing has to be able to find something."""
    event = decode(told_as(number("MUG", 1, 1))[2])
    change = Change(state=number("MUG", 1, 1), event=event, generation=1)
    joiner = Joiner({Key("MUG"): number("MUG", 1, 1), Key("LAMP"): number("LAMP", 1, 2)})

    await joiner.take(change)
    await joiner.take(change)
    await joiner.finish(PresentComplete(generation=1, keys=frozenset({Key("MUG")})))

    assert ["MUG", "LAMP"] == [wrong.split("'")[1] for wrong in joiner.wrong]


async def in_stream(client: Client) -> dict[Key, AtsState]:
    """The last values as the server has them."""
    js = client.jetstream()
    subjects = (await js.stream_info(messages.ATS_STREAM, subjects_filter=">")).state.subjects
    found: dict[Key, AtsState] = {}
    for subject in subjects or {}:
        message = await js.get_last_msg(messages.ATS_STREAM, subject, direct=True)
        state = decode(message.data or b"").data
        assert isinstance(state, AtsState)
        found[Key(state.sku, state.location)] = state
    return found


async def _is_complete(joiner: Joiner) -> None:
    await eventually(lambda: joiner.complete > 0)


async def _has_become(joiner: Joiner, state: dict[Key, AtsState]) -> None:
    await eventually(lambda: joiner.state == state)
