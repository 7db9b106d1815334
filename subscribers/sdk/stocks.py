"""`Stocks(url).run(on_present, on_event)`: the present first, then every change of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import nats.errors

from subscribers.messages import CloudEvent
from subscribers.sdk.events import Events
from subscribers.sdk.following import Handler
from subscribers.sdk.present import Present, present

_BACKOFF_MIN_S: Final = 0.1
_BACKOFF_MAX_S: Final = 5.0

logger = logging.getLogger(__name__)

OnPresent = Callable[[Present], Awaitable[None]]


class Stocks:
    """Follows every stock without its past: no hole, nothing twice.

    `on_present` replaces everything that is known. It is called at first, and again whenever the
    ledger is told anew in another generation, in which other stocks may have other levels.
    """

    def __init__(
        self, url: str, *, credentials: str | Path | None = None, **connection: Any
    ) -> None:
        """`credentials`: a credentials file or its text; `connection` goes on to the client."""
        self._url = url
        self._connection: dict[str, Any] = connection | {"credentials": credentials}
        self._present = Present({}, 0)
        self._events: Events | None = None
        self._stopped = False

    @property
    def position(self) -> int:
        """The last event handled."""
        return 0 if self._events is None else self._events.position

    def stop(self) -> None:
        """End `run` after the event at hand."""
        self._stopped = True
        if self._events is not None:
            self._events.stop()

    async def run(
        self, on_present: OnPresent, on_event: Handler, *, until: int | None = None
    ) -> None:
        """Hand over the present, then events that it does not reflect, in order."""

        async def begin(_: str) -> int:
            self._present = await self._read()
            if not self._stopped:
                await on_present(self._present)
            return self._present.position

        async def handle(event: CloudEvent) -> None:
            if not self._present.reflects(event):
                await on_event(event)

        position = await begin("")
        self._events = Events(
            self._url,
            position=position,
            generation=self._present.generation,
            **self._connection,
        )
        if not self._stopped:
            await self._events.run(handle, until=until, on_restart=begin)

    async def _read(self) -> Present:
        """The present, as soon as it can be read: its stream may be about to be made anew."""
        wait_s = _BACKOFF_MIN_S
        while not self._stopped:
            try:
                return await present(self._url, **self._connection)
            except (nats.errors.Error, OSError, TimeoutError) as failure:
                logger.warning("the present cannot be read, again in %.1f s: %r", wait_s, failure)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_MAX_S)
        return self._present
