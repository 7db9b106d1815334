"""How the service logs in to a message server: by its URL, or with a file beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.runtime.natsd import EmbeddedNats
from ledger.settings import Settings
from subscribers.audit import differences
from tests.integration.subscribers.conftest import RelayThread
from tests.support.event_log import EventLog
from tests.support.least_privilege import GuardedNats
from tests.support.servers import Database


@pytest.fixture
def with_password(tmp_path: Path, database: Database) -> Iterator[Settings]:
    """Somebody else's server; the URL says who we are."""
    server = GuardedNats(tmp_path / "theirs")
    server.start()
    yield Settings(
        database_url=database.service_url,
        nats_url=server.url(),
        data_dir=str(tmp_path / "data"),
        poll_ms=20,
    )
    server.stop()


@pytest.fixture
def with_credentials(tmp_path: Path, database: Database) -> Iterator[Settings]:
    """A server of accounts; a file says who we are."""
    server = EmbeddedNats(tmp_path / "ours")
    server.start()
    yield Settings(
        database_url=database.service_url,
        nats_url=server.url,
        nats_credentials=server.credentials,
        data_dir=str(tmp_path / "data"),
        poll_ms=20,
    )
    server.stop()


@pytest.mark.parametrize("way", ["with_password", "with_credentials"])
async def test_what_is_told_over_either_is_the_ledger(
    request: pytest.FixtureRequest, event_log: EventLog, way: str
) -> None:
    """Relay and auditor find their way in, and nothing is different behind it."""
    settings: Settings = request.getfixturevalue(way)
    head = event_log.fill(100)
    relay = RelayThread(settings)
    try:
        await relay.told(head)
    finally:
        relay.stop()

    assert settings.nats_url is not None
    assert settings.database_url is not None
    compared = differences(settings.nats_url, settings.database_url, **settings.nats_login)
    assert [] == [found async for found in compared]
