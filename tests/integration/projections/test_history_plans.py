"""How PostgreSQL answers questions about the past: what must not depend on how long it is."""

from typing import Any

import psycopg
import pytest
from msgspec import structs

from ledger.domain.events import StockReceived
from projections.clocks import at_present
from projections.history.queries import Question, Wide, listing, totals, wide_of
from projections.progress import Pool
from projections.rebuild import rebuild
from projections.statements import statements
from tests.integration.projections.ledgers import ask, project, record
from tests.support.servers import Database

SECOND = 1_000_000
ROWS = 400
AS_OF = ROWS * SECOND // 2
STATEMENTS = {
    "list_at": listing("location", first=True),
    "totals_at": totals("none"),
    "fold_at": statements("projections.history")["fold_at"],
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "list_at": {
        "sku": "MUG",
        "location": "ams-1",
        "as_of": AS_OF,
        "known": ROWS,
        "whole": False,
        "limit": 2,
    },
    "totals_at": {"sku": "MUG", "location": None, "as_of": AS_OF, "known": ROWS, "whole": False},
    "fold_at": {"stock": 1, "as_of": AS_OF, "known": ROWS},
}


def received(number: int) -> StockReceived:
    """Every second one is late by up to a minute."""
    at = number * SECOND
    late = number % 60 * SECOND if number % 2 and number > 60 else 0
    return StockReceived(
        location="ams-1", sku="MUG", occurred_at=at - late, effective_at=at, quantity=1
    )


def plan_of(database: Database, name: str) -> dict[str, Any]:
    """The node that reads late rows; a small table would be read whole, a large one never is."""
    with psycopg.connect(database.service_url) as connection:
        for path in ("seqscan", "bitmapscan"):
            connection.execute(f"set local enable_{path} = off")
        statement = b"explain (analyze, format json) " + STATEMENTS[name]
        row = connection.execute(statement, QUESTIONS[name]).fetchone()
    assert row is not None
    late = [node for node in nodes(row[0][0]["Plan"]) if node.get("Index Name") == "history_late"]
    assert 1 == len(late)
    return late[0]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_correction_reads_an_index_alone(database: Database, name: str, rebuilt: bool) -> None:
    """Its rows have a block each in the table, and are neighbours in the index."""
    record(database, *(received(number) for number in range(1, ROWS + 1)))
    project(database)
    if rebuilt:
        rebuild(database.service_url, ["history"])
    database.execute("vacuum analyze projections.history")
    node = plan_of(database, name)

    assert "Index Only Scan" == node["Node Type"]
    assert 0 == node["Heap Fetches"]
    assert 10 < node["Actual Rows"] < 40


@pytest.mark.parametrize(("skus", "expected"), [(1, False), (200, True)])
def test_corrections_of_all_stocks_are_read_at_once_while_they_are_few(
    database: Database, skus: int, expected: bool
) -> None:
    """One look into an index for each stock costs more then than reading them all."""
    events = [structs.replace(received(n), sku=f"MUG-{n % skus}") for n in range(1, ROWS + 1)]
    record(database, *events)
    project(database)
    for table in ("history", "history_stocks", "history_holds"):
        database.execute(f"analyze projections.{table}")
    question = Question(None, None, at_present(AS_OF, ROWS))

    async def wide(pool: Pool) -> Wide:
        async with pool.connection() as connection:
            return await wide_of(connection, question, all_of=True)

    assert Wide(late=expected, ended=True) == ask(database, wide)
