"""What is revoked stays so, on a server whose files or keys come and go."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.errors import Error as NatsError

from api.runtime.natsd import EmbeddedNats
from subscribers.access.standing import Standing
from tests.support.broker import Broker, connected


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedNats]:
    """A guarded server."""
    server = EmbeddedNats(tmp_path / "bus")
    server.start()
    yield server
    server.stop()


async def gets_in(server: EmbeddedNats, login: dict[str, Any]) -> bool:
    """Whether somebody can log in."""
    try:
        async with connected(server.url, **login) as (client, _):
            return bool(client.is_connected)
    except NatsError:
        return False


async def test_a_ledger_that_was_set_back_lets_nobody_in_again(server: EmbeddedNats) -> None:
    """It knows less than the server does: what the server knows as revoked stays so."""
    broker = Broker(server)
    await broker.ready()
    lost, kept = await broker.issue("web", "lost"), await broker.issue("web", "kept")
    await broker.revoke("web", "lost")
    broker.standing = Standing()
    await broker.put("web")

    assert (False, True) == (await gets_in(server, lost), await gets_in(server, kept))


async def test_accounts_of_a_lost_operator_are_signed_again(
    server: EmbeddedNats, tmp_path: Path
) -> None:
    """Users keep their credentials: they are those of the channel's account, not the operator's."""
    broker = Broker(server)
    await broker.ready()
    kept = await broker.issue("web")
    await asyncio.to_thread(server.stop)
    (tmp_path / "bus" / "nats-keys" / "operator.nk").unlink()
    server.start()
    assert not await gets_in(server, kept)
    again = Broker(server)
    again.standing = broker.standing
    await again.put("web")

    assert await gets_in(server, kept)


async def test_everybody_is_cut_off_by_another_key(server: EmbeddedNats, tmp_path: Path) -> None:
    """Without the key of channels and the accounts made with it, no old credentials are good."""
    broker = Broker(server)
    await broker.ready()
    old = await broker.issue("web", "old")
    await asyncio.to_thread(server.stop)
    (tmp_path / "bus" / "nats-keys" / "channels.nk").unlink()
    shutil.rmtree(tmp_path / "bus" / "nats-accounts")
    server.start()
    again = Broker(server)
    new = await again.issue("web", "new")

    assert (False, True) == (await gets_in(server, old), await gets_in(server, new))
