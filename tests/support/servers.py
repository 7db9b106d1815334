"""Real servers for tests: a database per test, a nats-server per test, a whole service."""

import fcntl
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from api.runtime.database import CHECK_CLIENT, with_options
from api.runtime.postgres import SERVICE_ROLE
from api.runtime.processes import wait_until
from ledger.settings import login_with
from tests.support.guardian import TEMPLATE

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED_SERVER = "pg"
START_TIMEOUT_S = 100.0
STOP_TIMEOUT_S = 60.0

_numbers = itertools.count(1)
_guardians: list[subprocess.Popen[bytes]] = []  # They wait for us, not we for them.


@dataclass(frozen=True)
class Database:
    """A database of one test: migrated, empty, dropped afterwards."""

    name: str
    owner_url: str
    service_url: str

    def execute(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Runs one statement as the owner and returns its rows, if it has any."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Cluster:
    """The session's PostgreSQL server."""

    admin_url: str

    def url(self, database: str, user: str = "postgres") -> str:
        """A libpq URL of one of its databases."""
        return self.admin_url.replace("//postgres@/postgres?", f"//{user}@/{database}?")

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[Database]:
        """A new database, cloned from the template with every migration applied, or from another.

        Nobody may be connected to what is cloned.
        """
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(f"create database {name} template {template}".encode())
            try:
                service = with_options(self.url(name, SERVICE_ROLE), CHECK_CLIENT)
                yield Database(name, self.url(name), service)
            finally:
                connection.execute(f"drop database {name} with (force)".encode())


def session_cluster(shared: Path, controller_pid: int) -> Cluster:
    """The session's server, started by whichever worker asks first."""
    home = shared / SHARED_SERVER
    with (shared / f"{SHARED_SERVER}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            home.mkdir()
            with (home / "guardian.log").open("wb") as log:
                command = [sys.executable, "-m", "tests.support.guardian", str(home)]
                guardian = subprocess.Popen(
                    [*command, str(controller_pid)],
                    cwd=REPOSITORY,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            _guardians.append(guardian)
    ready = home / "ready.json"
    assert wait_until(ready.exists, timeout_s=START_TIMEOUT_S), (home / "guardian.log").read_text()
    report = json.loads(ready.read_text())
    assert "admin" in report, f"no PostgreSQL for the tests: {report}"
    return Cluster(report["admin"])


class RunningService:
    """A real `inventory-ledger serve` process in a data directory of its own.

    `url` is the API's base URL, `key` the admin key, `runtime()` the present runtime.json.
    """

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        program: str = "api.cli.main",
    ) -> None:
        self.data_dir = data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self.log = data_dir / "serve.log"
        command = [sys.executable, "-m", program, "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(data_dir), "--port", "0", *arguments],
                cwd=REPOSITORY,
                env={**os.environ, **(environ or {})},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.url = self._await_url()

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.data_dir / "admin.key").read_text().strip()

    def headers(self, **more: str) -> dict[str, str]:
        """What an authenticated request carries."""
        return {"Authorization": f"Bearer {self.key}", **more}

    def bus_login(self) -> dict[str, Any]:
        """How to log in to its bus, in the words of the client."""
        return login_with(self.runtime()["nats_credentials"])

    def runtime(self) -> dict[str, Any]:
        """runtime.json as it is now."""
        document: dict[str, Any] = json.loads((self.data_dir / "runtime.json").read_text())
        return document

    def pids(self) -> dict[str, int]:
        """Process ids by role and server, as runtime.json has them now."""
        return dict(self.runtime()["pids"])

    def stop(self) -> int:
        """Asks the service to drain and end, and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> int:
        """Kills the supervisor without a warning."""
        self.process.kill()
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(STOP_TIMEOUT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def _await_url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("http://"):
                return line.strip()
        self._ended()
        raise AssertionError(f"serve ended before it was ready:\n{self.log.read_text()[-4_000:]}")
