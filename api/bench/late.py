"""What late facts cost everybody: answers at half of capacity, with and without them."""

from functools import partial
from random import Random
from statistics import median
from typing import Final

from api.bench import BenchResult, Context
from api.bench.load import Callers, at_rate, p99_ms, submission, with_writer
from api.bench.yardsticks import beside
from ledger.clock import SystemClock
from ledger.domain.commands import AnyMovement, Count, Opening, RecordMovements, Sale
from ledger.domain.values import MICROSECONDS_PER_SECOND
from ledger.submission import Submission
from ledger.writer import Writer

STOCKS: Final = 5_000
PLACE: Final = "store-1"
FULL: Final = 1_000_000  # Units: no sale opens a conflict.
CAPACITY_MOVEMENTS: Final = 30_000
CAPACITY_MOVEMENTS_QUICK: Final = 5_000
SECONDS: Final = 4.0
SECONDS_QUICK: Final = 0.5
LATE_SHARE: Final = 0.05
_HOUR: Final = 3_600 * MICROSECONDS_PER_SECOND


def run(context: Context) -> list[BenchResult]:
    """Interleaved runs on stocks that have all been counted; late ones lie before the count."""
    with context.database() as own:
        return with_writer(own.settings, partial(_measure, context))  # type: ignore[no-any-return]


def _measure(context: Context, writer: Writer) -> list[BenchResult]:
    now = SystemClock().now()
    _stock_up(writer, now)
    rate = _capacity(writer, CAPACITY_MOVEMENTS_QUICK if context.quick else CAPACITY_MOVEMENTS)
    seconds = SECONDS_QUICK if context.quick else SECONDS
    with_late: list[float] = []
    without: list[float] = []
    for turn in range(context.pairs):
        for share, results in ((0.0, without), (LATE_SHARE, with_late)):
            name = f"{turn}-{share}"
            results.append(_p99_ms(writer, now, name, share, rate / 2, seconds))
        context.say(f"late p99 {with_late[-1]:.2f} ms beside {without[-1]:.2f} ms")
    detail: dict[str, object] = {
        "late_share": LATE_SHARE,
        "movements_per_s": round(rate / 2),
        "runs": [round(one, 2) for one in with_late],
        "yardstick_runs": [round(one, 2) for one in without],
    }
    figure, other = median(with_late), median(without)
    return [beside("late", figure, "ms (p99)", "without late facts", other, detail)]


def _stock_up(writer: Writer, now: int) -> None:
    """Every stock has an opening two hours ago and a count one hour ago."""
    callers = Callers(writer, 1_000)
    commands: list[Submission] = []
    opened, counted = now - 2 * _HOUR, now - _HOUR
    for number in range(STOCKS):
        sku = _sku(number)
        opening = Opening(sku=sku, location=PLACE, quantity=FULL, occurred_at=opened)
        count = Count(sku=sku, location=PLACE, counted=FULL, occurred_at=counted)
        commands.append(_command(opening, f"opening-{number}"))
        commands.append(_command(count, f"count-{number}"))
    callers.run(commands)
    assert not callers.failures, callers.failures[0]


def _capacity(writer: Writer, movements: int) -> float:
    callers = Callers(writer, 1_000)
    commands = [_sale(number, f"capacity-{number}", None) for number in range(movements)]
    return movements / callers.run(commands)


def _p99_ms(
    writer: Writer, now: int, name: str, share: float, rate: float, seconds: float
) -> float:
    random = Random(name)  # noqa: S311 - a load that can be replayed
    total = int(rate * seconds)
    commands = []
    for number in range(total):
        late = random.random() < share
        at = now - _HOUR - random.randrange(1, _HOUR) if late else None
        commands.append(_sale(number, f"{name}-{number}", at))
    return p99_ms(at_rate(writer, commands, rate))


def _sku(number: int) -> str:
    return f"SKU-{number % STOCKS:06d}"


def _sale(number: int, name: str, at: int | None) -> Submission:
    return _command(Sale(sku=_sku(number), location=PLACE, quantity=1, occurred_at=at), name)


def _command(movement: AnyMovement, name: str) -> Submission:
    return submission(RecordMovements(movements=(movement,)), name, "fact")
