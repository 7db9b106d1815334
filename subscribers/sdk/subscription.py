"""Handing a channel's numbers to a handler, whatever handler and server do. No network here.

One task reads what is delivered, some hand it over, one looks at the time. A value that failed
goes back to the desk, which says when its key is due again: a failing key waits alone.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from subscribers.messages import AtsState
from subscribers.sdk.desk import Desk, Item, Value
from subscribers.sdk.source import Arrival, Garbled, Lost, Outcome, Source, Unanswered
from subscribers.sdk.together import ended, first_failure, is_end, or_failure
from subscribers.sdk.values import (
    Change,
    Handler,
    Limits,
    OnPresent,
    OnStaleness,
    PresentComplete,
    Staleness,
)

_REJOIN_MIN_S: Final = 0.05
_REJOIN_MAX_S: Final = 5.0
_HOLD_LOOK_S: Final = 1.0  # Until the server has said how patient it is.

logger = logging.getLogger(__name__)


class Subscription:
    """One subscriber: the present of a channel, then its changes, to a handler or an iterator."""

    def __init__(
        self, source: Source, limits: Limits, on_staleness: OnStaleness | None = None
    ) -> None:
        """Nothing is read before `run` or `changes`."""
        self._source = source
        self._limits = limits
        self._on_staleness = on_staleness
        self._desk = Desk(limits)
        self.present: PresentComplete | None = None
        self.joins = 0
        self.passed_over = 0
        self.dead_letters = 0
        self._hold_every_s = 0.0
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._burials: set[asyncio.Task[None]] = set()
        self._garbled: set[int] = set()
        self._background: asyncio.Future[None] | None = None

    @property
    def staleness(self) -> Staleness:
        """How far behind it is now."""
        now = _now()
        oldest = min((value.since for value in self._desk.values()), default=now)
        return Staleness(
            oldest_s=max(0.0, now - oldest), unheard_s=max(0.0, now - self._source.heard_at)
        )

    async def last(self, sku: str, location: str | None) -> AtsState | None:
        """What was told last of one key."""
        return await self._source.last(sku, location)

    def stop(self) -> None:
        """End after the values at hand."""
        self._stopping.set()
        self._changed.set()

    # --- handing over -------------------------------------------------------------------------

    async def run(self, on_change: Handler, on_present: OnPresent | None = None) -> None:
        """Hand every value to a handler until stopped; what fails is retried, then a letter."""
        async with self._following() as background:
            workers = [self._work(on_change, on_present) for _ in range(self._limits.handlers_max)]
            await or_failure(background, first_failure(*workers))

    async def changes(self) -> AsyncIterator[Change]:
        """Give every value; the next step acknowledges it, and errors go to whoever iterates."""
        async with self._following() as background:
            desk = self._desk
            while (item := await or_failure(background, self._take())) is not None:
                if isinstance(item, PresentComplete):
                    self.present = item
                    continue
                yield _change(item)
                if self._desk is not desk:
                    raise RuntimeError("another iteration or run has begun meanwhile")
                await self._settle(self._desk.succeeded(item, _now()), Outcome.HANDLED)

    @asynccontextmanager
    async def _following(self) -> AsyncIterator["asyncio.Future[None]"]:
        """Reads in the background; what was not acknowledged when it ends comes again later."""
        await self.leave()  # An iteration that somebody walked away from.
        background = asyncio.ensure_future(first_failure(self._read(), self._watch()))
        self._background = background
        try:
            yield background
        finally:
            if self._background is background:
                await self.leave()
                self._stopping.clear()

    async def leave(self) -> None:
        """End what is going on; what was not acknowledged comes again."""
        if self._background is not None:
            self._background.cancel()  # It ends its own parts, and must not be disturbed in that.
            await asyncio.gather(self._background, return_exceptions=True)
        await ended(*self._burials)
        self._background = self.present = None
        self._desk = Desk(self._limits)

    async def _take(self) -> Item | PresentComplete | None:
        """The marker or the key that is due next; none once stopped."""
        while not self._stopping.is_set():
            now = _now()
            if (taken := self._desk.completed(now) or self._desk.take(now)) is not None:
                return taken
            due = self._desk.next_due()
            self._changed.clear()
            if due is None:
                await self._changed.wait()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
        return None

    async def _work(self, on_change: Handler, on_present: OnPresent | None) -> None:
        while (taken := await self._take()) is not None:
            if isinstance(taken, PresentComplete):
                await self._tell_present(taken, on_present)
                continue
            try:
                await on_change(_change(taken))
            except (Exception, asyncio.CancelledError) as error:  # A handler may fail in any way.
                if is_end(error):
                    raise
                await self._failed(taken, f"{type(error).__name__}: {error}")
            else:
                await self._settle(self._desk.succeeded(taken, _now()), Outcome.HANDLED)

    async def _tell_present(self, present: PresentComplete, on_present: OnPresent | None) -> None:
        try:
            if on_present is not None:
                await on_present(present)
        except (Exception, asyncio.CancelledError) as error:
            if is_end(error):
                raise
            logger.exception("the present is complete, but nobody could be told")
            self._desk.completed_in_vain(_now())
        else:
            self.present = present

    async def _failed(self, item: Item, reason: str) -> None:
        value, attempts = item.at_work, item.attempts
        assert value is not None
        if value.replayed:
            await self._settle(self._desk.given_up(item, _now()), Outcome.FAILED, reason)
        elif attempts >= self._limits.tries_max:
            logger.error("giving %s up after %d tries: %s", value.event.id, attempts, reason)
            self._in_background(self._give_up(item, attempts, reason))
        else:
            logger.warning("try %d of %s failed: %s", attempts, value.event.id, reason)
            if (overtaken := self._desk.failed(item, _now())) is not None:
                await self._pass_over(overtaken)
            self._changed.set()

    async def _give_up(self, item: Item, attempts: int, reason: str) -> None:
        """The letter first, the acknowledgement after it; other keys go on meanwhile."""
        assert item.at_work is not None
        await self._bury(item.at_work, attempts, reason)
        await self._settle(self._desk.given_up(item, _now()), Outcome.HANDLED)

    async def _bury(self, value: Value | Garbled, attempts: int, reason: str) -> None:
        tries = 0
        while True:
            try:
                await self._source.bury(value, attempts, reason)
            except Unanswered as unanswered:
                tries += 1
                logger.warning("a dead letter is not stored yet: %s", unanswered)
                await asyncio.sleep(self._desk.pause_s(tries))
            else:
                self.dead_letters += 1
                return

    def _in_background(self, burial: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(burial)
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)

    async def _settle(self, value: Value | Garbled, outcome: Outcome, reason: str = "") -> None:
        with suppress(Unanswered):  # It comes again, and is passed over.
            await self._source.settle(value, outcome, reason)
        self._changed.set()
        self._source.wake()

    # --- reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Join and read; join again where anything may have been lost."""
        pause_s, generation_min = _REJOIN_MIN_S, 0
        while True:
            try:
                joined = await self._source.join(generation_min)
                self.joins += 1
                self.present = None
                self._hold_every_s = joined.hold_every_s
                self._desk.begin(joined.generation, joined.values)
                self._changed.set()
                while True:
                    arrival = await self._source.next(self._desk.room)
                    if arrival is not None:
                        generation_min = max(generation_min, _generation(arrival))
                        await self._take_in(arrival)
                        pause_s = _REJOIN_MIN_S
            except (Lost, Unanswered) as reason:
                logger.warning("joining again in %.2f s: %s", pause_s, reason)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _REJOIN_MAX_S)

    async def _take_in(self, arrival: Arrival) -> None:
        value = arrival.value
        if isinstance(value, Garbled) and value.replayed:
            await self._settle(value, Outcome.FAILED, value.reason)
        elif isinstance(value, Garbled):
            if value.sequence not in self._garbled:  # Delivered again while no letter is taken.
                self._in_background(self._give_up_garbled(value))
        elif value is not None:
            if value.generation > self._desk.generation:
                raise Lost(f"generation {value.generation} follows {self._desk.generation}")
            if (overtaken := self._desk.offer(value, _now())) is not None:
                await self._pass_over(overtaken)
        if arrival.last:
            self._desk.arrived(certainly=value is None)
        self._changed.set()

    async def _pass_over(self, value: Value) -> None:
        self.passed_over += 1
        if value.generation < self._desk.generation:
            logger.info("passed over: generation %d of %s is over", value.generation, value.key)
        if value.replayed and self._desk.holds(value):
            await self._settle(value, Outcome.FAILED, "it is being tried already")
        else:
            await self._settle(value, Outcome.OVERTAKEN)

    async def _give_up_garbled(self, garbled: Garbled) -> None:
        logger.error("nobody can read %s: %s", garbled.subject, garbled.reason)
        self._garbled.add(garbled.sequence)
        try:
            await self._bury(garbled, 0, garbled.reason)
            await self._settle(garbled, Outcome.HANDLED)
        finally:
            self._garbled.discard(garbled.sequence)

    # --- the time -----------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Says how stale it is, and tells the server that long work is still going on."""
        await first_failure(self._say_staleness(), self._hold())

    async def _say_staleness(self) -> None:
        while self._on_staleness is not None:
            await asyncio.sleep(self._limits.staleness_every_ms / 1_000)
            try:
                self._on_staleness(self.staleness)
            except Exception:
                logger.exception("nobody could be told how stale it is")

    async def _hold(self) -> None:
        while True:
            await asyncio.sleep(self._hold_every_s or _HOLD_LOOK_S)
            for value in [*self._desk.values()]:
                with suppress(Unanswered):
                    await self._source.hold(value)


def _generation(arrival: Arrival) -> int:
    return arrival.value.generation if isinstance(arrival.value, Value) else 0


def _change(item: Item) -> Change:
    value = item.at_work
    assert value is not None
    return Change(
        state=value.state,
        event=value.event,
        generation=value.generation,
        attempt=item.attempts,
        present=value.present,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
