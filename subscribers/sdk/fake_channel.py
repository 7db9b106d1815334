"""The fake for channel tests: the same handing over, without a server."""

import asyncio
from types import TracebackType
from typing import Final, Self

from subscribers import messages
from subscribers.messages import AtsState, DeadLetter
from subscribers.sdk.desk import Value
from subscribers.sdk.fake_ats import FakeAts, Told
from subscribers.sdk.letters import letter_of
from subscribers.sdk.reading import read
from subscribers.sdk.source import Arrival, Garbled, Joined, Lost, Outcome, Unanswered
from subscribers.sdk.subscriber import Subscriber
from subscribers.sdk.subscription import Subscription
from subscribers.sdk.values import Limits, OnStaleness, Replaced

_HOLD_EVERY_S: Final = 10.0


class FakeChannel(Subscriber):
    """`Channel` without a server: `async with FakeChannel(ats) as channel:`."""

    def __init__(
        self,
        ats: FakeAts,
        *,
        limits: Limits | None = None,
        on_staleness: OnStaleness | None = None,
    ) -> None:
        """Reads what `ats` is told."""
        self._ats = ats
        self._limits = limits or Limits()
        self._on_staleness = on_staleness

    async def __aenter__(self) -> Self:
        """Opens it."""
        self._subscription = Subscription(_Source(self._ats), self._limits, self._on_staleness)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was not acknowledged comes again."""
        await self._opened.leave()


class _Source:
    """A Source over a FakeAts."""

    def __init__(self, ats: FakeAts) -> None:
        self._ats = ats
        self._cursor = 0
        self._joined_at = 0
        self._again: Arrival | None = None
        self._answers: dict[str, asyncio.Future[str]] = {}

    @property
    def heard_at(self) -> float:
        """There is no way on which to get lost."""
        return asyncio.get_running_loop().time()

    async def join(self, generation_min: int) -> Joined:
        """From the beginning; whoever read before is replaced."""
        self._ats.reader = self
        self._cursor, self._again = 0, None
        present = [*self._ats.after(0)]
        self._joined_at = present[-1].sequence if present else 0
        generation = max(self._ats.generation, generation_min)
        return Joined(generation, len(present), _HOLD_EVERY_S)

    async def next(self, room: int) -> Arrival | None:
        """The next one told, once there is one."""
        if self._ats.reader is None:
            raise Lost("the stream was made anew")
        if self._ats.reader is not self:
            raise Replaced(f"another session of channel {self._ats.channel} has joined")
        if (replay := self._ats.replayed()) is not None:
            return Arrival(self._replay(*replay))
        if self._again is not None:
            again, self._again = self._again, None
            return again
        told = next(self._ats.after(self._cursor), None)
        if told is None or room <= 0:
            await self._ats.more()
            return None
        return self._deliver(told)

    def wake(self) -> None:
        """Look again."""
        self._ats.poke()

    async def settle(self, value: Value | Garbled, outcome: Outcome, reason: str = "") -> None:
        """Remember it, or answer whoever replays."""
        if value.replayed:
            self._answers.pop(value.receipt).set_result(f"{outcome.value} {reason}".rstrip())
        else:
            self._ats.acknowledged.add((value.subject, value.sequence))

    async def last(self, sku: str, location: str | None) -> AtsState | None:
        """As the stream has it."""
        told = self._ats.last(messages.ats_subject(self._ats.channel, sku, location))
        value = None if told is None else told.read()
        return value.state if isinstance(value, Value) else None

    async def hold(self, value: Value) -> None:
        """Nobody is impatient here."""

    async def bury(self, value: Value | Garbled, attempts: int, reason: str) -> None:
        """Keep the letter."""
        if self._ats.refuses_letters:
            raise Unanswered("no letter is taken at present")
        consumer = messages.durable_of(self._ats.channel)
        letter = messages.decode(letter_of(value, consumer, "fake", attempts, reason).payload)
        assert isinstance(letter.data, DeadLetter)
        self._ats.dead_letters.append(letter.data)

    def _deliver(self, told: Told) -> Arrival:
        self._cursor = told.sequence
        if self._ats.loses(told.subject):
            raise Lost(f"delivery {told.sequence} went elsewhere")
        last = next(self._ats.after(self._cursor), None) is None
        arrival = Arrival(self._came(told), last)
        if self._ats.repeats(told.subject):
            self._again = arrival
        return arrival

    def _came(self, told: Told) -> Value | Garbled:
        value = told.read()._replace(sequence=told.sequence)
        if isinstance(value, Garbled):
            return value
        return value._replace(since=self.heard_at, present=told.sequence <= self._joined_at)

    def _replay(self, letter: DeadLetter, answer: "asyncio.Future[str]") -> Value | Garbled:
        receipt = str(id(answer))
        self._answers[receipt] = answer
        value = read(letter.subject, letter.headers, letter.payload, since=self.heard_at)
        return value._replace(replayed=True, receipt=receipt)
