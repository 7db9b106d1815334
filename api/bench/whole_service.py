"""A whole service of a benchmark's own: servers, every role, and a key to come in."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import psycopg

from api.bench.recount import Row
from api.runtime.datadir import read_runtime
from api.runtime.processes import wait_until

_KEY: Final = "bench-key-0123456789abcdef"
_START_S: Final = 100.0
_REST_S: Final = 120.0
_SERVERS: Final = ("DATABASE_URL", "NATS_URL", "NATS_CREDENTIALS", "NATS_KEYS")
_ROWS: Final = b"""
select position, topic, state, (extract(epoch from recorded_at) * 1000000)::bigint
  from ledger.events where shard = 0 order by position
"""
_AT_REST: Final = b"""
select p.position = h.position and not exists (select from telling.channels where sweeping)
       and (select count(*) from telling.channels) = (select count(*) from projections.channels)
  from telling.place p join ledger.heads h on h.shard = p.shard where p.shard = 0
"""


class Service:
    """What runs, and how to ask it."""

    def __init__(self, runtime: dict[str, Any]) -> None:
        """As its data directory describes it."""
        url = urlsplit(runtime["http"])
        assert url.hostname is not None
        assert url.port is not None
        self.host, self.port, self.key = url.hostname, url.port, _KEY
        self.database: str = runtime["database"]
        self.nats_url: str = runtime["nats"]
        self.nats_credentials: str = runtime["nats_credentials"]
        self.pids: dict[str, int] = dict(runtime["pids"])
        self._asked = 0

    def send(self, method: str, path: str, document: Any) -> dict[str, Any]:
        """A request that has to succeed."""
        self._asked += 1
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"bench-{os.getpid()}-{self._asked}",
        }
        connection.request(method, path, msgspec.json.encode(document), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status in {200, 201}, f"{method} {path}: {answer.status} {body[:500]!r}"
        found: dict[str, Any] = msgspec.json.decode(body)
        return found

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What its database says."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def events(self) -> list[Row]:
        """The whole ledger."""
        with psycopg.connect(self.database) as connection:
            return [Row(*row) for row in connection.execute(_ROWS)]

    def at_rest(self) -> None:
        """Wait until the teller has looked at everything."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            assert wait_until(
                lambda: connection.execute(_AT_REST).fetchone() == (True,), timeout_s=_REST_S
            ), "the teller does not get there"

    def memory_mib(self, name: str) -> int:
        """What a process of it has in memory."""
        return memory_mib(self.pids[name])


def memory_mib(pid: int) -> int:
    """What a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


@contextmanager
def running(scratch: Path, **environment: str) -> Iterator[Service]:
    """A service from nothing to its end."""
    scratch.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "api.cli.main", "serve", "--data-dir", str(scratch)]
    environ = {name: value for name, value in os.environ.items() if name not in _SERVERS}
    with (scratch / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", "0"],
            env={**environ, "LEDGER_ADMIN_KEY": _KEY, **environment},
            stdout=log,
            stderr=log,
        )
    try:
        assert wait_until(lambda: _ready(scratch, process), timeout_s=_START_S), "it did not start"
        runtime = read_runtime(scratch)
        assert runtime is not None
        yield Service(runtime)
    finally:
        process.terminate()
        process.wait()


def _ready(scratch: Path, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise RuntimeError((scratch / "serve.log").read_text()[-2_000:])
    return read_runtime(scratch) is not None
