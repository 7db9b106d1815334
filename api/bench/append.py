"""Movements through the writer, in this process, a thousand waiting."""

from functools import partial
from statistics import median
from typing import Final

from api.bench import BenchResult, Context
from api.bench.load import Callers, submission, with_writer
from api.bench.yardsticks import beside, raw_insert
from ledger.domain.commands import Receive, RecordMovements
from ledger.writer import Counters, Writer

MOVEMENTS: Final = 100_000
WAITING: Final = 1_000
PLACES: Final = 50
SKUS: Final = 5_000


def run(context: Context) -> list[BenchResult]:
    """Pairs of our append and plain inserts, on the same server in the same minute."""
    movements = MOVEMENTS // 4 if context.quick else MOVEMENTS
    ours: list[float] = []
    theirs: list[float] = []
    detail: dict[str, object] = {}
    for _ in range(context.pairs):
        with context.database() as own:
            rate, detail = with_writer(own.settings, partial(_measure, movements))
            ours.append(rate)
            if (other := raw_insert(own)) is not None:
                theirs.append(other)
        context.say(f"append {ours[-1]:,.0f}/s beside {theirs[-1:]}")
    return [
        beside(
            "append",
            median(ours),
            "movements/s",
            "raw_insert.py",
            median(theirs) if theirs else None,
            {**detail, "runs": [round(rate) for rate in ours], "yardstick_runs": theirs},
        )
    ]


def _measure(movements: int, writer: Writer) -> tuple[float, dict[str, object]]:
    commands = [
        submission(
            RecordMovements(
                movements=(
                    Receive(
                        sku=f"SKU-{number % SKUS:06d}",
                        location=f"store-{number % PLACES}",
                        quantity=1,
                        reference="PO-1",
                    ),
                )
            ),
            f"append-{number}",
            "fact",
        )
        for number in range(movements)
    ]
    callers = Callers(writer, WAITING)
    seconds = callers.run(commands)
    assert not callers.failures, callers.failures[0]
    return movements / seconds, costs(writer.counters, movements)


def costs(counters: Counters, commands: int) -> dict[str, object]:
    """What a command cost the database: batch sizes, commits (one fsync each), rows."""
    rows = counters.events + counters.commands - counters.replays
    return {
        "commands": commands,
        "commands_per_batch": round(commands / max(1, counters.batches), 1),
        "fsyncs_per_command": round(counters.batches / commands, 5),
        "rows_per_command": round(rows / commands, 2),
        "commit_ms_mean": round(1_000 * counters.commit_seconds / max(1, counters.batches), 3),
    }
