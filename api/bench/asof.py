"""Point-in-time questions: what they cost when the past is a hundred times as long."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from random import Random
from typing import Any, Final, NamedTuple

import psycopg
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.bench import BenchResult, Context
from api.bench.project import bring_to_head
from ledger.clock import SystemClock, monotonic
from ledger.domain.events import StockReceived, StockSold
from ledger.recorded import Meta
from ledger.store.mapper import TOPICS, Mapper
from projections.progress import Pool
from projections.questions import StockQuestion, stock

LOCATION: Final = "ams-1"
SKU: Final = "MUG"
DAY: Final = 86_400 * 1_000_000
YEAR: Final = 365 * DAY
LATE_SHARE: Final = 0.02
LATE_MAX: Final = 7 * DAY
BATCH: Final = 2_000

_APPEND: Final = b"""
select ledger.append(0::smallint, %b, %b, %b, interval '1 s', %b::text[], %b::int8[], %b::text[],
                     %b::bytea[], '{}', '{}', '{}', '{}')
"""


class Past(NamedTuple):
    """How long a past is, and how it came into the ledger."""

    postings: int
    late: bool  # 2 % of its facts come up to a week late; else all are in order.
    backfilled: bool  # A year of facts, in order, recorded within minutes.


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
    long, short = Past(1_000_000 // scale, True, False), Past(10_000, True, False)
    filled, live = Past(200_000 // scale, False, True), Past(200_000 // scale, False, False)
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
            _fill(own, past, begin)
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
    kind = "in order, live" if a.backfilled else "the same questions"
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
            "late_share": LATE_SHARE if a.late else 0,
            "late_up_to_days": LATE_MAX // DAY if a.late else 0,
            "backfilled": a.backfilled,
        },
    )


def _fill(context: Context, past: Past, begin: int) -> None:
    """Append events as the writer would, with instants spread over a year, and project them."""
    meta = Meta(
        instant=0, actor="bench", source="bench", reason="sale", correlation_id="0", command_id="0"
    )
    epoch = 0
    with psycopg.connect(context.owner_url, autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        position = 0
        events: list[tuple[int, StockReceived | StockSold]] = []
        for one in _events(past, begin):
            events.append(one)
            if len(events) == BATCH:
                position = _append(cursor, epoch, position, events, meta)
                events.clear()
        if events:
            _append(cursor, epoch, position, events, meta)
        connection.execute("vacuum analyze ledger.events")
    bring_to_head(context.settings)
    with psycopg.connect(context.owner_url, autocommit=True) as connection:
        connection.execute("vacuum analyze projections.history")


def _events(past: Past, begin: int) -> Iterator[tuple[int, StockReceived | StockSold]]:
    """Instants and events: one every so often, over a year."""
    random, effective_at = Random(past.postings), 0  # noqa: S311 - data, not secrets
    for number in range(past.postings):
        at = begin + YEAR * number // past.postings
        instant = begin + YEAR + number if past.backfilled else at
        late = past.late and random.random() < LATE_SHARE
        occurred_at = at - random.randrange(LATE_MAX) if late else at
        effective_at = max(effective_at, occurred_at)
        kind = StockSold if number % 3 else StockReceived
        yield (
            instant,
            kind(
                location=LOCATION,
                sku=SKU,
                occurred_at=occurred_at,
                effective_at=effective_at,
                quantity=1 + random.randrange(5),
            ),
        )


def _append(
    cursor: psycopg.Cursor[Any],
    epoch: int,
    position: int,
    events: list[tuple[int, StockReceived | StockSold]],
    meta: Meta,
) -> int:
    count = len(events)
    cursor.execute(
        _APPEND,
        (
            epoch,
            position,
            events[0][0],
            [events[0][1].stream] * count,
            list(range(position + 1, position + count + 1)),
            [TOPICS[type(event)] for _, event in events],
            [Mapper.encode(meta, event) for _, event in events],
        ),
    )
    assert cursor.fetchone() != (None,), "somebody else writes to the benchmark's ledger"
    return position + count


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
        for number in range(questions + 20):
            as_of = begin + random.randrange(YEAR)
            known_at = begin + random.randrange(YEAR) if random.random() < 0.5 else None
            question = StockQuestion(sku=SKU, location=LOCATION, as_of=as_of, known_at=known_at)
            for pool, taken in zip(pools, times, strict=True):
                started = monotonic()
                await stock(pool, question, now=begin + YEAR)
                if number >= 20:  # The first ones warm the caches up.
                    taken.taken.append((monotonic() - started) * 1_000)
    finally:
        for pool in pools:
            await pool.close()
    return times
