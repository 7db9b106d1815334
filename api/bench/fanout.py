"""From the log to acknowledged in the stream, beside a publisher that reads and renders nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Final

import psycopg

from api.bench import BenchResult, Context
from api.bench.load import Callers, submission, with_writer
from api.bench.yardsticks import beside, raw_publish
from api.runtime.natsd import EmbeddedNats
from ledger.clock import SystemClock, monotonic
from ledger.domain.commands import Receive, RecordMovements
from ledger.settings import Settings
from ledger.writer import Writer
from subscribers.relay import Health
from subscribers.relay import run as relay_run

EVENTS: Final = 100_000
SKUS: Final = 4_000
PLACES: Final = 50
WAITING: Final = 1_000
_PATIENCE_S: Final = 300.0


def run(context: Context) -> list[BenchResult]:
    """Pairs of a relay catching up with a filled ledger, and raw fenced publishing."""
    events = EVENTS // 4 if context.quick else EVENTS
    ours: list[float] = []
    theirs: list[float] = []
    with context.database() as own:
        head = fill(own, events)
        for _ in range(context.pairs):
            with scratch_nats(own) as alone:
                ours.append(relayed(alone.settings, head))
                if (other := raw_publish(alone)) is not None:
                    theirs.append(other)
            context.say(f"fanout {ours[-1]:,.0f}/s beside {theirs[-1:]}")
    detail: dict[str, object] = {
        "events": head,
        "stocks": SKUS,
        "in_flight_max": context.settings.relay_in_flight_max,
        "runs": [round(rate) for rate in ours],
        "yardstick_runs": theirs,
    }
    other = median(theirs) if theirs else None
    return [beside("fanout", median(ours), "events/s", "raw_publish.py", other, detail)]


@contextmanager
def scratch_nats(context: Context) -> Iterator[Context]:
    """A nats-server of this run's own: the streams of a real service are not to be touched."""
    with tempfile.TemporaryDirectory(prefix="bench-nats-") as home:
        server = EmbeddedNats(Path(home), guarded=False)
        server.start()
        try:
            settings = Settings(database_url=context.service_url, nats_url=server.url)
            alone = replace(context, nats_url=server.url, nats_credentials=None)
            yield replace(alone, settings=settings)
        finally:
            server.stop()


def fill(context: Context, events: int) -> int:
    """Record receipts over many stocks; the ledger's head afterwards."""
    commands = [
        submission(RecordMovements(movements=(receipt(number),)), f"fanout-{number}", "fact")
        for number in range(events)
    ]

    def work(writer: Writer) -> None:
        callers = Callers(writer, WAITING)
        callers.run(commands)
        assert not callers.failures, f"{len(callers.failures)} movements failed"

    with_writer(context.settings, work)
    with psycopg.connect(context.owner_url) as connection:
        row = connection.execute("select position from ledger.heads").fetchone()
    assert row is not None
    return int(row[0])


def receipt(number: int) -> Receive:
    """One of many small receipts."""
    return Receive(
        sku=f"SKU-{number % SKUS:06d}",
        location=f"store-{number % PLACES}",
        quantity=1,
        reference="PO-1",
        occurred_at=SystemClock().now(),
    )


@contextmanager
def relaying(settings: Settings) -> Iterator[Health]:
    """A relay in a thread of its own, following before the block begins."""
    stop, health = Event(), Health()
    thread = Thread(target=relay_run, args=(settings, stop, health), name="relay")
    thread.start()
    try:
        _await(health, lambda: health.state == "following")
        yield health
    finally:
        stop.set()
        thread.join()


def relayed(settings: Settings, head: int) -> float:
    """Events a second from the relay's first look at the log to the last acknowledgement."""
    begun = monotonic()
    with relaying(settings) as health:
        _await(health, lambda: health.position >= head)
        return head / (monotonic() - begun)


def _await(health: Health, condition: object) -> None:
    assert callable(condition)
    pause, deadline = Event(), monotonic() + _PATIENCE_S
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"the relay did not get there: {health}")
        pause.wait(0.002)
