"""How PostgreSQL answers questions about the past: what must not depend on how long it is."""

from typing import Any

import psycopg
import pytest

from ledger.domain.events import StockReceived
from projections.rebuild import rebuild
from projections.statements import statements
from tests.integration.projections.ledgers import project, record
from tests.support.servers import Database

SECOND = 1_000_000
ROWS = 400
AS_OF = ROWS * SECOND // 2
OF: dict[str, Any] = {"location": "ams-1", "occurred_at": SECOND, "effective_at": SECOND}
QUESTIONS: dict[str, dict[str, Any]] = {
    "list_at": {
        "sku": "MUG",
        "location": "ams-1",
        "as_of": AS_OF,
        "known": ROWS,
        "after_location": "",
        "after_sku": "",
        "limit": 2,
    },
    "fold_at": {"stock": 1, "as_of": AS_OF, "known": ROWS},
    "levels_of": {
        "locations": ["ams-1"],
        "skus": ["MUG"],
        "as_of": AS_OF,
        "known": ROWS,
        "held": False,
    },
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
        statement = b"explain (analyze, format json) " + statements("projections.history")[name]
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


def test_a_piece_of_a_long_list_does_not_read_all_stocks(database: Database) -> None:
    """Each name is looked up, however many other names there are and the planner expects."""
    names = [f"SKU-{number}" for number in range(1_200)]
    stocks = (StockReceived(**OF, sku=name, quantity=1) for name in names)
    record(database, *stocks)
    project(database)
    asked = {"locations": ["ams-1"] * 1_000, "skus": names[:1_000], "as_of": AS_OF, "known": ROWS}
    with psycopg.connect(database.service_url) as connection:
        statement = statements("projections.history")["levels_of"]
        explained = b"explain (analyze, format json) " + statement
        row = connection.execute(explained, {**asked, "held": False}).fetchone()
    assert row is not None
    reading = [
        node["Actual Rows"]
        for node in nodes(row[0][0]["Plan"])
        if node.get("Relation Name") == "history_stocks"
    ]

    assert [1] == reading
