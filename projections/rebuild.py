"""Builds projections anew, next to the live ones, and swaps them in under full traffic.

The new tables grow in a schema of their own, filled by the same views from the same events, so
that they end row for row as the live ones would be. The swap is one short transaction: it waits
for the projector's batch, applies what is missing, moves the tables and hands over the place.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any, Final, Literal, Self, TypeAlias

import psycopg
from msgspec import Struct
from psycopg import Connection, Cursor, sql

from ledger.store.mapper import Mapper
from projections.batch import Batch
from projections.reader import (
    Reading,
    collect_rarely,
    connect_for_projections,
    read,
    reading_cursor,
)
from projections.registry import View, next_view
from projections.statements import LIVE, NEXT
from projections.wire import texts

CHUNK_EVENTS: Final = 20_000
"""Large enough that a statement's fixed costs vanish, small enough that no snapshot lives long."""

REMEMBERED_MAX: Final = 1_000_000
"""Stocks and holds kept in memory, some 400 MB; beyond it they are read back as needed."""

SWAP_ATTEMPTS_MAX: Final = 60
"""Each waits as long as a lock may; readers that never let go for a minute need a person."""

_LOCK_WAIT: Final = b"set local lock_timeout = '500ms'"  # Below deadlock_timeout: we give way.
_HEAD: Final = b"select position from ledger.heads where shard = 0"
_PLACES: Final = b"""
select projection, position from projections.tracking
 where shard = 0 and projection = any(%b::text[]) order by projection for update
"""
_HAND_OVER: Final = b"""
update projections.tracking
   set position = %b, generation = generation + 1, stopped_at = null, error = null
 where shard = 0 and projection = any(%b::text[])
"""
_INDEXES: Final = """
select i.relname, pg_get_indexdef(i.oid), x.indisprimary
  from pg_index x join pg_class i on i.oid = x.indexrelid
 where x.indrelid = %s::regclass order by x.indisprimary desc, i.relname
"""
_OWNER: Final = "select relowner::regrole::text from pg_class where oid = %s::regclass"
_LOCK: Final = "select pg_try_advisory_lock(hashtext('rebuild'), hashtext(%s))"

Phase: TypeAlias = Literal["events", "indexes", "swap", "done"]


class RebuildRunning(Exception):
    """Another rebuild of the same projection is under way; wait for it to end."""


class CannotRebuild(Exception):
    """The ledger holds an event that cannot be applied; the live tables stay as they are."""


class Step(Struct, frozen=True, kw_only=True):
    """How far a rebuild has come."""

    phase: Phase
    position: int
    head: int
    seconds: float


OnStep: TypeAlias = Callable[[Step], None]


class _Hands:
    """A thread and a connection for reading ahead, and one of each for every view.

    The database works for one view while Python folds for another; nothing needs to be atomic
    before the swap.
    """

    def __init__(self, url: str, views: Sequence[View]) -> None:
        self._stack = ExitStack()
        self._reader = reading_cursor(self._connect(url, "rebuild reader"))
        self._cursors = [
            (view, reading_cursor(self._connect(url, f"rebuild {view.name}"))) for view in views
        ]
        threads = ThreadPoolExecutor(len(views) + 1, thread_name_prefix="rebuild")
        self._threads = self._stack.enter_context(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fetch(self, mapper: Mapper, after: int, until: int) -> Future[Reading]:
        """Read and decode a chunk."""
        return self._threads.submit(read, self._reader, mapper, after, until)

    def apply(self, batch: Batch) -> int:
        """Let every view write a chunk; returns the place after it."""
        # Worked out here, once, before the views ask for it.
        assert batch.effects is not None
        assert batch.moved is not None
        self._all(lambda view, cursor: view.apply(cursor, batch))
        return batch.recorded[-1].position

    def finish(self) -> None:
        """Let every view write what it has held back."""
        self._all(lambda view, cursor: view.finish(cursor))

    def _all(self, work: Callable[[View, Cursor[Any]], None]) -> None:
        def run(view: View, cursor: Cursor[Any]) -> None:
            with cursor.connection.transaction():
                work(view, cursor)

        for done in [self._threads.submit(run, *one) for one in self._cursors]:
            done.result()

    def _connect(self, url: str, name: str) -> Connection[Any]:
        return self._stack.enter_context(connect_for_projections(url, name))


def _batch(reading: Reading) -> Batch:
    if reading.broken is not None:
        raise CannotRebuild(
            f"{CannotRebuild.__doc__} (position {reading.broken_at}: {reading.broken})"
        ) from reading.broken
    return Batch(reading.events)


class Rebuild:
    """One rebuild of one or more projections: every event is read and decoded once for all."""

    def __init__(self, url: str, names: Sequence[str], on_step: OnStep | None = None) -> None:
        """Name the projections; `on_step` hears about progress, on the caller's thread."""
        self._url = url
        self._names = sorted(names)
        self._on_step = on_step or (lambda _: None)
        self._views = [next_view(name) for name in self._names]
        self._mapper = Mapper()
        self._position = 0
        self._indexed = False
        self._started = monotonic()

    def run(self) -> Step:
        """Build, catch up, swap."""
        with (
            connect_for_projections(self._url, "rebuild") as connection,
            _Hands(self._url, self._views) as hands,
        ):
            self._claim(connection)
            cursor = reading_cursor(connection)
            self._create(connection)
            self._fill(connection, cursor, hands)
            self._finish_indexes(connection)
            self._fill(connection, cursor, hands)
            self._swap(connection, cursor)
            return self._say("done", self._position)

    def _claim(self, connection: Connection[Any]) -> None:
        """The lock ends with the connection, so a killed rebuild leaves nothing to clean up."""
        for name in self._names:
            row = connection.execute(_LOCK, (name,)).fetchone()
            if row is None or not row[0]:
                raise RebuildRunning(f"{RebuildRunning.__doc__} ({name})")

    def _create(self, connection: Connection[Any]) -> None:
        for view in self._views:
            for table in view.tables:
                live, new = sql.Identifier(LIVE, table), sql.Identifier(NEXT, table)
                owner = connection.execute(_OWNER, (f"{LIVE}.{table}",)).fetchone()
                assert owner is not None, f"{table} is not in the database"
                with connection.transaction():
                    connection.execute(sql.SQL("drop table if exists {}").format(new))
                    connection.execute(
                        sql.SQL(
                            "create table {} (like {} including defaults including constraints)"
                        ).format(new, live)
                    )
                    connection.execute(
                        sql.SQL("alter table {} owner to {}").format(new, sql.SQL(owner[0]))
                    )
                    _copy_options(connection, table)
                    if table not in view.late_tables:
                        _create_indexes(connection, table, primary=True)

    def _fill(self, connection: Connection[Any], cursor: Cursor[Any], hands: "_Hands") -> None:
        """Apply everything up to the head; the next chunk is read while one is applied."""
        head = self._head(cursor)
        waiting: Future[Reading] | None = None
        while self._position < head:
            until = min(head, self._position + CHUNK_EVENTS)
            reading = (waiting or hands.fetch(self._mapper, self._position, until)).result()
            head = max(head, self._head(cursor))
            following = min(head, until + CHUNK_EVENTS)
            waiting = hands.fetch(self._mapper, until, following) if following > until else None
            self._position = hands.apply(_batch(reading))
            self._say("events", head)
            self._bound_memory(connection)
        hands.finish()

    def _bound_memory(self, connection: Connection[Any]) -> None:
        if self._indexed or sum(view.remembered for view in self._views) < REMEMBERED_MAX:
            return
        self._finish_indexes(connection)  # From now on unknown stocks are looked up.
        for view in self._views:
            if view.late_tables:
                view.forget()

    def _finish_indexes(self, connection: Connection[Any]) -> None:
        """One transaction an index: none lives longer than the largest of them takes."""
        if self._indexed:
            return
        self._say("indexes", self._position)
        connection.execute("set maintenance_work_mem = '256MB'")
        for view in self._views:
            for table in view.tables:
                if table in view.late_tables:
                    _create_indexes(connection, table, primary=True)
                _create_indexes(connection, table, primary=False)
                connection.execute(sql.SQL("analyze {}").format(sql.Identifier(NEXT, table)))
        self._indexed = True

    def _swap(self, connection: Connection[Any], cursor: Cursor[Any]) -> None:
        for attempt in range(1, SWAP_ATTEMPTS_MAX + 1):
            self._say("swap", self._position)
            try:
                with connection.transaction():
                    self._swap_once(cursor)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                if attempt == SWAP_ATTEMPTS_MAX:
                    raise
            else:
                return

    def _swap_once(self, cursor: Cursor[Any]) -> None:
        """Under the lock of the places the projector waits, so nothing moves but us."""
        cursor.execute(_LOCK_WAIT)
        cursor.execute(_PLACES, (texts(self._names),))
        live = max(position for _, position in cursor.fetchall())
        position = self._position
        with _position_restored_on_error(self, position):
            if live > position:
                # An answer never goes back: be where the live tables are before taking over.
                batch = _batch(read(cursor, self._mapper, position, live))
                for view in self._views:
                    view.apply(cursor, batch)
                    view.finish(cursor)
                self._position = live
            tables = [table for view in self._views for table in view.tables]
            names = sql.SQL(", ").join(sql.Identifier(LIVE, table) for table in tables)
            cursor.execute(sql.SQL("lock table {} in access exclusive mode").format(names))
            for table in tables:
                live_name, new = sql.Identifier(LIVE, table), sql.Identifier(NEXT, table)
                cursor.execute(sql.SQL("drop table {}").format(live_name))
                cursor.execute(
                    sql.SQL("alter table {} set schema {}").format(new, sql.Identifier(LIVE))
                )
            cursor.execute(_HAND_OVER, (self._position, texts(self._names)))
            cursor.execute("notify ledger")

    def _head(self, cursor: Cursor[Any]) -> int:
        cursor.execute(_HEAD)
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])

    def _say(self, phase: Phase, head: int) -> Step:
        step = Step(
            phase=phase,
            position=self._position,
            head=head,
            seconds=monotonic() - self._started,
        )
        self._on_step(step)
        return step

    def restore(self, position: int) -> None:
        """Go back to a place after a transaction failed; views forget what it had taught them."""
        if position != self._position:
            self._position = position
            for view in self._views:
                view.forget()


@contextmanager
def _position_restored_on_error(rebuild: Rebuild, position: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        rebuild.restore(position)
        raise


def _copy_options(connection: Connection[Any], table: str) -> None:
    row = connection.execute(
        "select array_to_string(reloptions, ', ') from pg_class where oid = %s::regclass",
        (f"{LIVE}.{table}",),
    ).fetchone()
    if row is not None and row[0]:
        statement = sql.SQL("alter table {} set ({})")
        connection.execute(statement.format(sql.Identifier(NEXT, table), sql.SQL(row[0])))


def _create_indexes(connection: Connection[Any], table: str, *, primary: bool) -> None:
    """The indexes of a live table, on the new one, under the same names."""
    for name, definition, is_primary in connection.execute(
        _INDEXES, (f"{LIVE}.{table}",)
    ).fetchall():
        if is_primary != primary:
            continue
        with connection.transaction():
            connection.execute(definition.replace(f" ON {LIVE}.", f" ON {NEXT}.", 1))
            if is_primary:
                connection.execute(
                    sql.SQL("alter table {} add constraint {} primary key using index {}").format(
                        sql.Identifier(NEXT, table), sql.Identifier(name), sql.Identifier(name)
                    )
                )


def rebuild(url: str, names: Sequence[str], on_step: OnStep | None = None) -> Step:
    """Rebuild projections and swap them in; the last step says how far and how long."""
    collect_rarely()
    return Rebuild(url, names, on_step).run()
