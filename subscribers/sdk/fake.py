"""The fake for channel tests: the same following over a list, with deliveries that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from subscribers.messages import CloudEvent
from subscribers.sdk.following import Delivery, Following, Handler, Restart


class FakeEvents:
    """`Events` without a server. Tell it events, and which first deliveries go wrong."""

    def __init__(
        self,
        events: Iterable[CloudEvent] = (),
        *,
        position: int = 0,
        generation: str | None = None,
    ) -> None:
        """Start with some events already told."""
        self._source = _List(events)
        self._following = Following(self._source, position=position, generation=generation)

    @property
    def position(self) -> int:
        """The last event handled."""
        return self._following.position

    @property
    def generation(self) -> str | None:
        """The copy of the ledger in which that is its position."""
        return self._following.generation

    @property
    def gaps(self) -> int:
        """How often a gap was found, and closed by reading again."""
        return self._following.gaps

    @property
    def repetitions(self) -> int:
        """How many deliveries had been handled before."""
        return self._following.repetitions

    def tell(self, event: CloudEvent, *, generation: str = "1") -> None:
        """Add the next event to the stream."""
        self._source.add(Delivery(event.position, generation, event))

    def begin(self, generation: str) -> None:
        """Forget what was told: another copy of the ledger is told from now on."""
        self._source.begin(generation)

    def lose(self, position: int, *, for_ever: bool = False) -> None:
        """Do not deliver a message the first time, or never."""
        self._source.lost[position] = for_ever

    def repeat(self, position: int) -> None:
        """Deliver a message twice the first time."""
        self._source.repeated.add(position)

    def swap(self, position: int) -> None:
        """Deliver a message after its successor the first time."""
        self._source.swapped.add(position)

    def stop(self) -> None:
        """End `run` after the event at hand."""
        self._following.stop()

    async def run(
        self, on_event: Handler, *, until: int | None = None, on_restart: Restart | None = None
    ) -> None:
        """Hand every event to `on_event`, in order, until stopped or `until` has been handled."""
        await self._following.run(on_event, until=until, on_restart=on_restart)


class _List:
    def __init__(self, events: Iterable[CloudEvent]) -> None:
        self._told = [Delivery(event.position, "1", event) for event in events]
        self._more = asyncio.Event()
        self._generation: str | None = None
        self.lost: dict[int, bool] = {}
        self.repeated: set[int] = set()
        self.swapped: set[int] = set()

    def add(self, delivery: Delivery) -> None:
        self._told.append(delivery)
        self._more.set()

    def begin(self, generation: str) -> None:
        """Begin an empty list; who reads the earlier one finds its end."""
        self._told, self._generation = [], generation
        self._more.set()

    async def generation(self) -> str | None:
        """What was begun last, if anything was."""
        return self._generation

    async def open(self, position: int) -> AsyncIterator[Delivery]:
        """Deliver what has been told from a position on, then wait for more."""
        index, generation = 0, self._generation
        while generation == self._generation:
            while index < len(self._told):
                told = self._told[index]
                if told.position >= position:
                    for delivery in self._disturbed(told, index):
                        yield delivery
                index += 1
            self._more.clear()
            await self._more.wait()

    def _disturbed(self, told: Delivery, index: int) -> list[Delivery]:
        position = told.position
        if position in self.lost:
            if not self.lost[position]:
                del self.lost[position]
            return []
        if position in self.swapped:
            self.swapped.discard(position)
            return [*self._told[index + 1 : index + 2], told]
        if position in self.repeated:
            self.repeated.discard(position)
            return [told, told]
        return [told]
