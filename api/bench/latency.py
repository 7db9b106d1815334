"""From the commit to a subscriber's callback, at a steady pace."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Thread
from typing import Any, Final

from api.bench import BenchResult, Context
from api.bench.fanout import receipt, relaying, scratch_nats
from api.bench.load import submission, with_writer
from ledger.clock import SystemClock, monotonic
from ledger.domain.commands import RecordMovements
from ledger.submission import Reply
from ledger.writer import Writer
from subscribers.messages import CloudEvent
from subscribers.sdk import Events

PER_SECOND: Final = 500
SECONDS: Final = 10
SECONDS_QUICK: Final = 2
P99_MS_MAX: Final = 100.0

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Nobody:
    """Who waits for replies when nobody does."""

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """The subscriber is the one who counts."""


def run(context: Context) -> list[BenchResult]:
    """Writer, relay and subscriber in this process, which is harder on them than three would be."""
    events = PER_SECOND * (SECONDS_QUICK if context.quick else SECONDS)
    with context.database() as own, scratch_nats(own) as alone, relaying(alone.settings):
        millis = with_writer(alone.settings, partial(_measure, alone.nats_url or "", events))
    millis.sort()
    p50, p99 = (millis[int(len(millis) * share)] for share in (0.5, 0.99))
    context.say(f"latency p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return [
        BenchResult(
            name="latency",
            value=round(p99, 3),
            unit="ms (p99)",
            yardstick="at most",
            yardstick_value=P99_MS_MAX,
            ratio=round(p99 / P99_MS_MAX, 3),
            detail={
                "p50_ms": round(p50, 3),
                "max_ms": round(millis[-1], 3),
                "events": len(millis),
                "events_per_s": PER_SECOND,
                "from": "recorded_at, which the database sets before it syncs the commit",
            },
        )
    ]


def _measure(nats_url: str, events: int, writer: Writer) -> list[float]:
    millis: list[float] = []
    clock = SystemClock()

    async def heard(event: CloudEvent) -> None:
        recorded_at = datetime.fromisoformat(event.recordedat) - _EPOCH
        millis.append(clock.now() / 1_000 - recorded_at / timedelta(milliseconds=1))

    subscriber = Thread(target=_follow, args=(nats_url, heard, events), name="subscriber")
    subscriber.start()
    _send(writer, events)
    subscriber.join()
    return millis


def _follow(nats_url: str, heard: Callable[[CloudEvent], Any], events: int) -> None:
    asyncio.run(Events(nats_url).run(heard, until=events))


def _send(writer: Writer, events: int) -> None:
    """One command every two milliseconds, by the clock: a late one is followed at once."""
    pause, begun = Event(), monotonic()
    for number in range(events):
        due = begun + number / PER_SECOND
        if (wait := due - monotonic()) > 0:
            pause.wait(wait)
        command = RecordMovements(movements=(receipt(number),))
        writer.submit(submission(command, f"latency-{number}", "fact"), _Nobody(), None)
