"""Rebuilding every projection: events a second, beside the append of the same events."""

from functools import partial
from random import Random
from statistics import median
from typing import Final

from api.bench import BenchResult, Context
from api.bench.load import Callers, submission, with_writer
from ledger.clock import monotonic
from ledger.domain.commands import AnyCommand, Receive, RecordMovements, Sale
from ledger.settings import Settings
from ledger.submission import Submission
from ledger.writer import Writer
from projections.reader import connect_for_projections
from projections.rebuild import CHUNK_EVENTS, rebuild
from projections.registry import NAMES
from projections.runner import Runner

MOVEMENTS: Final = 200_000
MOVEMENTS_QUICK: Final = 10_000
WAITING: Final = 1_000
SKUS: Final = 2_000
PLACES: Final = 20


def run(context: Context) -> list[BenchResult]:
    """Append movements, then rebuild everything from them; the append is the yardstick."""
    count = MOVEMENTS_QUICK if context.quick else MOVEMENTS
    appended: list[float] = []
    rebuilt: list[float] = []
    live: list[float] = []
    for number in range(1 if context.quick else context.pairs):
        with context.database() as own:
            commands = movements(count, number)
            seconds = with_writer(own.settings, partial(append_all, commands))
            appended.append(count / seconds)
            started = monotonic()
            bring_to_head(own.settings)
            live.append(count / (monotonic() - started))
            step = rebuild(own.service_url, NAMES)
            rebuilt.append(step.position / step.seconds)
            context.say(f"append {appended[-1]:,.0f}/s, rebuild {rebuilt[-1]:,.0f}/s")
    return [_result(rebuilt, appended, live, count)]


def bring_to_head(settings: Settings) -> None:
    """Run the projector until there is nothing left."""
    assert settings.database_url is not None
    runner = Runner(settings)
    with connect_for_projections(settings.database_url, "bench") as connection:
        runner.start(connection)
        while runner.step(connection):
            pass
    stopped = {name: place.error for name, place in runner.places.items() if place.error}
    assert not stopped, f"projections stopped: {stopped}"


def _result(
    rebuilt: list[float], appended: list[float], live: list[float], count: int
) -> BenchResult:
    value, yardstick_value = median(rebuilt), median(appended)
    return BenchResult(
        name="project",
        value=value,
        unit="events/s",
        yardstick="append of the same movements",
        yardstick_value=yardstick_value,
        ratio=value / yardstick_value,
        detail={
            "events": count,
            "skus": SKUS,
            "locations": PLACES,
            "projections": list(NAMES),
            "chunk_events": CHUNK_EVENTS,
            "live_events_per_s": median(live),
            "runs": len(rebuilt),
        },
    )


def append_all(commands: list[Submission], writer: Writer) -> float:
    """Seconds until all of them have been accepted, so many waiting at a time."""
    callers = Callers(writer, WAITING)
    seconds = callers.run(commands)
    assert not callers.failures, f"{len(callers.failures)} movements failed"
    return seconds


def movements(count: int, seed: int) -> list[Submission]:
    """Movements over many stocks, received before they are sold."""
    random = Random(seed)  # noqa: S311 - data, not secrets
    found: list[Submission] = []
    for number in range(count):
        kind = Receive if number < count // 3 else Sale
        movement = kind(
            sku=f"SKU-{random.randrange(SKUS):06d}",
            location=f"store-{random.randrange(PLACES)}",
            quantity=10 if kind is Receive else 1,
        )
        command: AnyCommand = RecordMovements(movements=(movement,))
        found.append(submission(command, f"m-{number}", "fact"))
    return found
