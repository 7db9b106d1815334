"""One stock in a flash sale: reservations of one unit, 64 callers waiting, 100,000 holds open."""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Final

from msgspec.structs import asdict

from api.bench import BenchResult, Context
from api.bench.append import costs
from api.bench.load import Callers, submission, with_writer
from api.bench.yardsticks import beside, library_hot, row_lock_hot
from ledger.domain.commands import PlaceReservation, Receive, RecordMovements
from ledger.domain.events import LineQuantity
from ledger.submission import Submission
from ledger.writer import Counters, Writer

RESERVATIONS: Final = 40_000
HOLDS: Final = 100_000
WAITING: Final = 64
_FAR: Final = 4_000_000_000_000_000  # No hold runs out while this lasts.


def run_row(context: Context) -> list[BenchResult]:
    """Beside guarded updates of one row."""
    return _pairs(context, "hot_row", "row_lock.sh hot", row_lock_hot)


def run_library(context: Context) -> list[BenchResult]:
    """Beside the event sourcing library as it comes."""
    return _pairs(context, "hot_library", "library_recorder.py hot8", library_hot)


def _pairs(
    context: Context, name: str, script: str, yardstick: Callable[[Context], float | None]
) -> list[BenchResult]:
    with context.database() as own:
        ours, theirs, detail = with_writer(own.settings, partial(_measure, context, own, yardstick))
    detail |= {"runs": [round(rate) for rate in ours], "yardstick_runs": theirs}
    other = median(theirs) if theirs else None
    return [beside(name, median(ours), "reservations/s", script, other, detail)]


def _measure(
    context: Context, own: Context, yardstick: Callable[[Context], float | None], writer: Writer
) -> tuple[list[float], list[float], dict[str, object]]:
    """Fill the stock with holds once, then run in turns with the yardstick."""
    holds, reservations = (5_000, 5_000) if context.quick else (HOLDS, RESERVATIONS)
    fill(holds, writer)
    ours: list[float] = []
    theirs: list[float] = []
    detail: dict[str, object] = {}
    for turn in range(context.pairs):
        callers = Callers(writer, WAITING)
        first = holds + turn * reservations
        commands = [_reserve(number) for number in range(first, first + reservations)]
        before = asdict(writer.counters)
        ours.append(reservations / callers.run(commands))
        assert not callers.failures, callers.failures[0]
        done = {key: value - before[key] for key, value in asdict(writer.counters).items()}
        detail = costs(Counters(**done), reservations)
        if (other := yardstick(own)) is not None:
            theirs.append(other)
        context.say(f"hot {ours[-1]:,.0f}/s beside {theirs[-1:]}")
    return ours, theirs, {**detail, "holds_open_at_start": holds}


def fill(holds: int, writer: Writer) -> None:
    """Receive a billion units of one SKU and open that many holds of one unit."""
    callers = Callers(writer, 1_000)
    opening = Receive(sku="HOT", location="web", quantity=1_000_000_000)
    callers.run([submission(RecordMovements(movements=(opening,)), "opening", "fact")])
    callers.run([_reserve(number) for number in range(holds)])
    assert not callers.failures, callers.failures[0]


def _reserve(number: int) -> Submission:
    command = PlaceReservation(
        reservation_id=f"order-{number}",
        channel="web",
        kind="soft",
        expires_at=_FAR + number,
        lines=(LineQuantity(sku="HOT", location="web", quantity=1),),
    )
    return submission(command, f"reserve-{number}", "promise")
