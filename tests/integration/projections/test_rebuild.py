"""Rebuilding beside and swapping while reads and writes go on."""

import threading

import pytest

from ledger.domain.events import StockReceived
from projections.progress import wait_for
from projections.reader import connect_for_projections
from projections.rebuild import CannotRebuild, RebuildRunning, rebuild
from projections.registry import NAMES
from tests.integration.projections.ledgers import TABLES, ask, project, record, rows, runner
from tests.support.histories import fill
from tests.support.servers import Database

WAIT_S = 20.0


def received(second: int) -> StockReceived:
    return StockReceived(
        location="ams-1", sku="MUG", occurred_at=second, effective_at=second, quantity=1
    )


def test_a_forged_row_is_gone_after_a_rebuild(database: Database) -> None:
    """The tables are what the events say, not what they were."""
    fill(database.owner_url, 3, 200)
    project(database)
    honest = rows(database)
    database.execute("update projections.stock set sellable = sellable + 1")
    database.execute("delete from projections.history where position = 5")
    rebuild(database.service_url, NAMES)

    assert honest == rows(database)


def test_indexes_owners_and_options_are_those_of_the_tables_replaced(database: Database) -> None:
    """A rebuilt table differs in nothing but its storage."""
    query = (
        "select c.relname, c.relowner::regrole::text, c.reloptions,"
        " (select array_agg(pg_get_indexdef(i.indexrelid) order by i.indexrelid::regclass::text)"
        "    from pg_index i"
        "   where i.indrelid = c.oid),"
        " (select array_agg(pg_get_constraintdef(k.oid) order by k.conname) from pg_constraint k"
        "   where k.conrelid = c.oid)"
        " from pg_class c where c.relnamespace = 'projections'::regnamespace"
        " and c.relname = any(%s) order by 1"
    )
    before = database.execute(query, list(TABLES))
    record(database, received(1))
    rebuild(database.service_url, NAMES)

    assert before == database.execute(query, list(TABLES))


def test_one_projection_is_rebuilt_without_the_others(database: Database) -> None:
    """Its generation tells; the others' tables are the ones they were."""
    record(database, received(1))
    rebuild(database.service_url, ["history"])

    assert [(name, int(name == "history")) for name in sorted(NAMES)] == (
        database.execute(
            "select projection, generation from projections.tracking"
            " where projection = any(%s) order by 1",
            list(NAMES),
        )
    )


def test_a_rebuild_says_how_far_it_has_come(database: Database) -> None:
    """From the first event to the swap."""
    head = record(database, received(1), received(2))
    phases: list[str] = []
    last = rebuild(database.service_url, NAMES, lambda step: phases.append(step.phase))

    assert ["events", "indexes", "swap", "done"] == phases
    assert head == last.position


def test_writes_and_the_projector_go_on_through_rebuilds(database: Database) -> None:
    """Nothing is missed and nothing applied twice across the swaps."""
    head = 0
    projector = runner(database, batch=7)
    stop = threading.Event()
    thread = threading.Thread(target=projector.run, args=(stop,))
    thread.start()
    try:
        for number in range(1, 5):
            head = record(database, *(received(number * 100 + one) for one in range(30)))
            rebuild(database.service_url, NAMES)
        head = record(database, received(9_999))
        for name in NAMES:
            ask(database, lambda pool, name=name: wait_for(pool, name, head, WAIT_S))  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()

    assert [(121, 121)] == database.execute("select sellable, version from projections.stock")
    assert [(121, 121)] == database.execute(
        "select count(*), max(sellable) from projections.history"
    )


def test_two_rebuilds_of_one_projection_do_not_meet(database: Database) -> None:
    """The second is refused while the first is under way."""
    with connect_for_projections(database.service_url, "test") as connection:
        connection.execute("select pg_advisory_lock(hashtext('rebuild'), hashtext('stock'))")
        with pytest.raises(RebuildRunning):
            rebuild(database.service_url, ["stock"])


def test_a_hole_in_the_ledger_leaves_the_live_tables_alone(database: Database) -> None:
    """Nothing is built on a ledger that has lost an event."""
    record(database, received(1), received(2))
    project(database)
    before = rows(database)
    database.execute("alter table ledger.events disable trigger all")
    database.execute("delete from ledger.events where position = 1")
    with pytest.raises(CannotRebuild):
        rebuild(database.service_url, NAMES)

    assert before == rows(database)
