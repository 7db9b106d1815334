"""The embedded nats-server."""

import asyncio
import json
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import nats
import pytest

from api.runtime.natsd import EmbeddedNats
from api.runtime.processes import is_alive
from ledger.settings import login_with


async def _publish(url: str, **login: Any) -> int:
    connection = await nats.connect(url, **login)
    stream = connection.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    acknowledged = await stream.publish("kept", b"MUG")
    await connection.close()
    return acknowledged.seq


async def test_a_killed_server_comes_back_with_its_streams(nats_server: EmbeddedNats) -> None:
    """JetStream's files outlive the process that wrote them."""
    assert 1 == await _publish(nats_server.url)
    os.kill(nats_server.pid, signal.SIGKILL)
    nats_server.start()

    assert 2 == await _publish(nats_server.url)


def test_a_second_life_ends_the_first(tmp_path: Path) -> None:
    """Two servers never share one store."""
    first, second = EmbeddedNats(tmp_path), EmbeddedNats(tmp_path)
    first.start()
    second.start()

    assert not first.is_running()
    assert is_alive(second.pid)
    second.stop()


async def test_nobody_gets_into_a_guarded_server_without_credentials(tmp_path: Path) -> None:
    """Every account on a machine reaches its loopback; the bus takes commands."""
    server = EmbeddedNats(tmp_path)
    server.start()
    assert 1 == await _publish(server.url, **login_with(server.credentials))

    for login in ({}, {"user": "ledger", "pass": ""}, {"auth_token": "ledger"}, {"jwt": ""}):
        assert "Authorization Violation" in _greet(server.url, login)
    server.stop()


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    """Whoever can read one is the operator, or the service."""
    server = EmbeddedNats(tmp_path)
    server.start()
    server.stop()

    assert server.keys_dir is not None
    kept = [Path(server.keys_dir), *Path(server.keys_dir).iterdir()]
    assert 7 == len(kept)
    assert {0o700, 0o600} == {stat.S_IMODE(path.stat().st_mode) for path in kept}
    assert 0o600 == stat.S_IMODE((tmp_path / "nats.conf").stat().st_mode)


async def test_keys_and_streams_outlive_the_server(tmp_path: Path) -> None:
    """A second start makes nothing anew: credentials that were handed out stay good."""
    server = EmbeddedNats(tmp_path)
    server.start()
    login = login_with(server.credentials)
    await _publish(server.url, **login)
    server.stop()
    again = EmbeddedNats(tmp_path)
    again.start()

    assert 2 == await _publish(again.url, **login)
    again.stop()


async def test_streams_of_an_unguarded_past_are_taken_over(tmp_path: Path) -> None:
    """A service that is updated finds what it told, and who followed it goes on."""
    before = EmbeddedNats(tmp_path, guarded=False)
    before.start()
    await _publish(before.url)
    await asyncio.to_thread(before.stop)
    server = EmbeddedNats(tmp_path)
    server.start()

    assert 2 == await _publish(server.url, **login_with(server.credentials))
    server.stop()


def _greet(url: str, login: dict[str, str]) -> str:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"CONNECT {json.dumps(login)}\r\nPING\r\n".encode())
        with connection.makefile("r") as answers:
            return answers.readline() + answers.readline()


@pytest.mark.parametrize("lost", ["operator.nk", "ledger.nk", "system.nk", "service.creds"])
async def test_a_lost_key_is_made_anew_and_the_streams_are_found(tmp_path: Path, lost: str) -> None:
    """What is in the data directory is the service's, whatever its keys are called by now."""
    server = EmbeddedNats(tmp_path)
    server.start()
    assert server.keys_dir is not None
    await _publish(server.url, **login_with(server.credentials))
    await asyncio.to_thread(server.stop)
    (Path(server.keys_dir) / lost).unlink()
    server.start()

    assert 2 == await _publish(server.url, **login_with(server.credentials))
    server.stop()
