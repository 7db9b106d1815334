"""Our event tables behind the library's recorder interface.

For what the library is good at: saving a few events under optimistic concurrency, reading
streams, following the log. The writer uses the same `ledger.append` through its own connection
(`ledger.store.journal`), with an epoch, an expected head and receipts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    DataError,
    IntegrityError,
    Notification,
    OperationalError,
    PersistenceError,
    StoredEvent,
    Subscription,
)
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from ledger.store.statements import statements
from ledger.store.wire import ByteaArray, Int8Array, TextArray, register

_SQL = statements("ledger.store", "recorder.sql")
_ALL = 9_223_372_036_854_775_807


class LedgerRecorder(ApplicationRecorder):
    """Records and reads stored events; never updates, never deletes, never locks the table."""

    def __init__(self, conninfo: str, *, connections_max: int = 4, timeout_s: float = 10.0) -> None:
        """Open up to `connections_max` connections, each waited for at most `timeout_s`."""
        self._pool: ConnectionPool[psycopg.Connection[TupleRow]] = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=connections_max,
            timeout=timeout_s,
            kwargs={"autocommit": True},
            configure=register,
            open=True,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append events in one statement and return their positions.

        Raises `IntegrityError` where a version exists. Nothing is retried here: whether an
        append without an answer happened is for receipts to say, not for a second attempt.
        """
        if not stored_events:
            return []
        streams = TextArray([str(event.originator_id) for event in stored_events])
        versions = Int8Array([event.originator_version for event in stored_events])
        topics = TextArray([event.topic for event in stored_events])
        states = ByteaArray([event.state for event in stored_events])
        with self._cursor() as cursor:
            cursor.execute(_SQL["append"], (streams, versions, topics, states))
            cursor.execute(_SQL["positions"], (streams, versions))
            return [row[0] for row in cursor.fetchall()]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream."""
        wanted = {
            "stream": str(originator_id),
            "gt": gt,
            "lte": lte,
            "direction": -1 if desc else 1,
            "limit": _ALL if limit is None else limit,
        }
        with self._cursor() as cursor:
            return [
                StoredEvent(stream, version, topic, state)
                for stream, version, topic, state in cursor.execute(_SQL["events"], wanted)
            ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events from a position on, in ledger order; complete: positions commit in order."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        wanted = {"after": after, "stop": stop, "topics": list(topics) or None, "limit": limit}
        with self._cursor() as cursor:
            return [
                Notification(stream, version, topic, state, position)
                for position, stream, version, topic, state in cursor.execute(
                    _SQL["notifications"], wanted
                )
            ]

    def max_notification_id(self) -> int | None:
        """The last position, or nothing for an empty ledger."""
        with self._cursor() as cursor:
            row = cursor.execute(_SQL["head"]).fetchone()
            return None if row is None else row[0]

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Not offered: `projections.runner` follows the log and outlives lost connections."""
        raise NotImplementedError("follow the ledger with projections.runner instead")

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[TupleRow]]:
        """A cursor whose errors are the library's."""
        try:
            with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
                yield cursor
        except psycopg.IntegrityError as error:
            raise IntegrityError(str(error)) from error
        except psycopg.DataError as error:
            raise DataError(str(error)) from error
        except psycopg.OperationalError as error:
            raise OperationalError(str(error)) from error
        except psycopg.Error as error:
            raise PersistenceError(str(error)) from error
