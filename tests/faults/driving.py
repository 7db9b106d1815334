"""Drivers and services as a test sees them: what was acknowledged, who lives, who is in office."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import httpx
import nats
import nats.errors
import nats.js.errors
import psycopg

from api.runtime.processes import wait_until
from subscribers.messages import EVENTS_STREAM
from tests.support.checker import books_of, check, check_stream
from tests.support.driver import Answered, Entry, Sent, entries_of, read_journal
from tests.support.servers import REPOSITORY, RunningService

PATIENCE_S: Final = 90.0
"""An upper bound for a busy machine; what is waited for takes a second or two."""

FINDINGS_SHOWN_MAX: Final = 10


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Waits for a thing, and says which one never came."""
    assert wait_until(condition, timeout_s=PATIENCE_S), f"never came: {what}"


class Driver:
    """A load driver's process and its journal."""

    def __init__(
        self, path: Path, seed: int, urls: Iterable[str], key: str, channels: Iterable[str] = ()
    ) -> None:
        """Start it; its errors go beside its journal."""
        self.path = path
        self._errors = path.with_suffix(".log")
        self._read = 0
        self._sent: set[tuple[str, int]] = set()
        command = [sys.executable, "-m", "tests.support.driver", str(path), str(seed), *urls]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, "DRIVER_KEY": key, "DRIVER_CHANNELS": " ".join(channels)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self.acknowledged()

    def acknowledged(self) -> None:
        """Waits for the answer to a command that was sent after this was called."""
        self._news()
        self._sent.clear()
        eventually(self._has_answer, f"an answer; the driver says {self._errors.read_text()}")

    def finish(self) -> list[Entry]:
        """Lets it end when every command has its answer; everything it wrote down."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(PATIENCE_S)
        assert code == 0, self._errors.read_text()
        return read_journal(self.path)

    def kill(self) -> None:
        """Ends it, wherever it is."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _has_answer(self) -> bool:
        assert self._process.poll() is None, f"the driver ended: {self._errors.read_text()}"
        for entry in self._news():
            if isinstance(entry, Sent):
                self._sent.add((entry.key, entry.attempt))
            else:
                mine = (entry.key, entry.attempt) in self._sent
                if mine and isinstance(entry, Answered) and entry.status < 300:
                    return True
        return False

    def _news(self) -> list[Entry]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return list(entries_of(whole))


# --- the service --------------------------------------------------------------------------------


def api_urls(service: RunningService, processes: int) -> list[str]:
    """The addresses of its API processes, which take consecutive ports."""
    base, _, port = service.url.rpartition(":")
    return [f"{base}:{int(port) + n}" for n in range(processes)]


def in_office(service: RunningService) -> tuple[int, int]:
    """The epoch, and the process id of its active writer."""
    with psycopg.connect(service.runtime()["database"]) as connection:
        row = connection.execute("select epoch, holder from ledger.heads").fetchone()
    assert row is not None
    return row[0], int(row[1].split(":")[-2])


def stream_tail(service: RunningService) -> int:
    """The last sequence of the stream; 0 while nobody can say."""

    async def look() -> int:
        client = await nats.connect(
            service.runtime()["nats"],
            allow_reconnect=False,
            connect_timeout=1,
            **service.bus_login(),
        )
        try:
            return int((await client.jetstream().stream_info(EVENTS_STREAM)).state.last_seq)
        finally:
            await client.close()

    try:
        return asyncio.run(look())
    except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
        return 0


def projected(service: RunningService) -> int:
    """The place of the slowest projection; 0 while nobody can say."""
    try:
        with psycopg.connect(service.runtime()["database"], connect_timeout=2) as connection:
            row = connection.execute(
                "select min(position) from projections.tracking where projection <> 'proof'"
            ).fetchone()
    except psycopg.OperationalError:
        return 0
    return 0 if row is None else row[0] or 0


def is_ready(service: RunningService) -> bool:
    """Whether the service answers, all of its parts being up again."""
    try:
        answer = httpx.get(f"{service.url}/health/ready", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def assert_clean(service: RunningService, entries: list[Entry]) -> int:
    """Journal, ledger, stream and projections agree, and so does `verify`; the head's position."""
    eventually(lambda: is_ready(service), "a service that is ready after the last fault")
    runtime = service.runtime()
    books = books_of(runtime["database"])
    code, said = verified(service)

    stream = check_stream(runtime["nats"], runtime["database"], **service.bus_login())
    found = [*check(entries, books), *stream]
    assert not found, "\n".join(map(str, found[:FINDINGS_SHOWN_MAX]))
    assert code == 0, said
    return len(books.rows)


def verified(service: RunningService) -> tuple[int, str]:
    """What `verify` ends with, and what it says."""
    command = [sys.executable, "-m", "api.cli.main", "verify", "--data-dir", str(service.data_dir)]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    return done.returncode, done.stdout + done.stderr
