"""Reads the ledger by position ranges: once, in binary, decoded once for every projection."""

import gc
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from psycopg import Connection, Cursor, connect

from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from projections.wire import InstantLoader, register

_READ: Final = b"""
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0 and position > %b and position <= %b order by position
"""

# Every statement of a projection goes by keys it knows. Fresh tables have no statistics yet, and
# without them the planner would now and then read a whole one for a batch of a few rows. Therefore
# also the `offset 0` in those statements, behind which no constant is seen that every row shares.
_SESSION: Final = """
set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;
set synchronous_commit = on; set client_connection_check_interval = '2s'
"""


GC_THRESHOLD: Final = 200_000
"""A batch is some hundred thousand objects that live for milliseconds and hold no cycles: at the
default the collector would walk them over and over, for a fifth of the projector's time."""


def collect_rarely() -> None:
    """Let the collector run once a few batches. For processes that project, at their start."""
    gc.set_threshold(GC_THRESHOLD, 20, 20)


class Reading(NamedTuple):
    """What could be read, and what stood in the way of the rest, if anything did."""

    events: list[Recorded]
    broken: Exception | None
    broken_at: int


def connect_for_projections(url: str, application_name: str) -> Connection[Any]:
    """A connection that reads events fast and sends packed columns."""
    connection: Connection[Any] = connect(url, autocommit=True, application_name=application_name)
    # Not as connection options: those would replace the ones in the URL, the role among them.
    connection.execute(_SESSION)
    register(connection)
    return connection


def reading_cursor(connection: Connection[Any]) -> Cursor[Any]:
    """A cursor that returns timestamps as instants."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_loader("timestamptz", InstantLoader)
    return cursor


def read(cursor: Cursor[Any], mapper: Mapper, after: int, until: int) -> Reading:
    """The events after one position up to another, as far as this version understands them."""
    cursor.execute(_READ, (after, until))
    return decode(mapper, cursor.fetchall(), after, until)


def decode(mapper: Mapper, rows: Iterable[tuple[Any, ...]], after: int, until: int) -> Reading:
    """Rows to events. Stops, without raising, at the first that is missing or cannot be read."""
    events: list[Recorded] = []
    recorded = mapper.recorded
    expected = after
    try:
        for row in rows:
            expected += 1
            assert row[0] == expected, f"position {expected} is missing from the ledger"
            events.append(recorded(*row))
        assert expected == until, f"position {expected + 1} is missing from the ledger"
    except Exception as error:  # noqa: BLE001 - whatever it is, projections stop here and say so
        return Reading(events, error, after + len(events) + 1)
    return Reading(events, None, 0)
