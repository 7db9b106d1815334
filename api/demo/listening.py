"""A sales channel that follows the ledger while the day goes by, through the public SDK."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

from subscribers.messages import CloudEvent
from subscribers.sdk import Events

_TIMEOUT_S: Final = 30.0


class Listener:
    """Collects what it is told; `received` is in the order of arrival."""

    def __init__(self, nats_url: str, **connection: Any) -> None:
        """Take the address of the bus, and how to log in there."""
        self.received: list[CloudEvent] = []
        self._events = Events(nats_url, **connection)
        self._grew = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Subscribe."""
        self._task = asyncio.create_task(self._events.run(self._take))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, position: int) -> None:
        """Wait until everything up to a position has arrived. Raises TimeoutError."""
        async with asyncio.timeout(_TIMEOUT_S), self._grew:
            await self._grew.wait_for(lambda: self._events.position >= position)

    @property
    def is_gapless(self) -> bool:
        """Whether every position from the first on came once and in order."""
        positions = [event.position for event in self.received]
        return positions == list(range(1, len(positions) + 1))

    async def _take(self, event: CloudEvent) -> None:
        self.received.append(event)
        async with self._grew:
            self._grew.notify_all()
