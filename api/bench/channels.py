"""A flash sale over HTTP with twenty channels that listen: how late, how right, at what price.

The load is half of what service, crowd and subscribers can take together on this machine.
"""

import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from msgspec import Struct, field

from api.bench import BenchResult, Context
from api.bench.flash import FlashSale, Listened, Timing, judged, timed
from api.bench.recount import Heard, Row
from api.bench.steady import Outcome
from api.bench.whole_service import running

CHANNELS: Final = 20
HOT: Final = 1_000_000
RUN_S: Final = 6.0
RUN_S_QUICK: Final = 3.0
WARM_UP_S: Final = 2.0
WARM_UP_RATE: Final = 500.0
FLOOD: Final = 8_000
FLOOD_QUICK: Final = 2_000
P50_MS_MAX: Final = 25.0
P99_MS_MAX: Final = 150.0


class Runs(Struct):
    """What the crowd went through: subscribed, with nobody subscribed, without any channel."""

    subscribed: list[Outcome] = field(default_factory=list)
    silent: list[Outcome] = field(default_factory=list)
    without: list[Outcome] = field(default_factory=list)


def run(context: Context) -> list[BenchResult]:
    """Two services, one without channels, take turns; at the end every value is worked out anew."""
    seconds = RUN_S_QUICK if context.quick else RUN_S
    with tempfile.TemporaryDirectory(prefix="bench-channels-") as home:
        here, there = (Path(home) / name for name in ("with", "without"))
        with running(here / "data") as ours, running(there / "data") as theirs:
            sale = FlashSale(ours, here, channels=CHANNELS, hot=HOT)
            other = FlashSale(theirs, there, channels=CHANNELS, hot=HOT, defined=False)
            for one in (sale, other):
                one.open()
                one.crowd(WARM_UP_RATE, WARM_UP_S)
            rate = context.rate or sale.capacity(FLOOD_QUICK if context.quick else FLOOD) / 2
            context.say(f"channels: {rate:,.0f} requests a second")
            runs, listened = Runs(), list[Listened]()
            for _ in range(context.pairs):
                _turn(sale, other, (rate, seconds), (runs, listened))
                context.say(_line(runs))
            return _results(sale, runs, listened, rate)


def _turn(
    sale: FlashSale,
    other: FlashSale,
    load: tuple[float, float],
    found: tuple[Runs, list[Listened]],
) -> None:
    runs, listened = found
    runs.without.append(other.crowd(*load))
    runs.silent.append(sale.crowd(*load))
    sale.service.at_rest()
    with sale.listening() as present:
        runs.subscribed.append(sale.crowd(*load))
    listened.append(present)
    unheard = sale.unheard(present)
    assert not unheard, f"no subscriber was given the last values of {unheard[:5]}"


def _results(
    sale: FlashSale, runs: Runs, listened: list[Listened], rate: float
) -> list[BenchResult]:
    rows, hot = sale.service.events(), sale.hot_positions()
    heard = [one for present in listened for one in present.heard]
    verdict, timing = judged(rows, heard), Timing()
    for present, outcome in zip(listened, runs.subscribed, strict=True):
        window = (outcome.begun_at, outcome.ended_at)
        timing.add(timed(rows, present.heard, window, hot))
    assert verdict.checked == len(heard)
    assert verdict.different == 0, verdict.first
    reports = [report for present in listened for report in present.reports]
    detail = {
        "channels": CHANNELS,
        "requests_per_s": round(rate),
        "runs": len(listened),
        "values_per_s": round(len(timing.newest) / timing.seconds),
        "values_checked": verdict.checked,
        "values_above_their_rules": verdict.above,
        "values_that_differ": verdict.different,
        "joins_after_the_first": sum(n - 1 for one in reports for n in one.joins.values()),
        "dead_letters": sum(one.dead_letters for one in reports),
        "max_ms": round(timing.newest[-1], 1),
        "first_event_p50_ms": round(_share(timing.first, 0.5), 1),
        "first_event_p99_ms": round(_share(timing.first, 0.99), 1),
        "events": len(rows),
        "memory_mib": {name: sale.service.memory_mib(name) for name in ("teller", "nats")},
    }
    return [
        _at_most("channels_p50", _share(timing.newest, 0.5), P50_MS_MAX, detail),
        _at_most("channels_p99", _share(timing.newest, 0.99), P99_MS_MAX, _delays(heard, rows)),
        _ledger(runs),
    ]


def _at_most(name: str, value: float, most: float, detail: dict[str, object]) -> BenchResult:
    return BenchResult(
        name=name,
        value=round(value, 1),
        unit="ms",
        yardstick="at most",
        yardstick_value=most,
        ratio=round(value / most, 3),
        detail=detail,
    )


def _delays(heard: list[Heard], rows: list[Row]) -> dict[str, object]:
    """Where the time goes: until the teller looked, and from there to the callback."""
    live = [one for one in heard if not one.present]
    looked = sorted(one.instant - rows[one.position - 1].recorded_at for one in live)
    told = sorted(one.heard_at - one.instant for one in live)
    return {
        f"{name}_p{percent}_ms": round(_share(values, percent / 100) / 1_000, 1)
        for name, values in (("until_looked", looked), ("until_heard", told))
        for percent in (50, 99)
    }


def _ledger(runs: Runs) -> BenchResult:
    with_them, silent, without = (
        [outcome.p99_us / 1_000 for outcome in one]
        for one in (runs.subscribed, runs.silent, runs.without)
    )
    return BenchResult(
        name="channels_ledger_p99",
        value=round(median(with_them), 1),
        unit="ms",
        yardstick="without channels",
        yardstick_value=round(median(without), 1),
        ratio=round(median(with_them) / median(without), 2),
        detail={
            "nobody_subscribed_p99_ms": round(median(silent), 1),
            "p50_ms": [round(one.p50_us / 1_000, 1) for one in runs.subscribed],
            "yardstick_p50_ms": [round(one.p50_us / 1_000, 1) for one in runs.without],
            "runs": with_them,
            "nobody_subscribed_runs": silent,
            "yardstick_runs": without,
            "pairs_in_which_it_was_higher": sum(
                mine > theirs for mine, theirs in zip(with_them, without, strict=True)
            ),
        },
    )


def _line(runs: Runs) -> str:
    last = [one[-1].p99_us / 1_000 for one in (runs.subscribed, runs.silent, runs.without)]
    return f"ledger p99: subscribed {last[0]:.1f}, silent {last[1]:.1f}, without {last[2]:.1f} ms"


def _share(values: list[float] | list[int], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
