"""Reconciliations are audited like everything: clean ones pass, forged ones are found."""

import psycopg
import pytest

from ledger.domain.commands import AnyCommand
from projections.rebuild import rebuild
from projections.registry import NAMES
from tests.integration.projections.ledgers import rows
from tests.support.audited import Audited, project
from tests.support.builders import receive, sell
from tests.support.histories import Histories, append
from tests.support.reconciled import approve, found, proposal
from tests.support.servers import Database

TABLES = ("reconciliations", "reconciliation_locations", "reconciliation_lines")

STORY: list[AnyCommand] = [
    receive(40),
    receive(9, location="nyc-2"),
    found("erp-1", proposal("MUG", 2), proposal("LAMP", 3), proposal("MUG", -1, "nyc-2")),
    sell(3),
    approve("erp-1", "MUG"),
    found("pos-1", source="pos"),
    approve("erp-1"),
    found("erp-2", proposal("MUG", -5), content="list-2"),
]


@pytest.fixture
def reconciled(database: Database) -> Audited:
    """A ledger that was compared with two systems, and corrected in part."""
    histories = Histories(1)
    items = [histories.attempt(command) for command in STORY]
    with psycopg.connect(database.owner_url) as connection:
        append(connection, [item for item in items if item is not None])
    project(database.service_url)
    return Audited(database, histories.world.head)


def test_reconciliations_that_nobody_touched_pass(reconciled: Audited) -> None:
    """Each table has rows, and a rebuild makes them anew, row for row."""
    report = reconciled.verify()
    live = rows(reconciled.database)
    rebuild(reconciled.database.service_url, NAMES)

    assert [] == report.breaches
    assert [3, 3, 4] == [report.checked[table] for table in TABLES]
    assert live == rows(reconciled.database)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("reconciliations", "source = 'nobody'"),
        ("reconciliations", "alert = not alert"),
        ("reconciliations", "approved = approved + 1"),
        ("reconciliations", "known_position = known_position + 1"),
        ("reconciliations", "tally = '{}'"),
        ("reconciliation_locations", "tally = '{}'"),
        ("reconciliation_locations", "source = 'nobody'"),
        ("reconciliation_lines", "delta = delta + 1"),
        ("reconciliation_lines", "approved_position = 1"),
        ("reconciliation_lines", "sku = 'GHOST'"),
    ],
)
def test_an_altered_row_is_found(reconciled: Audited, table: str, change: str) -> None:
    """The table is named."""
    reconciled.forge(
        f"update projections.{table} set {change}"
        f" where ctid = (select min(ctid) from projections.{table})"
    )
    breaches = reconciled.breaches()

    assert {12} == {breach.law for breach in breaches}
    assert all(table in breach.what for breach in breaches), breaches


@pytest.mark.parametrize("table", TABLES)
def test_a_deleted_row_is_found(reconciled: Audited, table: str) -> None:
    """A row that is due and is not there is named, too."""
    reconciled.forge(
        f"delete from projections.{table} where ctid = (select min(ctid) from projections.{table})"
    )

    assert any(table in breach.what for breach in reconciled.breaches())


@pytest.mark.parametrize(
    ("topic", "before", "after", "what"),
    [
        ("recorded", '"matched":0', '"matched":1', "do not add up"),
        ("recorded", '"alert":true', '"alert":false', "do not add up"),
        ("approved", '"sku":"MUG"', '"sku":"GUM"', "as nobody proposed"),
        ("approved", '"delta":2', '"delta":3', "as nobody proposed"),
    ],
)
def test_a_forged_event_is_found(
    reconciled: Audited, topic: str, before: str, after: str, what: str
) -> None:
    """What was told of a list, and what was corrected, cannot be told otherwise later."""
    position = reconciled.position_of(f"reconciliation.{topic}.v1")
    reconciled.forge(
        "update ledger.events set state = convert_to("
        "replace(convert_from(state, 'UTF8'), %s, %s), 'UTF8') where position = %s",
        before,
        after,
        position,
    )

    assert any(
        what in breach.what and breach.position == position for breach in reconciled.breaches()
    )


def test_a_correction_that_never_reached_its_stock_is_found(reconciled: Audited) -> None:
    """An approval and its adjustments are one commit."""
    position = reconciled.position_of("stock.adjusted.v1")
    reconciled.forge(
        "update ledger.events set state = convert_to("
        "replace(convert_from(state, 'UTF8'), '\"delta\":2', '\"delta\":1'), 'UTF8')"
        " where position = %s",
        position,
    )

    assert any("was not made" in breach.what for breach in reconciled.breaches())
