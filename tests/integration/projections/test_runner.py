"""The projector: wakes up, survives, and stops only what cannot go on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Cursor

from ledger.domain.events import StockReceived
from projections.batch import Batch
from projections.conflicts.view import ConflictsView
from projections.history.view import HistoryView
from projections.progress import Pool, ProjectionBehind, progress, wait_for
from projections.reader import connect_for_projections
from projections.rebuild import rebuild
from projections.registry import NAMES as PROJECTIONS
from projections.registry import View, live_views
from projections.runner import Runner
from projections.stock.view import StockView
from tests.integration.projections.ledgers import ask, project, record, runner
from tests.support.servers import Database

WAIT_S = 20.0


def received(quantity: int, second: int = 1) -> StockReceived:
    return StockReceived(
        location="ams-1",
        sku="MUG",
        occurred_at=second,
        effective_at=second,
        quantity=quantity,
    )


class Stubborn(StockView):
    """Fails at one position, as a bug would."""

    name = "stock"

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        if any(one.position == self.at for one in batch.recorded):
            raise ValueError("a bug")
        super().apply(cursor, batch)


@contextmanager
def running(projector: Runner) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=projector.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def steps(database: Database, projector: Runner) -> None:
    with connect_for_projections(database.service_url, "test") as connection:
        projector.start(connection)
        while projector.step(connection):
            pass


def places(database: Database) -> dict[str, int]:
    found = ask(database, progress)
    return {one.projection: one.position for one in found if one.projection in NAMES}


NAMES = {"stock", "history", "reservations", "conflicts"}


def test_every_event_reaches_every_projection_without_a_wake_up(database: Database) -> None:
    """The poll finds what no notification announced."""
    with running(runner(database)):
        head = record(database, received(10), received(2, 2))
        for name in sorted(NAMES):
            assert head == ask(database, lambda pool, name=name: wait_for(pool, name, head, WAIT_S))  # type: ignore[misc]

    assert [(12, 2)] == database.execute("select sellable, version from projections.stock")


def test_the_projector_outlives_its_connection(database: Database) -> None:
    """A killed backend costs a reconnect, and nothing is applied twice."""
    kill = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'projector' and datname = current_database()"
    )
    with running(runner(database)):
        for number in range(1, 4):
            head = record(database, received(10, number))
            database.execute(kill)
        ask(database, lambda pool: wait_for(pool, "stock", head, WAIT_S))

    assert [(30, 3)] == database.execute("select sellable, version from projections.stock")


def test_a_projection_that_cannot_go_on_stops_alone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The others share its batches and lose none of them; the row says what happened."""
    record(database, received(1), received(2, 2), received(4, 3))
    views: list[View] = [Stubborn(at=2), HistoryView(), ConflictsView()]
    steps(database, runner(database, views, batch=2))

    assert {"stock": 1, "history": 3, "conflicts": 3, "reservations": 0} == places(database)
    assert [("ValueError: a bug",)] == database.execute(
        "select error from projections.tracking where stopped_at is not null"
    )
    assert "projection stopped" in caplog.text


def test_a_stopped_projection_goes_on_after_a_restart(database: Database) -> None:
    """The next version may know how; until then the error stays where everybody sees it."""
    record(database, received(1), received(2, 2))
    steps(database, runner(database, [Stubborn(at=1), HistoryView()]))
    project(database)

    assert {*places(database).values()} == {2}
    assert [] == database.execute("select 1 from projections.tracking where error is not null")


def test_a_rebuild_sets_a_stopped_projection_going_in_the_same_process(
    database: Database,
) -> None:
    """The projector sees that the tables were replaced."""
    record(database, received(1))
    projector = runner(database, [Stubborn(at=1), HistoryView()])
    with connect_for_projections(database.service_url, "test") as connection:
        projector.start(connection)
        while projector.step(connection):
            pass
        rebuild(database.service_url, ["stock"])
        record(database, received(5, 2))
        while projector.step(connection):
            pass

    assert [(6, 2)] == database.execute("select sellable, version from projections.stock")


def test_an_event_from_the_future_stops_everybody_before_it(database: Database) -> None:
    """Guessing what a newer version meant would corrupt every answer."""
    record(database, received(1))
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "insert into ledger.events select 0, 'stock/x/y', 1, 2, now(), 'stock.teleported.v9',"
            """ '{"meta":{},"event":{"type":"stock.teleported.v9"}}'"""
        )
        connection.execute("update ledger.heads set position = 2")
    project(database)

    assert {1} == {*places(database).values()}
    assert [(4,)] == database.execute(
        "select count(*) from projections.tracking where error like 'UnknownEvent%%'"
        " and projection = any(%s)",
        sorted(NAMES),
    )


def test_two_projectors_apply_nothing_twice(database: Database) -> None:
    """The places are locked with the rows: the slower one sees that the tables have moved."""
    head = record(database, *(received(1, second) for second in range(1, 60)))
    with running(runner(database, batch=3)), running(runner(database, batch=7)):
        ask(database, lambda pool: wait_for(pool, "history", head, WAIT_S))
        ask(database, lambda pool: wait_for(pool, "stock", head, WAIT_S))

    assert [(59,)] == database.execute("select sellable from projections.stock")
    assert [(59,)] == database.execute("select count(*) from projections.history")


def test_waiting_for_a_projection_ends_with_a_clear_no(database: Database) -> None:
    """Never a silent old number."""

    async def impatient(pool: Pool) -> int:
        return await wait_for(pool, "stock", 5, 0.01)

    with pytest.raises(ProjectionBehind) as refused:
        ask(database, impatient)

    assert ("stock", 0, 5) == (
        refused.value.projection,
        refused.value.position,
        refused.value.wanted,
    )


def test_a_caller_who_waits_is_answered_when_the_projection_arrives(database: Database) -> None:
    """Reading your own write takes as long as the projector does."""
    head = record(database, received(1))

    async def wait(pool: Pool) -> int:
        waiting = asyncio.create_task(wait_for(pool, "stock", head, WAIT_S))
        await asyncio.to_thread(project, database)
        return await waiting

    assert head == ask(database, wait)


def test_views_are_named_as_their_tracking_rows() -> None:
    """A projection without a place in `tracking` would never advance."""
    assert {view.name for view in live_views()} == set(PROJECTIONS)
