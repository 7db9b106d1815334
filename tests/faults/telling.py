"""Channels of a running service under faults: defined, listened to, and held against the ledger."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import nats
import nats.errors
import nats.js.errors
import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg

from ledger.settings import Settings, to_environ
from projections.availability.log import SQL
from subscribers import messages
from subscribers.messages import EVENTS_STREAM
from subscribers.sdk.client import open_client
from subscribers.sdk.direct import SEQUENCE, direct_get
from subscribers.sdk.inbox import TABLE_SQL
from tests.faults.driving import PATIENCE_S
from tests.support.channel_process import EFFECTS
from tests.support.driver import Answered, Entry, Sent, method_of
from tests.support.http import Api
from tests.support.mixture import SKUS
from tests.support.rule_mixture import LAST_WORD
from tests.support.servers import REPOSITORY, Cluster, Database, RunningService
from tests.support.told_checker import Effect, Row, Subject, Value, check_effects, check_values

CHANNELS: Final = ("web", "shop", "kiosk")
_PAGE: Final = 1_000
_LOG: Final = (
    "select l.told, l.channel, l.sku, l.location, l.ats, s.sequence from telling.channel_log l"
    f" left join lateral ({SQL['sequence_of'].decode()}) s on true order by l.generation, l.told"
)
_LEVELS: Final = (
    *("location", "sku", "sellable", "quarantine", "damaged", "returned", "blocked"),
    *("reserved", "position", "version"),
)
_STOCKS: Final = f"select {', '.join(_LEVELS)} from projections.stock where version > 0"


class Desk:
    """Asks what the test itself asks, and keeps the journal of it."""

    def __init__(self, service: RunningService) -> None:
        self.entries: list[Entry] = []
        self._api = Api.of(service)

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def ask(self, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command that has to be taken."""
        self.entries.append(Sent(key, 0, path, body))
        answer = self._api.http.request(
            method_of(path), path, json=body, headers={"Idempotency-Key": key}
        )
        found: dict[str, Any] = answer.json()
        assert answer.is_success, found
        self.entries.append(Answered(key, 0, answer.status_code, found))
        return found

    def define(self, channel: str, word: str) -> None:
        """Under rules that hide nothing."""
        self.ask(f"{word}-{channel}", f"/v1/channels/{channel}", LAST_WORD)

    def credentials(self, channel: str, directory: Path) -> Path:
        """A file that lets somebody read as a channel."""
        issued = self.ask(f"let-{channel}-in", f"/v1/channels/{channel}/credentials", {})
        path = directory / f"{channel}.creds"
        path.write_text(issued["credentials"])
        return path

    def present(self, channel: str) -> dict[Subject, int]:
        """What a channel may be told now, whole and by location."""
        query = {"channel": channel, "sku": list(SKUS)}
        answer = self._api.http.get("/v1/availability", params=query)
        if answer.is_server_error:
            return {}
        found: dict[Subject, int] = {}
        for item in answer.json()["items"]:
            found[channel, item["sku"], ""] = item["ats"]
            for part in item["by_location"]:
                found[channel, item["sku"], part["location"]] = part["ats"]
        return found


class Listener:
    """A channel's subscriber: a process of its own, and the database that it works on."""

    def __init__(
        self, channel: str, service: RunningService, credentials: Path, database: Database
    ) -> None:
        self.channel = channel
        self._url = service.runtime()["nats"]
        self._database = database
        self._environ = {**os.environ, "CHANNEL_CREDENTIALS": str(credentials)}
        self._log = credentials.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._connection = psycopg.connect(database.owner_url, autocommit=True)
        self._connection.execute(TABLE_SQL.encode())
        self._connection.execute(EFFECTS.encode())

    @property
    def pid(self) -> int:
        """Of the process that listens; ends the test where it has ended by itself."""
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-4_000:]
        return self._process.pid

    def start(self, *, forgetful: bool = False) -> None:
        """Begin, or begin again after a death."""
        command = [sys.executable, "-m", "tests.support.channel_process"]
        more = {"CHANNEL_FORGETFUL": "1"} if forgetful else {}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, self._url, self.channel, self._database.owner_url],
                cwd=REPOSITORY,
                env=self._environ | more,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill -9, wherever it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it, and look no more."""
        self.kill()
        self._connection.close()

    def done(self) -> int:
        """How many effects there were."""
        rows = self._connection.execute("select count(*) from effects").fetchall()
        return int(rows[0][0])

    def effects(self) -> list[Effect]:
        """All of them, in order."""
        columns = ", ".join(Effect._fields)
        sql = f"select {columns} from effects order by place"
        return [Effect(*row) for row in self._connection.execute(sql.encode())]


def empty_database(cluster: Cluster) -> Any:
    """A subscriber's own; nothing of ours is in it."""
    return cluster.database("template1")


# --- the ledger's side ----------------------------------------------------------------------------


def told(service: RunningService) -> int:
    """How many values have been told; 0 while nobody can say."""
    with suppress(psycopg.OperationalError):
        return int(rows(service, "select told from telling.place")[0][0])
    return 0


def attested(service: RunningService) -> int:
    """How far the tree of checkpoints has grown; 0 while nobody can say."""
    sql = "select position from projections.tracking where projection = 'proof'"
    with suppress(psycopg.OperationalError):
        return int(rows(service, sql)[0][0])
    return 0


def log_of(service: RunningService) -> list[Row]:
    """All that channels were told."""
    return [Row(*row) for row in rows(service, _LOG)]


def rows(service: RunningService, sql: str) -> list[tuple[Any, ...]]:
    """A look into the service's database."""
    with psycopg.connect(service.runtime()["database"], connect_timeout=2) as connection:
        return connection.execute(sql.encode()).fetchall()


@contextmanager
def watched_tail(service: RunningService) -> Iterator[Callable[[], int]]:
    """Tells the last sequence of the stream of events over one connection; 0 while nobody can."""

    async def look(client: Client) -> int:
        return int((await client.jetstream(timeout=1).stream_info(EVENTS_STREAM)).state.last_seq)

    def tail() -> int:
        with suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return runner.run(look(client))
        return 0

    with asyncio.Runner() as runner:
        client = runner.run(open_client(service.runtime()["nats"], **service.bus_login()))
        yield tail
        runner.run(client.close())


# --- the stream's side ----------------------------------------------------------------------------


class Copies:
    """What the streams hold, read at once."""

    def __init__(self, service: RunningService) -> None:
        asyncio.run(self._read(service))

    async def _read(self, service: RunningService) -> None:
        client = await nats.connect(service.runtime()["nats"], **service.bus_login())
        try:
            self.values = {
                (state.channel, state.sku, state.location or ""): Value(
                    state.told, state.ats, _sequence(message)
                )
                for message in await _lasts(client, messages.ATS_STREAM, "inventory.ats.>")
                if isinstance(state := messages.decode(message.data).data, messages.AtsState)
            }
            self.stocks = {
                tuple(getattr(state, name) for name in _LEVELS)
                for message in await _lasts(client, messages.STOCK_STREAM, "inventory.stock.>")
                if isinstance(state := messages.decode(message.data).data, messages.StockState)
            }
            conflicts = (await client.jetstream().stream_info(messages.CONFLICTS_STREAM)).state
            self.conflicts = conflicts.messages
        finally:
            await client.close()


def lines_of(service: RunningService) -> list[tuple[int, Subject, int]]:
    """Every message to channels that the stream has kept: number, subject and sequence."""

    async def read() -> list[tuple[int, Subject, int]]:
        client = await nats.connect(service.runtime()["nats"], **service.bus_login())
        try:
            found, more = list[Msg](), True
            while more:
                start = _sequence(found[-1]) + 1 if found else 1
                some, more = await direct_get(client, messages.ATS_STREAM, seq=start, batch=_PAGE)
                found += some
        finally:
            await client.close()
        return [
            (state.told, (state.channel, state.sku, state.location or ""), _sequence(message))
            for message in found
            if isinstance(state := messages.decode(message.data).data, messages.AtsState)
        ]

    return asyncio.run(read())


async def _lasts(client: Client, stream: str, subjects: str) -> list[Msg]:
    found, more = await direct_get(client, stream, multi_last=[subjects], batch=_PAGE)
    assert not more, "more subjects than one answer holds"
    return found


def _sequence(message: Msg) -> int:
    return int((message.headers or {})[SEQUENCE])


def differences(service: RunningService, desk: Desk, listeners: Sequence[Listener]) -> list[str]:
    """Log, streams, subscribers and what is asked for now: all that does not agree."""
    log, copies = log_of(service), Copies(service)
    found = check_values(log, copies.values)
    found += [f"stock {one}" for one in copies.stocks ^ set(rows(service, _STOCKS))]
    conflicts = "select count(*) from ledger.events where topic like 'conflict.%'"
    recorded = rows(service, conflicts)[0][0]
    if recorded != copies.conflicts:
        found.append(f"{recorded} events of conflicts, {copies.conflicts} in their stream")
    for listener in listeners:
        effects = listener.effects()
        channel = listener.channel
        found += check_effects([row for row in log if row.channel == channel], effects)
        done = {effect.subject: effect.ats for effect in effects}
        present = desk.present(channel)
        gone = dict.fromkeys(done.keys() - present.keys(), 0)
        if done != present | gone:
            found.append(f"{channel} has {done}, and may have {present}")
    return found


# --- rivals ---------------------------------------------------------------------------------------


class Rival:
    """Another process that tells, beside the one of the service."""

    def __init__(self, service: RunningService, code: str, **more: Any) -> None:
        runtime = service.runtime()
        settings = Settings(
            database_url=runtime["service_database"],
            nats_url=runtime["nats"],
            nats_credentials=runtime["nats_credentials"],
            **more,
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            env=os.environ | to_environ(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(PATIENCE_S)
