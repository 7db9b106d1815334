"""Every test has a database of its own: a copy of one that was prepared beforehand."""

import psycopg
import pytest

from api.runtime.natsd import EmbeddedNats
from tests.support.servers import Database


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_starts_with_an_empty_migrated_database(database: Database, turn: int) -> None:
    """What one test writes no other test sees."""
    database.execute("update ledger.heads set holder = 'ams-1' where holder = ''")

    assert [("ams-1", 0)] == database.execute("select holder, position from ledger.heads")


def test_the_service_cannot_change_what_happened(database: Database) -> None:
    """The service's role owns neither the ledger nor the right to rewrite it."""
    with psycopg.connect(database.service_url) as connection:
        assert ("ledger_service",) == connection.execute("select current_user").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update ledger.events set topic = 'other'")


def test_a_nats_server_comes_back_on_its_port(nats_server: EmbeddedNats) -> None:
    """Clients find a restarted server where it was."""
    url = nats_server.url
    nats_server.stop()
    nats_server.start()

    assert url == nats_server.url
