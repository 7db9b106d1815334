"""The writer's connection: append a batch, load what a batch needs, hold the lease.

Every method is one round trip. Errors come in two kinds: `ContentError` where the database
refused the rows themselves, `StorageError` where nobody knows what became of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from struct import pack
from typing import Any, NamedTuple, TypeAlias

import psycopg
from msgspec import Struct
from psycopg import generators
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import wait

from ledger.domain.events import AnyEvent
from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from ledger.store.statements import statements
from ledger.store.wire import ByteaArray, Int8Array, TextArray, register

_SQL = statements("ledger.store", "journal.sql")

# Every query of the writer is a handful of index probes; a plan that scans or hashes is a plan
# made for a table that was empty when it was cached.
_SESSION = """
set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
set plan_cache_mode = force_generic_plan; set idle_session_timeout = 0; set jit = off
"""

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

_PREPARED = ("append", "load")
_BINARY = [1] * 12  # Every parameter of the longest of them; a shorter one uses the first few.
_LOAD_COLUMNS = 7
_LOOK_S = 0.1  # As the driver itself: without it, it would look without a pause.

_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})

_CONTENT_CLASSES = frozenset({"22", "23", "54"})


class StorageError(Exception):
    """The database did not answer, or could not; what it was doing may or may not have happened."""


class ContentError(Exception):
    """The database refused these rows; nothing was written."""


class Receipt(NamedTuple):
    """What an accepted command was answered with, and the fingerprint of its payload."""

    fingerprint: bytes
    position: int
    answer: bytes


class StreamRow(NamedTuple):
    """One event of a stream, or its snapshot, still as bytes."""

    version: int
    position: int
    topic: str
    state: bytes


class Loaded(NamedTuple):
    """What the ledger holds of the commands and streams asked for; absent means never."""

    receipts: dict[bytes, Receipt]
    snapshots: dict[str, StreamRow]
    events: dict[str, list[StreamRow]]


class Batch(Struct, kw_only=True):
    """The rows one append writes: events in ledger order, and receipts."""

    streams: list[str]
    versions: list[int]
    topics: list[str]
    states: list[bytes]
    commands: list[bytes]
    fingerprints: list[bytes]
    positions: list[int]
    answers: list[bytes]

    @classmethod
    def empty(cls) -> "Batch":
        """A batch without rows."""
        return cls(
            streams=[],
            versions=[],
            topics=[],
            states=[],
            commands=[],
            fingerprints=[],
            positions=[],
            answers=[],
        )


class Tenure(NamedTuple):
    """A term of office: its epoch, and where the ledger stood when it began."""

    epoch: int
    head: int
    instant: int


FINGERPRINT_BYTES = 17
"""One byte of hash version, sixteen of hash."""


class Journal:
    """One connection to the ledger's tables, for one thread at a time."""

    def __init__(self, conninfo: str, timeout_ms: int) -> None:
        """Connect at first use; a statement without an answer after `timeout_ms` is given up."""
        self._conninfo = conninfo
        self._timeout_ms = timeout_ms
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._mapper = Mapper()

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def append(
        self, batch: Batch, *, epoch: int, expected: int, instant: int, lease_ms: int
    ) -> bool:
        """Write a batch right after position `expected`. False: the head or the epoch moved."""
        result = self._exec(
            "append",
            (
                pack("!q", epoch),
                pack("!q", expected),
                pack("!q", instant),
                pack("!q", lease_ms),
                TextArray(batch.streams).wire,
                Int8Array(batch.versions).wire,
                TextArray(batch.topics).wire,
                ByteaArray(batch.states).wire,
                ByteaArray(batch.commands).wire,
                ByteaArray(batch.fingerprints).wire,
                Int8Array(batch.positions).wire,
                ByteaArray(batch.answers).wire,
            ),
        )
        return result.get_value(0, 0) is not None

    def load(
        self,
        commands: Iterable[bytes],
        snapshotted: Iterable[str] = (),
        plain: Iterable[str] = (),
        snapshot_topic: str = "",
        meanwhile: Callable[[], object] | None = None,
    ) -> Loaded:
        """Read receipts and streams; `snapshotted` ones from their latest snapshot of a topic.

        `meanwhile` is done while the database looks.
        """
        result = self._exec(
            "load",
            (
                ByteaArray(list(commands)).wire,
                TextArray(list(snapshotted)).wire,
                TextArray(list(plain)).wire,
                snapshot_topic.encode(),
            ),
            meanwhile,
        )
        loaded = Loaded({}, {}, {})
        for index in range(result.ntuples):
            _take(loaded, [result.get_value(index, column) for column in range(_LOAD_COLUMNS)])
        for rows in loaded.events.values():
            rows.sort(key=_version)
        return loaded

    def versions(self, streams: Iterable[str]) -> dict[str, int]:
        """The last version of each stream that exists."""
        rows = self._all("versions", (TextArray(list(streams)),))
        return dict(rows)

    def runs(self, firsts: Iterable[int], limit: int) -> dict[int, list[Recorded]]:
        """The events from some positions on, by where they begin, `limit` of each."""
        found: dict[int, list[Recorded]] = {}
        for first, *row in self._all("runs", (Int8Array(list(firsts)), limit)):
            found.setdefault(first, []).append(self._mapper.recorded(*row))
        return found

    def tails(self, last: Mapping[str, int], limit: int) -> dict[str, list[StreamRow]]:
        """The newest events of streams up to a version of each, newest first, `limit` of each."""
        found: dict[str, list[StreamRow]] = {}
        streams, versions = TextArray(list(last)), Int8Array(list(last.values()))
        for stream, *row in self._all("tails", (streams, versions, limit)):
            found.setdefault(stream, []).append(StreamRow(*row))
        return found

    def anything_defined(self) -> bool:
        """Whether any SKU or location has ever been defined."""
        row = self._one("anything_defined", ())
        return row is not None and bool(row[0])

    def channels(self) -> list[AnyEvent]:
        """How every channel was defined last."""
        return [self._mapper.body(*row).event for row in self._all("channels", ())]

    def rows(self, after: int, last: int) -> list[Recorded]:
        """The events after one position up to another."""
        return [self._mapper.recorded(*row) for row in self._all("rows", (after, last))]

    def acquire(self, holder: str, lease_ms: int) -> Tenure | None:
        """Become the active writer, if nobody is."""
        row = self._one("acquire", (holder, lease_ms))
        return None if row is None else Tenure(*row)

    def renew(self, epoch: int, lease_ms: int) -> int | None:
        """Stay the active writer: the head, or nothing when another has taken over."""
        row = self._one("renew", (epoch, lease_ms))
        return None if row is None else row[0]

    def fence(self, epoch: int, lease_ms: int) -> Tenure | None:
        """Begin a new epoch of one's own: afterwards, what is not written never will be."""
        row = self._one("fence", (epoch, lease_ms))
        return None if row is None else Tenure(*row)

    def resign(self, epoch: int) -> None:
        """Give the lease back."""
        self._one("resign", (epoch,))

    def save_snapshot(self, stream: str, version: int, topic: str, state: bytes) -> None:
        """Keep a stream's state, and drop the older ones."""
        with self._guarded() as cursor:
            cursor.execute(_SQL["save_snapshot"], (stream, version, topic, state))
            cursor.execute(_SQL["drop_snapshots"], (stream, version))

    def notify(self) -> None:
        """Wake everybody who listens for new events."""
        self._answered(lambda connection: connection.exec_(b"notify ledger"))

    def _exec(
        self,
        name: str,
        parameters: Sequence[bytes],
        meanwhile: Callable[[], object] | None = None,
    ) -> PGresult:
        """One prepared statement straight through libpq: the hot path of every batch.

        The driver's own way costs several turns of the interpreter a call; here there is one,
        and other threads run from the moment the request is sent to the moment it is answered.
        """
        formats = _BINARY[: len(parameters)]

        def ask(connection: PGconn) -> PGresult:
            if meanwhile is None:
                return connection.exec_prepared(name.encode(), parameters, formats, 1)
            connection.send_query_prepared(name.encode(), parameters, formats, 1)
            wait(generators.send(connection), connection.socket, _LOOK_S)
            try:
                meanwhile()
            finally:  # Whatever comes of it, the next question needs a connection that is free.
                answers = generators.fetch_many(connection)
                results: list[PGresult] = wait(answers, connection.socket, _LOOK_S)
            return results[-1]

        return self._answered(ask)

    def _answered(self, ask: Callable[[PGconn], PGresult]) -> PGresult:
        """The answer to one question put straight through libpq."""
        if self._connection is None:
            with self._guarded():
                pass
        assert self._connection is not None
        try:
            result = ask(self._connection.pgconn)
        except psycopg.Error as error:
            self.close()
            raise StorageError(str(error).strip()) from error
        if result.status in _GOOD:
            return result
        sqlstate = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        message = result.error_message.decode(errors="replace").strip()
        if sqlstate[:2] in _CONTENT_CLASSES:
            raise ContentError(message)
        self.close()
        raise StorageError(message or "the connection was lost")

    def _one(self, name: str, parameters: Parameters) -> tuple[Any, ...] | None:
        with self._guarded() as cursor:
            return cursor.execute(_SQL[name], parameters, prepare=True).fetchone()

    def _all(self, name: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        with self._guarded() as cursor:
            return cursor.execute(_SQL[name], parameters, prepare=True).fetchall()

    @contextmanager
    def _guarded(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            yield self._connection.cursor(binary=True)
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] in _CONTENT_CLASSES:
                raise ContentError(str(error)) from error
            self.close()
            raise StorageError(str(error).strip() or type(error).__name__) from error

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        timeout_s = max(1, self._timeout_ms // 1_000)
        connection = psycopg.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=timeout_s,
            keepalives_idle=1,
            keepalives_interval=1,
            keepalives_count=3,
            tcp_user_timeout=self._timeout_ms,
            application_name="inventory-ledger writer",
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        register(connection)
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)
            cursor.execute(f"set statement_timeout = {self._timeout_ms}")
        for name in _PREPARED:
            prepared = connection.pgconn.prepare(name.encode(), _SQL[name].encode())
            if prepared.status != ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError(prepared.error_message.decode(errors="replace"))


def _take(loaded: Loaded, row: list[bytes | None]) -> None:
    """Sort one row of `load` in: a receipt, a snapshot or an event, every column in binary."""
    kind, stream, command, version, position, topic, state = row
    assert version is not None
    assert position is not None
    assert topic is not None
    assert state is not None
    if kind == b"receipt":
        assert command is not None
        receipt = Receipt(
            state[:FINGERPRINT_BYTES], int.from_bytes(position), state[FINGERPRINT_BYTES:]
        )
        loaded.receipts[command] = receipt
        return
    assert stream is not None
    found = StreamRow(int.from_bytes(version), int.from_bytes(position), topic.decode(), state)
    if kind == b"snapshot":
        loaded.snapshots[stream.decode()] = found
    else:
        loaded.events.setdefault(stream.decode(), []).append(found)


def _version(row: StreamRow) -> int:
    return row.version
