"""Following the ledger in order, whatever the deliveries do: the part without a network."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple, Protocol

from subscribers.messages import CloudEvent
from subscribers.sdk.together import ended, is_end

_BACKOFF_MIN_S: Final = 0.05
_BACKOFF_MAX_S: Final = 5.0
_REOPENINGS_MAX: Final = 5  # A gap that survives so many fresh readings is in the stream itself.

logger = logging.getLogger(__name__)

Handler = Callable[[CloudEvent], Awaitable[None]]
Restart = Callable[[str], Awaitable[int]]
"""Told the new generation: forgets what came of an earlier one, and says from where to go on."""


class Delivery(NamedTuple):
    """One message as it came in."""

    position: int
    generation: str
    event: CloudEvent


class Deliveries(Protocol):
    """Where messages come from: opened at a position, it delivers from there on, best effort."""

    def open(self, position: int) -> AsyncIterator[Delivery]:
        """Deliver from this position on; end when the way in is lost."""
        ...

    async def generation(self) -> str | None:
        """Which copy of the ledger there is now; nothing where nobody can say."""
        ...


class MessagesMissing(Exception):
    """The stream itself lacks messages: reading again does not bring them. Run `verify`."""


class NewGeneration(Exception):
    """The stream is another copy of the ledger now: positions held so far mean nothing in it."""

    def __init__(self, earlier: str, generation: str) -> None:
        """`generation` is the one that there is now."""
        super().__init__(f"from generation {earlier} to {generation}")
        self.generation = generation


class Following:
    """Hands every event to a handler once, in order, starting after `position`.

    Each delivery is held against the last handled position: what was handled is passed over,
    a gap opens the deliveries anew, and a handler's error is retried with back-off, because an
    event passed over is a wrong level later. `position` is the last event handled, in the copy
    that `generation` names; keep both with your own data, in the same transaction, to go on from
    there.
    """

    def __init__(
        self, deliveries: Deliveries, *, position: int = 0, generation: str | None = None
    ) -> None:
        """Nothing is read before `run`."""
        self._deliveries = deliveries
        self.position = position
        self.generation = generation
        self.gaps = 0
        self.repetitions = 0
        self._stopping = asyncio.Event()
        self._upcoming: asyncio.Future[Delivery | None] | None = None

    def stop(self) -> None:
        """End `run` after the event at hand."""
        self._stopping.set()
        if self._upcoming is not None:
            self._upcoming.cancel()

    async def run(
        self, on_event: Handler, *, until: int | None = None, on_restart: Restart | None = None
    ) -> None:
        """Follow until stopped, or until a position has been handled.

        Where a new generation begins, `on_restart` forgets and says from where to go on; without
        it, `NewGeneration` is raised: what has been done cannot be done anew by itself.
        """
        fruitless, wait_s = 0, _BACKOFF_MIN_S
        while not self._finished(until):
            before, gaps = self.position, self.gaps
            try:
                await self._check_generation()
                await self._follow_once(on_event, until)
            except NewGeneration as begun:
                if on_restart is None:
                    raise
                logger.warning("the ledger is told anew, in generation %s", begun.generation)
                self.position = await on_restart(begun.generation)
                self.generation = begun.generation
                fruitless, wait_s = 0, _BACKOFF_MIN_S
                continue
            if self.position > before:
                fruitless, wait_s = 0, _BACKOFF_MIN_S
                continue
            fruitless += self.gaps - gaps
            if fruitless >= _REOPENINGS_MAX:
                raise MessagesMissing(f"nothing in the stream at position {self.position + 1}")
            await self._pause(wait_s)
            wait_s = min(wait_s * 2, _BACKOFF_MAX_S)

    async def _check_generation(self) -> None:
        """Ask before reading on: behind an old position nothing new would come."""
        found = await self._deliveries.generation()
        if found is None or self.generation == found:
            return
        if self.generation is None:
            self.generation = found
        elif int(found) > int(self.generation):
            raise NewGeneration(self.generation, found)

    async def _follow_once(self, on_event: Handler, until: int | None) -> None:
        if self._finished(until):
            return
        deliveries = self._deliveries.open(self.position + 1)
        try:
            while not self._finished(until):
                delivery = await self._next(deliveries)
                if delivery is None or not await self._take(delivery, on_event):
                    return
        finally:
            if isinstance(deliveries, AsyncGenerator):
                await deliveries.aclose()

    async def _next(self, deliveries: AsyncIterator[Delivery]) -> Delivery | None:
        """The next delivery; nothing where there is none or `stop` was called meanwhile."""
        upcoming = asyncio.ensure_future(_after(deliveries))
        self._upcoming = upcoming
        try:
            await asyncio.wait((upcoming,))
        finally:
            self._upcoming = None
            await ended(upcoming)
        return None if upcoming.cancelled() else upcoming.result()

    async def _take(self, delivery: Delivery, on_event: Handler) -> bool:
        """Handle one delivery; false where the deliveries must be opened anew."""
        if self.generation is None:
            self.generation = delivery.generation
        if delivery.generation != self.generation:
            raise NewGeneration(self.generation, delivery.generation)
        if delivery.position <= self.position:
            self.repetitions += 1
            return True
        if delivery.position != self.position + 1:
            self.gaps += 1
            logger.warning("expected %d, got %d", self.position + 1, delivery.position)
            return False
        await self._handle(delivery.event, on_event)
        return True

    async def _handle(self, event: CloudEvent, on_event: Handler) -> None:
        wait_s = _BACKOFF_MIN_S
        while True:
            try:
                await on_event(event)
            except (Exception, asyncio.CancelledError) as error:
                if is_end(error) or self._stopping.is_set():
                    raise
                logger.exception("handler failed at %d, again in %.2f s", event.position, wait_s)
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_MAX_S)
            else:
                self.position = event.position
                return

    def _finished(self, until: int | None) -> bool:
        return self._stopping.is_set() or (until is not None and self.position >= until)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


async def _after(deliveries: AsyncIterator[Delivery]) -> Delivery | None:
    return await anext(deliveries, None)
