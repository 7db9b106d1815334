"""Point-in-time questions: what they cost when the past is a hundred times as long."""

import asyncio
from contextlib import ExitStack
from random import Random
from typing import Final

from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.bench import BenchResult, Context
from api.bench.pasts import DAY, HOT, LATE_MAX, LATE_SHARE, YEAR, Past, fill
from ledger.clock import SystemClock, monotonic
from projections.progress import Pool
from projections.questions import StockQuestion, stock

WARM_UP: Final = 20


class Times(Struct):
    """What questions cost, in milliseconds."""

    taken: list[float]

    def at(self, share: float) -> float:
        """A percentile."""
        ordered = sorted(self.taken)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def run(context: Context) -> list[BenchResult]:
    """The same questions on a long and a short past, in turns; then on a backfill and live."""
    scale = 20 if context.quick else 1
    questions = 200 if context.quick else 2_000
    long, short = Past(1_000_000 // scale, "late"), Past(10_000, "late")
    filled, live = Past(200_000 // scale, "backfilled"), Past(200_000 // scale, "live")
    return [
        *_compare(context, "asof", long, short, questions),
        *_compare(context, "asof_backfill", filled, live, questions),
    ]


def _compare(
    context: Context, name: str, measured: Past, yardstick: Past, questions: int
) -> list[BenchResult]:
    with ExitStack() as stack:
        urls: list[str] = []
        begin = SystemClock().now()
        for past in (measured, yardstick):
            own = stack.enter_context(context.database())
            context.say(f"{name}: {past.postings:,} postings of one stock")
            fill(own, past, begin)
            urls.append(own.service_url)
        times = asyncio.run(_ask_in_turns(urls, begin, questions))
    return [
        _result(f"{name}_p{percent}", times, percent, (measured, yardstick)) for percent in (50, 99)
    ]


def _result(
    name: str, times: tuple[Times, Times], percent: int, pasts: tuple[Past, Past]
) -> BenchResult:
    value, yardstick_value = (one.at(percent / 100) for one in times)
    a, b = pasts
    kind = "in order, live" if b.arrival == "live" else "the same questions"
    return BenchResult(
        name=name,
        value=value,
        unit="ms",
        yardstick=f"{b.postings:,} postings, {kind}",
        yardstick_value=yardstick_value,
        ratio=value / yardstick_value,
        detail={
            "postings": a.postings,
            "questions": len(times[0].taken),
            "arrival": a.arrival,
            "late_share": LATE_SHARE if a.arrival == "late" else 0,
            "late_up_to_days": LATE_MAX // DAY if a.arrival == "late" else 0,
        },
    )


async def _ask_in_turns(urls: list[str], begin: int, questions: int) -> tuple[Times, Times]:
    pools: list[Pool] = [
        AsyncConnectionPool(url, min_size=1, max_size=1, open=False, kwargs={"autocommit": True})
        for url in urls
    ]
    times = Times([]), Times([])
    random = Random(7)  # noqa: S311 - data, not secrets
    try:
        for pool in pools:
            await pool.open(wait=True)
        for number in range(questions + WARM_UP):
            as_of = begin + random.randrange(YEAR)
            known_at = begin + random.randrange(YEAR) if random.random() < 0.5 else None
            question = StockQuestion(
                sku=HOT.sku, location=HOT.location, as_of=as_of, known_at=known_at
            )
            for pool, taken in zip(pools, times, strict=True):
                started = monotonic()
                await stock(pool, question, now=begin + YEAR)
                if number >= WARM_UP:  # The first ones warm the caches up.
                    taken.taken.append((monotonic() - started) * 1_000)
    finally:
        for pool in pools:
            await pool.close()
    return times
