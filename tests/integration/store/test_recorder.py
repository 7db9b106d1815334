"""The library's own recorder cases, and ours, against our recorder on real PostgreSQL."""

from collections.abc import Iterator
from secrets import token_hex

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from ledger.domain.events import StockReceived
from ledger.recorded import Meta
from ledger.store.application import DATABASE_URL, Ledger, StreamEvent
from ledger.store.mapper import Mapper, UnknownEvent
from ledger.store.recorder import LedgerRecorder
from tests.support.servers import Database


class _OnOurTables:
    """Gives a case of the library a recorder over a database of its own."""

    database: Database

    @pytest.fixture(autouse=True)
    def _bring(self, database: Database) -> Iterator[None]:
        self.database = database
        self.recorders: list[LedgerRecorder] = []
        yield
        for recorder in self.recorders:
            recorder.close()

    def new_originator_id(self) -> str:
        return f"stock/{token_hex(8)}"

    def create_recorder(self) -> LedgerRecorder:
        recorder = LedgerRecorder(self.database.service_url)
        self.recorders.append(recorder)
        return recorder


class TestLibraryCases(_OnOurTables, ApplicationRecorderTestCase[LedgerRecorder]):
    """What every application recorder of the library must do, ours does."""


class TestNonInterleaving(_OnOurTables, NonInterleavingNotificationIDsBaseCase):
    """Two big inserts at once get their positions one after the other, never mixed."""


def _received(version: int, stream: str = "stock/ams-1/MUG") -> StreamEvent:
    meta = Meta(
        instant=version,
        actor="test",
        source="test",
        reason="receipt",
        correlation_id="c",
        command_id=f"k{version}",
    )
    event = StockReceived(
        occurred_at=version, effective_at=version, sku="MUG", location="ams-1", quantity=version
    )
    return StreamEvent(stream, version, meta, event)


def test_the_application_reads_back_what_it_saved(database: Database) -> None:
    """Our mapper and recorder serve the library's `Application.save` and its event store."""
    with Ledger({DATABASE_URL: database.service_url}) as ledger:
        ledger.save(_received(1), _received(2))

        assert [_received(1), _received(2)] == list(ledger.events_of("stock/ams-1/MUG"))


def test_a_version_that_exists_is_a_conflict_and_leaves_nothing(database: Database) -> None:
    """Optimistic concurrency: the second writer of a version fails with all of its events."""
    with Ledger({DATABASE_URL: database.service_url}) as ledger:
        ledger.save(_received(1))
        with pytest.raises(IntegrityError):
            ledger.save(_received(2), _received(1))

        assert 1 == ledger.recorder.max_notification_id()


def test_an_event_from_a_newer_version_is_refused(database: Database) -> None:
    """Old software never guesses what a new event means."""
    recorder = LedgerRecorder(database.service_url)
    recorder.insert_events([StoredEvent("stock/ams-1/MUG", 1, "stock.levitated.v9", b"{}")])
    recorder.close()
    with Ledger({DATABASE_URL: database.service_url}) as ledger, pytest.raises(UnknownEvent):
        list(ledger.events_of("stock/ams-1/MUG"))


def test_a_retired_tag_is_read_through_its_upcasts() -> None:
    """Steps chain from an old tag to a current one."""
    current = _received(1)
    old = Mapper.encode(current.meta, current.event).replace(
        b'"type":"stock.received.v1","quantity"', b'"type":"stock.arrived.v1","units"'
    )

    def renamed(event: dict[str, object]) -> dict[str, object]:
        return {**event, "type": "stock.received.v1", "quantity": event["units"]}

    mapper = Mapper({"stock.arrived.v1": renamed})

    assert current.event == mapper.body("stock.arrived.v1", old).event


@pytest.mark.parametrize("table", ["events", "receipts"])
@pytest.mark.parametrize(
    "change", ["update ledger.{} set position = 7", "delete from ledger.{}", "truncate ledger.{}"]
)
def test_no_role_changes_what_was_recorded(database: Database, table: str, change: str) -> None:
    """The service lacks the grant; the owner, who has it, meets the trigger."""
    recorder = LedgerRecorder(database.service_url)
    recorder.insert_events([StoredEvent("stock/ams-1/MUG", 1, "stock.received.v1", b"{}")])
    recorder.close()
    database.execute("insert into ledger.receipts values (0, 'k', 'f', 1, 'a')")
    statement = change.format(table).encode()
    with psycopg.connect(database.service_url) as service:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute(statement)
    with psycopg.connect(database.owner_url) as owner:
        with pytest.raises(psycopg.Error, match="immutable") as refused:
            owner.execute(statement)

    assert "IL001" == refused.value.sqlstate


def test_the_service_does_not_own_the_ledger(database: Database) -> None:
    """Who owns a table may drop its triggers; the service does not."""
    owner = database.execute("select tableowner from pg_tables where schemaname = 'ledger'")
    with psycopg.connect(database.service_url) as service:
        row = service.execute("select current_user::text").fetchone()

    assert row is not None
    assert all(row[0] != name for (name,) in owner)
