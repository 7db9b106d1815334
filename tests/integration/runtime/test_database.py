"""What a database must be like before the service runs on it."""

from collections.abc import Iterator

import psycopg
import pytest

from api.runtime.database import DatabaseError, prepare, with_options
from tests.support.servers import Cluster, Database


@pytest.fixture
def guest(postgres_cluster: Cluster) -> Iterator[str]:
    """A role that owns nothing."""
    with psycopg.connect(postgres_cluster.admin_url, autocommit=True) as connection:
        connection.execute("create role guest login")
        yield "guest"
        connection.execute("drop role guest")


def _who(url: str) -> tuple[str, str]:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select current_user, current_setting('client_connection_check_interval')"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_an_owner_steps_down_to_the_role_of_the_service(database: Database) -> None:
    """Whoever may migrate does not serve with that power."""
    prepared = prepare(database.owner_url)

    assert ("ledger_service", "1s") == _who(prepared.service_url)


def test_the_role_of_the_service_may_start_a_migrated_database(database: Database) -> None:
    """Migrating and serving can be different people's work."""
    prepared = prepare(database.service_url)

    assert [] == prepared.applied
    assert ("ledger_service", "1s") == _who(prepared.service_url)


def test_a_guest_on_an_empty_database_is_told_what_to_do(
    postgres_cluster: Cluster, guest: str
) -> None:
    """The message names the command that helps."""
    with pytest.raises(DatabaseError, match="inventory-ledger migrate"):
        prepare(postgres_cluster.url("template1", guest))


def test_a_server_that_forgets_is_refused(database: Database) -> None:
    """Without synchronous_commit an answer would promise what a crash erases."""
    forgetful = with_options(database.owner_url, "-c synchronous_commit=off")

    with pytest.raises(DatabaseError, match="synchronous_commit must be on"):
        prepare(forgetful)
