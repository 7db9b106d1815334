"""One reader, many projections: each batch is read and decoded once and committed once.

Each projection has its own place in `tracking`, written in the transaction that writes its rows.
Those that stand at the same place share the transaction. One that cannot apply an event stops
alone, loudly; the others go on.
"""

import logging
import threading
from time import monotonic
from typing import Any, Final

import psycopg
from msgspec import Struct
from psycopg import Connection, Cursor

from ledger.recorded import Recorded
from ledger.settings import Settings
from ledger.store.mapper import Mapper
from projections.batch import Batch
from projections.progress import PROJECTED
from projections.reader import collect_rarely, connect_for_projections, read, reading_cursor
from projections.registry import View, live_views
from projections.wire import texts

BACKOFF_FIRST_S: Final = 0.05
"""PostgreSQL is usually back within moments."""

BACKOFF_LONGEST_S: Final = 2.0
"""Beyond this, waiting longer would only delay catching up."""

CHANNEL: Final = "ledger"
"""Where the writer says that it has committed. A hint: the poll finds everything anyway."""

_PLACES: Final = b"""
select t.projection, t.position, t.generation, h.position
  from projections.tracking t join ledger.heads h on h.shard = t.shard where t.shard = 0
"""
_LOCK: Final = b"""
select projection, position, generation from projections.tracking
 where shard = 0 and projection = any(%b::text[]) order by projection for update
"""
_ADVANCE: Final = b"""
update projections.tracking t set position = %b, stopped_at = null, error = null
 where t.shard = 0 and t.projection = any(%b::text[])
"""
_WATCHED: Final = b"""
select exists (select from ledger.events
                where shard = 0 and stream >= 'channel/' and stream < 'channel0')
"""
_STOPPED: Final = b"""
update projections.tracking set stopped_at = clock_timestamp(), error = %s
 where shard = 0 and projection = %s
"""

logger = logging.getLogger(__name__)


class Place(Struct):
    """Where a projection stands, which rebuild its tables are from, and why it stopped."""

    position: int = 0
    generation: int = -1
    error: str | None = None


class Moved(Exception):
    """The tables were rebuilt, or another projector has written: read the places again."""


class Runner:
    """Brings every projection to the head of the ledger and keeps it there.

    `places` and `head` are for whoever reports lag; only the runner's own thread writes them.
    """

    def __init__(self, settings: Settings, views: list[View] | None = None) -> None:
        """Take the limits; tests bring their own views."""
        assert settings.database_url, "the projector needs a database"
        self._url = settings.database_url
        self._batch_max = settings.projector_batch_events
        self._poll_s = settings.poll_ms / 1_000
        self._round_s = settings.round_ms / 1_000
        self._views = {view.name: view for view in (live_views() if views is None else views)}
        self._mapper = Mapper()
        self._watched = False  # Whether there is any channel; until there is, nobody is woken.
        self.places = {name: Place() for name in self._views}
        self.head = 0

    @property
    def lag(self) -> dict[str, int]:
        """Events each projection has still to apply."""
        return {name: self.head - place.position for name, place in self.places.items()}

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop, through every loss of the database."""
        backoff = BACKOFF_FIRST_S
        while not stop.is_set():
            try:
                with connect_for_projections(self._url, "projector") as connection:
                    self.start(connection)
                    backoff = BACKOFF_FIRST_S
                    self._follow(connection, stop)
            except psycopg.OperationalError as error:
                logger.warning("the projector lost its database", extra={"error": str(error)})
                stop.wait(backoff)
                backoff = min(backoff * 2, BACKOFF_LONGEST_S)

    def start(self, connection: Connection[Any]) -> None:
        """Listen, and trust nothing remembered from another connection.

        Commits wait for no disk: a crash may take back the last batches, their places with them,
        and the ledger, which is on disk, gives the same again.
        """
        connection.execute(f"listen {CHANNEL}; set synchronous_commit = off")
        self._watched = connection.execute(_WATCHED).fetchone() == (True,)
        for name, view in self._views.items():
            view.forget()
            self.places[name].generation = -1

    def _follow(self, connection: Connection[Any], stop: threading.Event) -> None:
        while not stop.is_set():
            began = monotonic()
            if not self.step(connection):
                for _ in connection.notifies(timeout=self._poll_s, stop_after=1):
                    pass
            elif self._keeps_up():
                stop.wait(began + self._round_s - monotonic())

    def _keeps_up(self) -> bool:
        """Whether the last batch was all there was, for those that go on."""
        return all(at.position >= self.head for at in self.places.values() if at.error is None)

    def step(self, connection: Connection[Any]) -> bool:
        """Apply one batch to those furthest behind. False: there was nothing to do."""
        cursor = reading_cursor(connection)
        self._look(cursor)
        going = {name: at.position for name, at in self.places.items() if at.error is None}
        if not going:
            return False
        after = min(going.values())
        if after >= self.head:
            return False
        # Not past the next projection's place: from there they go on together.
        ahead = [at for at in going.values() if at > after]
        until = min([self.head, after + self._batch_max, *ahead])
        views = [self._views[name] for name, at in going.items() if at == after]
        try:
            self._batch(connection, cursor, views, after, until)
        except Moved:
            logger.info("projections moved under the projector; reading their places again")
        return True

    def _look(self, cursor: Cursor[Any]) -> None:
        cursor.execute(_PLACES)
        for name, position, generation, head in cursor:
            self.head = head
            place = self.places.get(name)
            if place is None:
                continue
            if (position, generation) != (place.position, place.generation):
                self._views[name].forget()
                # A rebuild, like a restart of the process, gives a stopped one another chance.
                if generation != place.generation:
                    place.error = None
            place.position, place.generation = position, generation

    def _batch(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        views: list[View],
        after: int,
        until: int,
    ) -> None:
        reading = read(cursor, self._mapper, after, until)
        events = reading.events
        if events and self._failure(connection, cursor, views, events) is not None:
            # Somebody cannot go on. Each goes alone, so that only that one stops.
            views = [view for view in views if self._alone(connection, cursor, view, events)]
        if reading.broken is not None:
            for view in views:
                self._stop(connection, view, reading.broken, reading.broken_at)

    def _failure(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        views: list[View],
        events: list[Recorded],
    ) -> Exception | None:
        """Write one transaction, or say why the events cannot be applied: then nothing is."""
        try:
            self._write(connection, cursor, views, events)
        except (Moved, psycopg.OperationalError):
            _forget(views)
            raise  # Not the events' fault: the places are read again, or the connection is made.
        except Exception as error:  # noqa: BLE001 - a view's mistake must not stop its neighbours
            _forget(views)
            return error
        return None

    def _alone(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        view: View,
        events: list[Recorded],
    ) -> bool:
        """Apply what one projection can: halves, until the event it stops at is alone."""
        error = self._failure(connection, cursor, [view], events)
        if error is None:
            return True
        if len(events) == 1:
            self._stop(connection, view, error, events[0].position)
            return False
        half = len(events) // 2
        return self._alone(connection, cursor, view, events[:half]) and self._alone(
            connection, cursor, view, events[half:]
        )

    def _write(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        views: list[View],
        events: list[Recorded],
    ) -> None:
        batch = Batch(events)
        names = texts([view.name for view in views])
        last = events[-1].position
        with connection.transaction():
            cursor.execute(_LOCK, (names,))
            for name, position, generation in cursor.fetchall():
                place = self.places[name]
                if (position, generation) != (place.position, place.generation):
                    raise Moved
            # Sent in one go: every answer that is waited for is a turn among all who want the
            # processor. What a statement has against its rows is said at the next one that is read.
            with connection.pipeline():
                for view in views:
                    view.apply(cursor, batch)
                cursor.execute(_ADVANCE, (last, names))
        for view in views:
            self.places[view.name].position = last
        self._watched = self._watched or any(one.stream.startswith("channel/") for one in events)
        if self._watched:
            connection.execute(f"notify {PROJECTED}")

    def _stop(
        self, connection: Connection[Any], view: View, error: Exception, position: int
    ) -> None:
        place = self.places[view.name]
        place.error = f"{type(error).__name__}: {error}"
        logger.error(
            "projection stopped: it cannot apply what comes next",
            exc_info=error,
            extra={"projection": view.name, "position": position},
        )
        connection.execute(_STOPPED, (place.error, view.name))


def _forget(views: list[View]) -> None:
    for view in views:
        view.forget()


def run(settings: Settings, stop: threading.Event) -> None:
    """Run the projector until told to stop."""
    collect_rarely()
    Runner(settings).run(stop)
