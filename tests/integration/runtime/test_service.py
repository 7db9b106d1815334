"""The whole service as processes: who dies comes back, who is stopped leaves nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest

from api.runtime.datadir import read_runtime
from api.runtime.processes import command_line, is_alive, wait_until
from api.runtime.session import open_session
from ledger.settings import load_settings
from tests.support.servers import REPOSITORY, RunningService

ROLES = ("api", "projector", "notary", "relay", "teller", "auditor")
SERVERS = ("postgres", "nats")
PATIENCE_S = 60  # An upper bound for a busy machine; what is waited for takes a second.


def _ready(service: RunningService) -> bool:
    try:
        return httpx.get(f"{service.url}/health/ready", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _revived(service: RunningService, name: str, killed: int) -> bool:
    pid = service.pids().get(name, killed)
    return pid != killed and is_alive(pid)


def _serve(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.cli.main", "serve", "--data-dir", str(data_dir)]
    return subprocess.run(
        [*command, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_role_and_server_is_listed_with_its_process(running_service: RunningService) -> None:
    """runtime.json is what an operator and a test harness go by."""
    runtime = running_service.runtime()

    assert running_service.url == runtime["http"]
    assert {"supervisor", *ROLES, *SERVERS} == set(runtime["pids"])
    assert all(is_alive(pid) for pid in runtime["pids"].values())
    assert 0o600 == (running_service.data_dir / "runtime.json").stat().st_mode & 0o777
    assert 0o600 == (running_service.data_dir / "admin.key").stat().st_mode & 0o777
    (key,) = running_service.data_dir.glob("checkpoint-*.key")
    assert 0o600 == key.stat().st_mode & 0o777
    assert "PRIVATE" not in key.with_suffix(".vkey").read_text()


@pytest.mark.parametrize("name", [*ROLES, *SERVERS])
def test_what_is_killed_comes_back(running_service: RunningService, name: str) -> None:
    """After kill -9 of any one process: another takes its place and the service is ready again."""
    killed = running_service.pids()[name]
    os.kill(killed, signal.SIGKILL)

    assert wait_until(lambda: _revived(running_service, name, killed), timeout_s=PATIENCE_S)
    assert wait_until(lambda: _ready(running_service), timeout_s=PATIENCE_S)


def test_a_command_uses_the_service_that_runs(running_service: RunningService) -> None:
    """A session on a served directory starts nothing."""
    settings = load_settings({}, data_dir=str(running_service.data_dir))
    with open_session(settings, nats=True) as session:
        assert running_service.url == session.http_url
        assert running_service.runtime()["nats"] == session.nats_url
        assert running_service.runtime()["nats_credentials"] == session.nats_credentials
        with psycopg.connect(session.service_url) as connection:
            assert ("ledger_service",) == connection.execute("select session_user").fetchone()


def test_a_second_service_on_the_same_directory_is_refused(running_service: RunningService) -> None:
    """Two supervisors would fight over one database; the second says so and ends."""
    done = _serve(running_service.data_dir, "--port", "0")

    assert 1 == done.returncode
    assert "another process runs" in done.stderr


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """The HTTP server would share the port silently; the supervisor looks first."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _serve(tmp_path, "--port", str(taken.getsockname()[1]))

    assert 1 == done.returncode
    assert "is in use" in done.stderr


def test_a_clean_stop_leaves_nothing_running(
    service_factory: Callable[..., RunningService],
) -> None:
    """SIGTERM drains, ends every process and removes runtime.json."""
    service = service_factory()
    pids = service.pids()

    assert 0 == service.stop()
    assert [] == [name for name, pid in pids.items() if is_alive(pid)]
    assert read_runtime(service.data_dir) is None


def test_a_killed_supervisor_takes_all_along_and_the_next_start_works(
    service_factory: Callable[..., RunningService],
) -> None:
    """Nothing outlives its parent, and nothing the dead left behind stops the next one."""
    service = service_factory()
    pids = service.pids()
    key = service.key
    service.kill()
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids.values()), timeout_s=PATIENCE_S)

    again = service_factory(data_dir=service.data_dir)
    assert _ready(again)
    assert key == again.key


def test_a_killed_supervisor_may_be_replaced_at_once(
    service_factory: Callable[..., RunningService],
) -> None:
    """The next start waits for what is still ending, servers and roles alike."""
    service = service_factory()
    service.kill()
    again = service_factory(data_dir=service.data_dir)

    assert _ready(again)


def test_several_api_processes_answer_on_consecutive_ports(
    service_factory: Callable[..., RunningService],
) -> None:
    """Each is a process of its own, and all are ready before the URL is printed."""
    service = service_factory("--api-processes", "2", "--roles", "api")
    port = int(service.url.rpartition(":")[2])

    assert {"api", "api-2"} <= set(service.pids())
    assert 200 == httpx.get(f"http://127.0.0.1:{port + 1}/health/ready").status_code


def test_a_role_drops_the_power_of_the_owner(running_service: RunningService) -> None:
    """The database address of a role's environment is the service's own."""
    environment = Path(f"/proc/{running_service.pids()['api']}/environ").read_bytes()

    assert b"DATABASE_URL=postgresql://ledger_service@" in environment
    assert "api" in command_line(running_service.pids()["api"])


def test_a_session_without_a_service_starts_and_stops_its_own_servers(tmp_path: Path) -> None:
    """A command on a quiet directory finds a migrated database and leaves the directory quiet."""
    settings = load_settings({}, data_dir=str(tmp_path / "quiet"))
    with open_session(settings) as session:
        with psycopg.connect(session.service_url) as connection:
            head = connection.execute("select position from ledger.heads").fetchone()

    assert (0,) == head
    assert session.http_url is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(session.owner_url)
