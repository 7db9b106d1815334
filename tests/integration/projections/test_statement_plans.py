"""How PostgreSQL answers for a statement: what must not depend on how long the past is."""

from typing import Any

import psycopg
import pytest

from ledger.domain.events import StockReceived
from ledger.store.mapper import TOPICS, Mapper
from projections.bookkeeping.blocks import DAY, SIZES, day_begins, day_of
from projections.statements import statements
from tests.integration.projections.ledgers import META, project
from tests.support.histories import BEGIN
from tests.support.servers import Database

DAYS = 40
LATE_DAYS = 3
ENTRIES = 12_000
PER_DAY = ENTRIES // DAYS
FIRST = day_begins(day_of(BEGIN))


def fill(database: Database) -> None:
    """One stock over some weeks; every tenth entry is late by up to three days."""
    events: list[StockReceived] = []
    for number in range(ENTRIES):
        at = FIRST + number * DAY // PER_DAY
        late = number % 10 == 0
        occurred_at = max(FIRST, at - number % 3_000 * DAY // 1_000) if late else at
        events.append(
            StockReceived(
                location="ams-1", sku="MUG", occurred_at=occurred_at, effective_at=at, quantity=1
            )
        )
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(
            "select ledger.append(0::smallint, epoch, position, 1, interval '1 s', %s::text[],"
            " %s::bigint[], %s::text[], %s::bytea[], '{}', '{}', '{}', '{}') from ledger.heads",
            (
                [event.stream for event in events],
                list(range(1, ENTRIES + 1)),
                [TOPICS[type(event)] for event in events],
                [Mapper.encode(META, event) for event in events],
            ),
        )


def read(
    database: Database, name: str, book: int, span: tuple[int, int], size: int
) -> dict[str, int]:
    """How many entries and how many sums were read, be it to be left out."""
    start, until = span
    parameters: dict[str, Any] = {
        "parts": [0],
        "books": [book],
        "known": ENTRIES - 100,
        "size": size,
        "start": start,
        "until": until,
        "start_day": day_of(start),
        "until_day": day_of(until),
        "start_dawn": day_begins(day_of(start)),
        "until_dawn": day_begins(day_of(until)),
    }
    with psycopg.connect(database.service_url) as connection:
        # A small table would be read whole, a large one never is.
        connection.execute("set local enable_seqscan = off")
        statement = b"explain (analyze, format json) " + statements("projections.bookkeeping")[name]
        row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    found = {"statement_entries": 0, "statement_cells": 0}
    for node in nodes(row[0][0]["Plan"]):
        if (table := node.get("Relation Name")) in found:
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            found[table] += round(rows * node["Actual Loops"])
    return found


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan and everything below it."""
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


@pytest.mark.parametrize(
    ("name", "book", "size"), [("sum_stocks", 1, SIZES.stock), ("sum_places", -1, SIZES.place)]
)
def test_only_divided_days_and_the_last_block_are_read_entry_by_entry(
    database: Database, name: str, book: int, size: int
) -> None:
    """Everything else was summed when it came in, late or not."""
    fill(database)
    project(database)
    database.execute("vacuum analyze projections.statement_entries")
    database.execute("vacuum analyze projections.statement_cells")
    whole = (FIRST + 5 * DAY, FIRST + 35 * DAY)
    divided = (whole[0] + DAY // 2, whole[1] + DAY // 2)
    tail = (ENTRIES - 100) % size

    blocks = (ENTRIES - 100) // size
    cells = sum((blocks >> 4 * level) % 16 for level in range(3)) * (LATE_DAYS + 2) + DAYS

    found = read(database, name, book, whole, size)
    assert tail <= found["statement_entries"] <= tail + 1
    assert 0 < found["statement_cells"] <= cells
    found = read(database, name, book, divided, size)
    assert found["statement_entries"] <= tail + 1 + 2 * 2 * PER_DAY
    assert 0 < found["statement_cells"] <= cells
