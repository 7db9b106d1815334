"""How the projector looks up what a batch goes on with: by whole keys, even before ANALYZE.

Its statements are planned once a connection, and that of a new ledger meets empty tables. A plan
that reads what every row shares costs nothing then, and a flash sale's worth an hour later.
"""

import re
from itertools import count
from typing import Any

import psycopg
import pytest

from projections.reader import connect_for_projections
from projections.registry import live_views
from projections.statements import statements
from tests.support.servers import Database

PACKAGES = sorted({type(view).__module__.rpartition(".")[0] for view in live_views()})
READS_ALL = re.compile(r"Join Filter|Materialize|Seq Scan|Index Cond: .*\n +Filter: ")
JOINED = b"""
select h.quantity from unnest(%b::int8[], %b::text[]) as c (stock, reservation_id)
  join projections.history_holds h
    on h.shard = 0 and h.stock = c.stock and h.reservation_id = c.reservation_id
   and h.to_position is null
"""
FORGET = "delete from pg_statistic where starelid = 'projections.stock_holds'::regclass"


def look_ups(package: str) -> dict[str, bytes]:
    """A package's statements that take what a batch is about; readers name their parameters."""
    found = statements(package).items()
    return {
        name: sql
        for name, sql in found
        if b"unnest(%b" in sql and b"%(" not in sql and b"{" not in sql
    }


def plan(connection: psycopg.Connection[Any], statement: bytes) -> str:
    """The one that a connection keeps, whatever it asks for later."""
    numbers = count(1)
    sql = re.sub("%b", lambda _: f"${next(numbers)}", statement.decode())
    connection.execute(f"prepare asked as {sql}".encode())
    connection.execute("set plan_cache_mode = force_generic_plan")
    nothing = ", ".join(["null"] * (next(numbers) - 1))
    rows = connection.execute(f"explain execute asked ({nothing})".encode()).fetchall()
    connection.execute("deallocate asked")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_batch_looks_up_whole_keys_before_there_are_statistics(
    database: Database, package: str
) -> None:
    """No plan on empty tables reads more than it is asked for once they are full."""
    with connect_for_projections(database.service_url, "plans") as connection:
        plans = {name: plan(connection, sql) for name, sql in look_ups(package).items()}
    assert plans
    assert not {name: text for name, text in plans.items() if READS_ALL.search(text)}


def test_control_each_precaution_is_needed(database: Database) -> None:
    """Joined the plain way, all open holds are read; without planted statistics, a stock's."""
    change = look_ups("projections.stock")["change_holds"]
    with connect_for_projections(database.service_url, "plans") as connection:
        assert READS_ALL.search(plan(connection, JOINED))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(FORGET)
    with connect_for_projections(database.service_url, "plans") as connection:
        assert READS_ALL.search(plan(connection, change))
