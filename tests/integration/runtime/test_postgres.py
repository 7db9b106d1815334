"""The embedded PostgreSQL: whatever happened to it before, a start makes it answer."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from api.runtime.postgres import EmbeddedPostgres, ServerStartError
from api.runtime.processes import is_alive, processes_in, wait_until
from tests.support.servers import REPOSITORY

PATIENCE_S = 60  # An upper bound for a busy machine.


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server in a directory of its own, started and stopped."""
    server = EmbeddedPostgres(tmp_path / "data")
    server.start()
    yield server
    server.stop()


def _write(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("create table kept (sku text)")
        connection.execute("insert into kept values ('MUG')")


def _read(server: EmbeddedPostgres) -> list[tuple[str, ...]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute("select sku from kept").fetchall()


def test_a_killed_server_comes_back_with_every_commit(server: EmbeddedPostgres) -> None:
    """A kill -9 of the postmaster costs open connections, and nothing that was acknowledged."""
    _write(server)
    os.kill(server.pid, signal.SIGKILL)
    server.start()

    assert [("MUG",)] == _read(server)


def test_stopping_leaves_no_process_behind(server: EmbeddedPostgres) -> None:
    """A stopped server's directory is nobody's working directory any more."""
    assert [] != processes_in(server.cluster)
    server.stop()

    assert [] == processes_in(server.cluster)


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A killed owner takes its server along, and the next owner starts where it ended."""
    owner = (
        "import os, pathlib, signal, sys\n"
        "from api.runtime.postgres import EmbeddedPostgres\n"
        "EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    data_dir = tmp_path / "data"
    killed = subprocess.run(
        [sys.executable, "-c", owner, str(data_dir)], cwd=REPOSITORY, check=False
    )
    server = EmbeddedPostgres(data_dir)
    assert -signal.SIGKILL == killed.returncode
    assert wait_until(lambda: processes_in(server.cluster) == [], timeout_s=PATIENCE_S)

    server.start()
    _write(server)
    assert [("MUG",)] == _read(server)
    server.stop()


def test_a_pid_file_that_names_a_stranger_is_void(tmp_path: Path) -> None:
    """After a reboot the old number may be anybody's: even ours."""
    server = EmbeddedPostgres(tmp_path / "data")
    server.start()
    pid_file = server.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: processes_in(server.cluster) == [], timeout_s=PATIENCE_S)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()

    assert is_alive(server.pid)
    server.stop()


def test_a_long_data_directory_still_has_a_socket(tmp_path: Path) -> None:
    """A socket's address holds 107 bytes; a path holds 4,096."""
    server = EmbeddedPostgres(tmp_path / ("long " * 30).strip() / "data")
    server.start()
    _write(server)

    assert [("MUG",)] == _read(server)
    server.stop()


def test_only_its_owner_reaches_the_socket(server: EmbeddedPostgres) -> None:
    """Logging in needs no password, so entering the socket's directory must need an account."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute("select current_setting('unix_socket_directories')").fetchone()
    assert row is not None

    assert 0o700 == Path(row[0]).stat().st_mode & 0o777


def test_every_promise_of_durability_is_on(server: EmbeddedPostgres) -> None:
    """A 2xx means on disk."""
    with psycopg.connect(server.url) as connection:
        names = ["fsync", "synchronous_commit", "full_page_writes"]
        values = [connection.execute(f"show {name}".encode()).fetchone() for name in names]

    assert [("on",)] * 3 == values


def test_the_cache_is_as_large_as_asked_for(tmp_path: Path) -> None:
    """In bytes, of whole pages."""
    server = EmbeddedPostgres(tmp_path / "data", cache_bytes=96 * 1024 * 1024)
    server.start()
    try:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("show shared_buffers").fetchone() == ("96MB",)
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["postgres", "postgres/notes.txt"])
def test_something_else_in_its_place_is_named(tmp_path: Path, name: str) -> None:
    """It is not removed: somebody may want it."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")

    with pytest.raises(ServerStartError, match="postgres is in the way"):
        EmbeddedPostgres(tmp_path).start()
    assert "mine" == path.read_text()
