"""A year of real invoices told late and out of order: any past of it is what a sum over it says."""

import asyncio
import os
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any, Final, NamedTuple

import duckdb
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from ledger.domain.events import StockAdjusted
from ledger.domain.values import Instant
from ledger.store.mapper import TOPICS, Mapper
from projections.progress import Pool
from projections.questions import StockQuestion, stock
from tests.integration.importing.real_file import SHARED, needs_the_file
from tests.integration.projections.ledgers import META, project
from tests.support.figures import Tell
from tests.support.servers import Database

QUESTIONS: Final = int(os.environ.get("PAST_QUESTIONS", "40"))
LINES: Final = int(os.environ.get("PAST_LINES", "6000"))
SEED: Final = int(os.environ.get("PAST_SEED", "0"))
LATE_SHARE: Final = 0.1
LATE_LINES_MAX: Final = 3_000
BATCH: Final = 2_000
SHOP: Final = "shop"
_LINES: Final = """
    select upper(trim(stock_code)), epoch_us(invoice_ts), -quantity from read_parquet(?)
     where regexp_matches(upper(trim(stock_code)), '^[0-9]{5}') and quantity <> 0
     order by row_no limit ?
"""


class Told(NamedTuple):
    """A line of the file, at the position at which it was told."""

    position: int
    sku: str
    moment: Instant
    delta: int


class Question(NamedTuple):
    """A SKU at both clocks: what was known, as a position and, for some, as a time."""

    sku: str
    as_of: Instant
    known: int
    by_time: bool


def told(random: Random) -> list[Told]:
    """The lines in the order in which they arrive: some only after many later ones."""
    lines = duckdb.connect().execute(_LINES, [str(SHARED), LINES]).fetchall()
    arrivals = [
        number + (random.randrange(LATE_LINES_MAX) if random.random() < LATE_SHARE else 0)
        for number in range(len(lines))
    ]
    order = sorted(range(len(lines)), key=lambda number: (arrivals[number], number))
    return [Told(place, *lines[number]) for place, number in enumerate(order, start=1)]


def tell_ledger(database: Database, lines: list[Told], latest: dict[str, list[int]]) -> None:
    """Appends them as the writer would; `latest`: version and effective time by SKU."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        for start in range(0, len(lines), BATCH):
            rows = [row_of(line, latest) for line in lines[start : start + BATCH]]
            connection.execute(
                "select ledger.append(0::smallint, 0, %s, %s, interval '1 s', %s::text[],"
                " %s::bigint[], %s::text[], %s::bytea[], '{}', '{}', '{}', '{}')",
                (
                    lines[start].position - 1,
                    lines[start].position,
                    *(list(column) for column in zip(*rows, strict=True)),
                ),
            )
    project(database)


def row_of(line: Told, latest: dict[str, list[int]]) -> tuple[str, int, str, bytes]:
    version_and_time = latest.setdefault(line.sku, [0, line.moment])
    version_and_time[0] += 1
    version_and_time[1] = max(version_and_time[1], line.moment)
    event = StockAdjusted(
        location=SHOP,
        sku=line.sku,
        occurred_at=line.moment,
        effective_at=version_and_time[1],
        delta=line.delta,
    )
    return event.stream, version_and_time[0], TOPICS[StockAdjusted], Mapper.encode(META, event)


def drawn(random: Random, lines: list[Told], known: int, count: int) -> list[Question]:
    """Random SKUs, at moments at which something happened or nearly so, as known sometime."""
    return [
        Question(
            random.choice(lines).sku,
            random.choice(lines).moment + random.randrange(-1, 2),
            random.randrange(known + 1),
            by_time=random.random() < 0.2,
        )
        for _ in range(count)
    ]


def levels(database: Database, questions: list[Question]) -> list[tuple[int, int]]:
    """What the service answers: the level, and the position that counts."""

    async def run() -> list[tuple[int, int]]:
        pool: Pool = AsyncConnectionPool(
            database.service_url, min_size=1, max_size=1, open=False, kwargs={"autocommit": True}
        )
        async with pool:
            return [await level(pool, question) for question in questions]

    async def level(pool: Pool, question: Question) -> tuple[int, int]:
        known: dict[str, Any] = {"known_position": question.known}
        if question.by_time and question.known:
            known = {"known_at": await recorded_at(pool, question.known)}
        asked = StockQuestion(sku=question.sku, location=SHOP, as_of=question.as_of, **known)
        page = await stock(pool, asked, now=question.as_of)
        return sum(one.on_hand for one in page.items), page.known_at_position

    return asyncio.run(run())


async def recorded_at(pool: Pool, position: int) -> Instant:
    async with pool.connection() as connection:
        found = await connection.execute(
            "select (extract(epoch from recorded_at) * 1000000)::int8 from ledger.events"
            " where position = %s",
            [position],
        )
        row = await found.fetchone()
    assert row is not None
    return int(row[0])


def summed(
    lines: list[Told], questions: list[Question], answers: list[tuple[int, int]]
) -> Iterator[int]:
    """The same, by a sum over everything that had been told."""
    by_sku: dict[str, list[Told]] = {}
    for line in lines:
        by_sku.setdefault(line.sku, []).append(line)
    for question, (_, known) in zip(questions, answers, strict=True):
        yield sum(
            line.delta
            for line in by_sku[question.sku]
            if line.moment <= question.as_of and line.position <= known
        )


@needs_the_file
@pytest.mark.timeout(900)
def test_any_past_of_a_real_year_is_what_a_sum_over_it_says(database: Database, tell: Tell) -> None:
    """Lines told late included; and it is the same when the rest of the year has been told."""
    random = Random(SEED)
    lines = told(random)
    half = lines[: len(lines) // 2]
    early = drawn(random, lines, len(half), QUESTIONS // 2)
    late = drawn(random, lines, len(lines), QUESTIONS - len(early))
    latest: dict[str, list[int]] = {}
    tell_ledger(database, half, latest)
    first = levels(database, early)
    tell_ledger(database, lines[len(half) :], latest)
    again = levels(database, early + late)
    tell(f"{len(again)} questions about {len(lines):,} lines, {len(first)} of them asked twice")

    assert first == again[: len(first)]
    assert [*summed(lines, early + late, again)] == [found for found, _ in again]
    for question, (_, known) in zip(early + late, again, strict=True):
        assert known >= question.known if question.by_time else known == question.known
    late_lines = sum(a.moment > b.moment for a, b in pairwise(lines))
    assert late_lines > len(lines) * LATE_SHARE / 4
