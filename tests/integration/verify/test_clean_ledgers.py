"""Ledgers that nobody touched raise no alarm."""

from collections.abc import Callable

import psycopg
import pytest

from ledger.domain.events import ConflictOpened
from ledger.settings import load_settings
from projections.audit.log import Behind
from projections.audit.verification import as_dict, verify
from projections.reader import connect_for_projections
from projections.runner import Runner
from tests.support.audited import Audited, project
from tests.support.builders import receive, resolve, sell
from tests.support.histories import Histories, append, fill
from tests.support.servers import Database

MAYBE_EMPTY = {
    *("catalog_skus", "catalog_locations", "catalog_parked"),
    *("fences", "fence_holds", "backorder_limits", "statement_periods"),
    *("reconciliations", "reconciliation_locations", "reconciliation_lines"),
    "channel_log",
}
"""Random histories define no catalog, fence little, close nothing, are compared with nobody
and tell nobody:
those have ledgers of their own."""


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_valid_history_and_its_projections_pass(
    database: Database, grow: Callable[[Database, int], int], seed: int
) -> None:
    """Whatever is decided by the rules and projected from the events is found to be so."""
    head = grow(database, seed)

    report = verify(database.service_url)

    assert ([], head, head) == (report.breaches, report.position, report.events), f"seed {seed}"
    compared = {name for name, rows in report.checked.items() if rows}
    assert set(report.checked) - compared <= MAYBE_EMPTY


def test_what_people_resolved_before_its_cause_ended_passes(database: Database) -> None:
    """Ledger, projection and audit agree that it stays resolved."""
    histories = Histories(1)
    sale = histories.attempt(sell(2))
    assert sale is not None
    name = next(r.event.conflict_id for r in sale.events if isinstance(r.event, ConflictOpened))
    later = [histories.attempt(one) for one in (resolve(name), receive(1), receive(1))]
    with psycopg.connect(database.owner_url) as connection:
        append(connection, [sale, *filter(None, later)])
    project(database.service_url)
    statuses = database.execute("select status, short, short_max from projections.conflicts")

    assert [("resolved", 0, 2)] == statuses
    assert [] == verify(database.service_url).breaches


def test_an_empty_ledger_passes(database: Database) -> None:
    """Before the first event there is nothing to object to."""
    report = verify(database.service_url)

    assert {"ok": True, "position": 0, "events": 0} == {
        key: as_dict(report)[key] for key in ("ok", "position", "events")
    }


def test_an_expired_hold_that_nobody_swept_passes(audited: Audited) -> None:
    """Expiry takes effect at its instant, and the rows as recorded are still right."""
    unswept = audited.database.execute("select count(*) from projections.stock_holds")

    assert unswept[0][0] > 0
    assert [] == audited.breaches()


def test_a_projection_that_does_not_move_is_named(database: Database) -> None:
    """Without a projector the answer is who is behind, not a list of differences."""
    fill(database.owner_url, 5, 20)

    with pytest.raises(Behind, match="projection 'stock' is at position 0"):
        verify(database.service_url, timeout_s=0.2)


def test_a_ledger_that_grows_meanwhile_passes(
    database: Database, grow: Callable[[Database, int], int]
) -> None:
    """Rows that changed after the head was read are compared at the position they reflect."""
    histories = Histories(11)
    items = list(histories.items(300))
    with psycopg.connect(database.owner_url) as connection:
        first = append(connection, items[:100])
        project(database.service_url)

        def more(step: str, done: int, total: int | None) -> None:
            if step in {"stock", "reservations", "history"} and items_left and total is None:
                append(connection, [items_left.pop(0) for _ in range(50)])
                project(database.service_url)

        items_left = items[100:]
        report = verify(database.service_url, progress=more)

    assert [] == report.breaches
    assert report.position > first


def test_a_projection_that_stands_amid_an_item_raises_no_alarm(database: Database) -> None:
    """An audit follows it there; what one command left behind is judged once all of it is in."""
    items = list(Histories(7).items(300))
    with psycopg.connect(database.owner_url) as connection:
        middle = append(connection, items[:200])
    project(database.service_url)
    amid = next(
        recorded.position
        for item in items[200:]
        for recorded in item.events[:-1]
        if recorded.meta.instant == item.events[-1].meta.instant
        and recorded.topic == "stock.reserved.v1"
    )
    runner = Runner(load_settings(database_url=database.service_url, projector_batch_events=1))

    def go_on(_: int) -> None:
        with psycopg.connect(database.owner_url) as connection:
            append(connection, items[200:])
        with connect_for_projections(database.service_url, "test") as connection:
            runner.start(connection)
            while runner.places["stock"].position < amid:
                runner.step(connection)

    report = verify(database.service_url, catch_up=go_on)

    assert middle < amid == report.position
    assert [] == report.breaches
