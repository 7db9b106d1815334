"""A stream in memory that misbehaves on demand: what a channel is told, for its tests."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from subscribers import messages
from subscribers.messages import AtsState, CloudEvent, DeadLetter
from subscribers.sdk.desk import Value
from subscribers.sdk.reading import read
from subscribers.sdk.source import Garbled, Outcome

_INSTANT: Final = "2026-01-01T00:00:00.000000Z"


Place: TypeAlias = tuple[str, int]
"""A subject, and the sequence of a message on it."""


class Told(NamedTuple):
    """A message as it lies in the stream."""

    sequence: int
    subject: str
    headers: dict[str, str]
    payload: bytes

    @property
    def place(self) -> "Place":
        """Which message it is."""
        return self.subject, self.sequence

    def read(self) -> Value | Garbled:
        """What it tells."""
        return read(self.subject, self.headers, self.payload, sequence=self.sequence)


def told_as(state: AtsState, generation: int = 1) -> tuple[str, dict[str, str], bytes]:
    """Subject, headers and payload with which a number is told."""
    place = state.sku if state.location is None else f"{state.sku}:{state.location}"
    message_id = f"{generation}:{state.channel}:{place}:{state.told}"
    event = CloudEvent(
        specversion="1.0",
        id=message_id,
        source="inventory-ledger/ats",
        type=AtsState.TYPE,
        subject=f"channel/{messages.token(state.channel)}",
        time=state.instant,
        datacontenttype="application/json",
        position=state.position,
        streamversion=state.told,
        recordedat=state.instant,
        correlationid="",
        causationid="",
        ruleversion=state.rule_version,
        data=state,
    )
    headers = {
        messages.MESSAGE_ID: message_id,
        messages.POSITION: str(state.position),
        messages.GENERATION: str(generation),
        messages.SHARD: "0",
    }
    subject = messages.ats_subject(state.channel, state.sku, state.location)
    return subject, headers, messages.encode(event)


class FakeAts:
    """What a channel is told, and what it gave up on, without a server.

    `tell` it numbers; say which deliveries go wrong the first time with `lose` and `repeat`.
    `dead_letters` are those left behind.
    """

    def __init__(self, *, channel: str = "web") -> None:
        """Nothing told yet."""
        self.channel = channel
        self.generation = 1
        self.dead_letters: list[DeadLetter] = []
        self.acknowledged: set[Place] = set()
        self.refuses_letters = False
        self.reader: object | None = None
        self._stream: dict[str, Told] = {}
        self._sequence = 0
        self._told = 0
        self._lost: set[str] = set()
        self._repeated: set[str] = set()
        self._replays: list[tuple[DeadLetter, asyncio.Future[str]]] = []
        self._more = asyncio.Event()

    def tell(self, sku: str, ats: int, *, location: str | None = None) -> AtsState:
        """The next number of a SKU."""
        self._told += 1
        state = AtsState(
            channel=self.channel,
            sku=sku,
            location=location,
            ats=ats,
            position=self._told,
            rule_version=1,
            instant=_INSTANT,
            told=self._told,
        )
        self.tell_as(*told_as(state, self.generation))
        return state

    def tell_as(self, subject: str, headers: dict[str, str], payload: bytes) -> None:
        """Any message, readable or not; it takes the place of the last one of its subject."""
        self._sequence += 1
        self._stream.pop(subject, None)
        self._stream[subject] = Told(self._sequence, subject, headers, payload)
        self._more.set()

    @property
    def unacknowledged(self) -> int:
        """How many of the last values have not been acknowledged."""
        return sum(told.place not in self.acknowledged for told in self._stream.values())

    def begin_generation(self, generation: int) -> None:
        """Another copy of the ledger: what was told so far is gone, and counted anew."""
        self.generation, self._told, self._sequence = generation, 0, 0
        self._stream.clear()
        self.acknowledged.clear()
        self.reader = None
        self._more.set()

    def lose(self, sku: str, location: str | None = None) -> None:
        """Do not deliver this SKU the first time."""
        self._lost.add(messages.ats_subject(self.channel, sku, location))

    def repeat(self, sku: str, location: str | None = None) -> None:
        """Deliver this SKU twice the first time."""
        self._repeated.add(messages.ats_subject(self.channel, sku, location))

    async def replay(self) -> list[str]:
        """Hand every dead letter to the subscriber again; the outcomes, in order.

        What was handled, or overtaken by a newer number, is no dead letter any more.
        """
        loop = asyncio.get_running_loop()
        letters, outcomes = [*self.dead_letters], []
        for letter in letters:
            answer: asyncio.Future[str] = loop.create_future()
            self._replays.append((letter, answer))
            self._more.set()
            outcomes.append(await answer)
            if outcomes[-1] in {Outcome.HANDLED.value, Outcome.OVERTAKEN.value}:
                self.dead_letters.remove(letter)
        return outcomes

    # --- for the source -----------------------------------------------------------------------

    def after(self, sequence: int) -> Iterator[Told]:
        """What was told after a place, the oldest first."""
        return (told for told in self._stream.values() if told.sequence > sequence)

    def last(self, subject: str) -> Told | None:
        """What was told last on a subject."""
        return self._stream.get(subject)

    def loses(self, subject: str) -> bool:
        """Whether to lose this delivery."""
        lost = subject in self._lost
        self._lost.discard(subject)
        return lost

    def repeats(self, subject: str) -> bool:
        """Whether to repeat this delivery."""
        repeated = subject in self._repeated
        self._repeated.discard(subject)
        return repeated

    def replayed(self) -> tuple[DeadLetter, "asyncio.Future[str]"] | None:
        """A dead letter that is to be handled again."""
        return self._replays.pop(0) if self._replays else None

    def poke(self) -> None:
        """Let whoever waits look again."""
        self._more.set()

    async def more(self) -> None:
        """Wait for something to happen."""
        await self._more.wait()
        self._more.clear()
