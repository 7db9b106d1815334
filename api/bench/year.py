"""A year of ten million events on fifty thousand stocks: what it costs to have it, and to ask.

Not among those that run when none is named: it takes a quarter of an hour and 15 GB.
"""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final, NamedTuple

import psycopg
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.bench import BenchResult, Context
from api.bench.asof import Times
from api.bench.pasts import YEAR, Past, append, fill, stock_of
from api.bench.project import bring_to_head
from api.questions import SESSION
from ledger.clock import SystemClock, monotonic
from projections.bookkeeping.queries import Scope, Span
from projections.clocks import Asked
from projections.history import late
from projections.history.queries import STOCK_AT, How, listing
from projections.progress import Pool
from projections.statement_questions import Limits
from projections.statement_questions import statements as statements_of
from projections.statements import statements

QUESTIONS: Final = 1_000
WARM_UP: Final = 50
STATEMENTS: Final = 200
_ANY_CROWD: Final = statements("projections.history")["any_crowd"]
_LIST: Final = {
    crowded: listing("location", first=True, how=How(crowded=crowded)) for crowded in (False, True)
}


class Size(NamedTuple):
    """How large a ledger is."""

    events: int
    stocks: int


LARGE: Final = Size(10_000_000, 50_000)
SMALL: Final = Size(100_000, 500)
ALONE: Final = 100_000  # Events of one stock that came in another order than they happened.


class Loaded(Struct):
    """What it took to fill a ledger."""

    append_s: float
    project_s: float
    bytes_per_event: float


def run(context: Context) -> list[BenchResult]:
    """The same questions, in SQL, on a large ledger and a small one, in turns."""
    large = Size(200_000, 1_000) if context.quick else LARGE
    begin = SystemClock().now()
    with context.database() as own, context.database() as other:
        loaded = _load(own, large, begin)
        _load(other, SMALL, begin)
        with _connected(own) as asked, _connected(other) as beside:
            results = [
                *_questions("year_hot", (asked, beside), (large, SMALL), begin, hot=True),
                *_questions("year_cold", (asked, beside), (large, SMALL), begin, hot=False),
                _network(asked, large, begin),
            ]
        results += asyncio.run(_statements(own, large, begin))
        results.append(_of_load(loaded, large))
    for arrival in ("backfilled", "shuffled"):
        with context.database() as own:
            context.say(f"{ALONE:,} events of one stock, {arrival}")
            fill(own, Past(ALONE, arrival), begin)
            with _connected(own) as asked:
                size = Size(ALONE, 1)
                results += _questions(f"year_{arrival}", (asked,), (size,), begin, hot=True)
    return results


def _load(context: Context, size: Size, begin: int) -> Loaded:
    started = monotonic()
    append(context, Past(size.events, "late", size.stocks), begin)
    appended = monotonic()
    bring_to_head(context.settings)
    done = monotonic()
    with psycopg.connect(context.owner_url, autocommit=True) as connection:
        for table in ("history", "history_late_sums", "history_stocks", "statement_entries"):
            connection.execute(f"vacuum analyze projections.{table}".encode())
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    assert row is not None
    return Loaded(appended - started, done - appended, row[0] / size.events)


def _of_load(loaded: Loaded, size: Size) -> BenchResult:
    return BenchResult(
        name="year_load",
        value=size.events / (loaded.append_s + loaded.project_s),
        unit="events/s",
        detail={
            "events": size.events,
            "stocks": size.stocks,
            "append_s": round(loaded.append_s, 1),
            "project_s": round(loaded.project_s, 1),
            "disk_bytes_per_event": round(loaded.bytes_per_event),
            "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        },
    )


@contextmanager
def _connected(context: Context) -> Iterator[psycopg.Cursor[Any]]:
    with psycopg.connect(context.service_url, autocommit=True) as connection:
        connection.execute(SESSION)
        yield connection.cursor(binary=True)


def _questions(
    name: str,
    cursors: tuple[psycopg.Cursor[Any], ...],
    sizes: tuple[Size, ...],
    begin: int,
    *,
    hot: bool,
) -> list[BenchResult]:
    """One stock at random moments, as known at random positions in half of the questions."""
    random = Random(7)  # noqa: S311 - data, not secrets
    times = [Times([]) for _ in cursors]
    for number in range(QUESTIONS + WARM_UP):
        as_of, share = begin + random.randrange(YEAR), random.random()
        known_share = random.choice([1.0, random.random()])
        for cursor, size, taken in zip(cursors, sizes, times, strict=True):
            stock = stock_of(0 if hot else 1 + int(share * (size.stocks - 1)))
            asked = {"sku": stock.sku, "location": stock.location, "as_of": as_of}
            started = monotonic()
            _ask(cursor, asked | {"known": int(size.events * known_share)}, limit=2)
            if number >= WARM_UP:
                taken.taken.append((monotonic() - started) * 1_000)
    found = []
    for percent in (50, 99):
        value, *others = [one.at(percent / 100) for one in times]
        found.append(
            BenchResult(
                name=f"{name}_p{percent}",
                value=value,
                unit="ms",
                yardstick=f"{sizes[1].events:,} events" if others else None,
                yardstick_value=others[0] if others else None,
                ratio=value / others[0] if others else None,
                detail={"events": sizes[0].events, "questions": QUESTIONS},
            )
        )
    return found


def _ask(cursor: psycopg.Cursor[Any], asked: dict[str, Any], limit: int) -> int:
    """A question about the past; how many stocks it found."""
    asked = {"limit": limit, "whole": False, **asked, **late.GRID.sizes}
    if asked["sku"] is not None:
        return len(cursor.execute(STOCK_AT, asked).fetchall())
    crowd = cursor.execute(_ANY_CROWD, asked, prepare=False).fetchone()
    assert crowd is not None
    return len(cursor.execute(_LIST[crowd[0]], asked, prepare=False).fetchall())


async def _statements(context: Context, size: Size, begin: int) -> list[BenchResult]:
    """The year of one SKU, and of any others; whole days, as known now or earlier."""
    random = Random(8)  # noqa: S311 - data, not secrets
    found = []
    pool: Pool = AsyncConnectionPool(context.service_url, min_size=1, max_size=1, open=False)
    async with pool:
        for name, hot in (("year_statement_hot", True), ("year_statement_cold", False)):
            taken = Times([])
            for _ in range(STATEMENTS):
                stock = stock_of(0 if hot else random.randrange(1, size.stocks))
                asked = Asked(known_position=random.choice([size.events, size.events * 2 // 3]))
                started = monotonic()
                page = await statements_of(
                    pool, Scope(sku=stock.sku), Span(begin, begin + YEAR), asked, limits=Limits()
                )
                taken.taken.append((monotonic() - started) * 1_000)
                assert len(page.items) <= 1
            for percent in (50, 99):
                value = taken.at(percent / 100)
                detail = {"events": size.events, "questions": STATEMENTS}
                found.append(
                    BenchResult(name=f"{name}_p{percent}", value=value, unit="ms", detail=detail)
                )
    return found


def _network(cursor: psycopg.Cursor[Any], size: Size, begin: int) -> BenchResult:
    """Every stock at one moment of the past."""
    taken, found = Times([]), 0
    for part in (0.3, 0.5, 0.9):
        started = monotonic()
        asked = {"sku": None, "location": None, "as_of": begin + int(YEAR * part)}
        found = _ask(cursor, asked | {"known": size.events}, limit=size.stocks)
        taken.taken.append((monotonic() - started) * 1_000)
    return BenchResult(
        name="year_network",
        value=taken.at(0.5),
        unit="ms",
        detail={"stocks": found, "runs": [round(one) for one in taken.taken]},
    )
