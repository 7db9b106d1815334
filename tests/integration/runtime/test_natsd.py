"""The embedded nats-server."""

import os
import signal
import socket
from pathlib import Path

import nats

from api.runtime.natsd import EmbeddedNats
from api.runtime.processes import is_alive


async def _publish(url: str) -> int:
    connection = await nats.connect(url)
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


async def test_a_guarded_server_wants_its_password(tmp_path: Path) -> None:
    """Every account on a machine reaches its loopback; the bus takes commands."""
    server = EmbeddedNats(tmp_path, guarded=True)
    server.start()
    assert 1 == await _publish(server.url)

    assert "Authorization Violation" in _greet_without_password(server.url)
    server.stop()


def _greet_without_password(url: str) -> str:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b'CONNECT {"verbose":true}\r\nPING\r\n')
        with connection.makefile("r") as answers:
            return answers.readline() + answers.readline()
