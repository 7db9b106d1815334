"""Two subscribers that keep levels: one follows every event, one begins with the present."""

import asyncio
from collections.abc import Iterable

from subscribers import messages
from subscribers.messages import CloudEvent
from subscribers.sdk import Events, Present, Stocks

Stock = tuple[str, str]


class EventMirror:
    """Adds up every event, each once; forgets everything where another generation begins."""

    def __init__(self, url: str) -> None:
        self.levels: dict[Stock, int] = {}
        self.restarts = 0
        self._events = Events(url)

    @property
    def position(self) -> int:
        """The last event added."""
        return self._events.position

    async def run(self) -> None:
        """Until cancelled."""
        await self._events.run(self._add, on_restart=self._begin)

    async def _begin(self, generation: str) -> int:
        del generation
        self.levels.clear()
        self.restarts += 1
        return 0

    async def _add(self, event: CloudEvent) -> None:
        _add(self.levels, event)


class PresentMirror:
    """Takes the present as it is told, and adds what comes after it."""

    def __init__(self, url: str) -> None:
        self.levels: dict[Stock, int] = {}
        self._stocks = Stocks(url)

    @property
    def position(self) -> int:
        """The last event added."""
        return self._stocks.position

    async def run(self) -> None:
        """Until cancelled."""
        await self._stocks.run(self._begin, self._add)

    async def _begin(self, found: Present) -> None:
        self.levels = {key: state.on_hand for key, state in found.states.items()}

    async def _add(self, event: CloudEvent) -> None:
        _add(self.levels, event)


def _add(levels: dict[Stock, int], event: CloudEvent) -> None:
    data = event.data
    if isinstance(data, messages.StockReceived | messages.StockSold):
        sign = 1 if isinstance(data, messages.StockReceived) else -1
        key = data.location, data.sku
        levels[key] = levels.get(key, 0) + sign * data.quantity


def start(mirrors: Iterable[EventMirror | PresentMirror]) -> list[asyncio.Task[None]]:
    """Run them beside the test."""
    return [asyncio.create_task(mirror.run()) for mirror in mirrors]
