"""How PostgreSQL answers questions about the past: what must not depend on how long it is."""

from random import Random
from typing import Any

import psycopg
import pytest

from api.runtime.processes import wait_until
from ledger.domain.events import HoldReleased, StockReceived, StockReserved
from projections.clocks import at_present
from projections.history import late
from projections.history.late import Grid
from projections.history.queries import Question, at_once_of, listing, totals, with_late_rows
from projections.progress import Pool
from projections.rebuild import rebuild
from projections.statements import statements
from tests.integration.projections.ledgers import ask, project, record
from tests.support.servers import Database

SECOND = 1_000_000
ROWS = 400
PATIENCE_S = 20.0
AS_OF = ROWS * SECOND // 2
SIZES: dict[str, Any] = late.GRID.sizes
STATEMENTS = {
    "list_at": listing("location", first=True),
    "totals_at": totals("none"),
    "fold_at": with_late_rows(statements("projections.history")["fold_at"], crowded=True),
    "levels_of": with_late_rows(statements("projections.history")["levels_of"], crowded=True),
}
OF: dict[str, Any] = {"location": "ams-1", "occurred_at": SECOND, "effective_at": SECOND}
MUG = {"sku": "MUG", "location": "ams-1"}
AT = {"as_of": AS_OF, "known": ROWS, "whole": False, **SIZES}
QUESTIONS: dict[str, dict[str, Any]] = {
    "list_at": {**MUG, **AT, "limit": 2},
    "totals_at": {**MUG, **AT},
    "fold_at": {"stock": 1, **AT},
    "levels_of": {"locations": ["ams-1"], "skus": ["MUG"], **AT, "held": False},
}


def received(at: int, effective_at: int) -> StockReceived:
    return StockReceived(
        location="ams-1", sku="MUG", occurred_at=at, effective_at=effective_at, quantity=1
    )


def late_by_a_minute(number: int) -> StockReceived:
    """Every second one is late by up to a minute."""
    at = number * SECOND
    return received(at - (number % 60 * SECOND if number % 2 and number > 60 else 0), at)


def plan_of(database: Database, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a statement; a small table would be read whole, a large one never is."""
    with psycopg.connect(database.service_url) as connection:
        for path in ("seqscan", "bitmapscan"):
            connection.execute(f"set local enable_{path} = off")
        statement = b"explain (analyze, format json) " + STATEMENTS[name]
        row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    return nodes(row[0][0]["Plan"])


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


def read_by(plan: list[dict[str, Any]], *indexes: str) -> int:
    """How many rows were read by way of some indexes, those that a filter drops included."""
    found = [node for node in plan if node.get("Index Name") in indexes]
    assert len(indexes) <= len(found)
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in found
    )


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_correction_reads_an_index_alone(database: Database, name: str, rebuilt: bool) -> None:
    """Its rows have a block each in the table, and are neighbours in the index."""
    record(database, *(late_by_a_minute(number) for number in range(1, ROWS + 1)))
    project(database)
    if rebuilt:
        rebuild(database.service_url, ["history"])

    def read() -> list[dict[str, Any]]:
        database.execute("vacuum analyze projections.history")
        plan = plan_of(database, name, QUESTIONS[name])
        scans = [node for node in plan if node.get("Index Name") == "history_late"]
        return [node for node in scans if node["Actual Loops"]]

    # Pages become visible to all once nobody has a snapshot from before, an autovacuum included.
    wait_until(lambda: read()[0].get("Heap Fetches") == 0, timeout_s=PATIENCE_S)
    (scan,) = read()
    assert "Index Only Scan" == scan["Node Type"]
    assert 10 < scan["Actual Rows"] < 40


def test_a_past_that_came_in_no_order_is_read_by_its_sums(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its late rows only those at the edges of the question are read, one by one."""
    grid = Grid(few=16, chunk=4, chunks=7, span=25, spans=28)
    monkeypatch.setattr(late, "GRID", grid)
    moments = list(range(1, 2_001))
    Random(7).shuffle(moments)
    latest = [max(moments[: number + 1]) for number in range(len(moments))]
    record(
        database,
        *(received(at * SECOND, e * SECOND) for at, e in zip(moments, latest, strict=True)),
    )
    project(database)
    database.execute("vacuum analyze projections.history")
    database.execute("vacuum analyze projections.history_late_sums")
    as_of, known = 1_000 * SECOND, 1_500
    asked = {"stock": 1, "as_of": as_of, "known": known, "whole": False, **grid.sizes}
    plan = plan_of(database, "fold_at", asked)
    rows = read_by(plan, "history_late", "history_late_occurred")
    cells = read_by(plan, "history_late_sums_pkey")
    with psycopg.connect(database.service_url) as connection:
        answer = connection.execute(
            with_late_rows(statements("projections.history")["fold_at"], crowded=True), asked
        ).fetchone()
    expected = sum(at <= 1_000 for at in moments[:known])

    assert expected > 500
    assert answer is not None
    assert (expected, 0, 0, 0, 0, 0) == answer
    assert rows < 150
    assert cells < 350


def test_a_piece_of_a_long_list_does_not_read_all_stocks(database: Database) -> None:
    """Each name is looked up, however many other names there are and the planner expects."""
    names = [f"SKU-{number}" for number in range(1_200)]
    stocks = (StockReceived(**OF, sku=name, quantity=1) for name in names)
    record(database, *stocks)
    project(database)
    named = {"locations": ["ams-1"] * 1_000, "skus": names[:1_000]}
    with psycopg.connect(database.service_url) as connection:
        explained = b"explain (analyze, format json) " + STATEMENTS["levels_of"]
        row = connection.execute(explained, {**named, **AT, "held": False}).fetchone()
    assert row is not None
    reading = [
        node["Actual Rows"]
        for node in nodes(row[0][0]["Plan"])
        if node.get("Relation Name") == "history_stocks"
    ]

    assert [1] == reading


@pytest.mark.parametrize(("skus", "expected"), [(1, False), (200, True)])
def test_ended_holds_of_all_stocks_are_read_at_once_while_they_are_few(
    database: Database, skus: int, expected: bool
) -> None:
    """One look into an index for each stock costs more then than reading them all."""
    for number in range(1, 2 * ROWS, 2):
        names: dict[str, Any] = {**OF, "sku": f"MUG-{number % skus}"}
        hold: dict[str, Any] = {"reservation_id": f"order-{number}", "quantity": 1}
        placed = StockReserved(**names, **hold, kind="soft", expires_at=10 * SECOND)
        record(database, placed, HoldReleased(**names, **hold))
    project(database)
    for table in ("history_stocks", "history_holds"):
        database.execute(f"analyze projections.{table}")
    question = Question(None, None, at_present(AS_OF, ROWS))

    async def at_once(pool: Pool) -> bool:
        async with pool.connection() as connection:
            return await at_once_of(connection, question, all_of=True)

    assert expected == ask(database, at_once)
