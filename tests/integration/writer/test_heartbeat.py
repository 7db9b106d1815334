"""A writer that works is in office, however long its work takes; one that is stuck is not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import psycopg
import pytest

from ledger.submission import Accepted, NoWriter
from ledger.writer.heartbeat import Heartbeat
from tests.support.builders import receive
from tests.support.offices import Office, Offices, until

LEASE_MS: Final = 2_000
"""Long enough for a busy machine: half of it passes before a renewal is late."""

LOAD: Final = "ledger.snapshots in access exclusive mode"
APPEND: Final = "ledger.events in share mode"
"""What keeps one step of a batch waiting, and nothing else: reading a stock, or storing events.

The append has changed the head row by then, so a renewal of the lease stands in line behind it.
"""


class Silent(Heartbeat):
    """No heartbeat."""

    def beat(self) -> None:
        """Leave it to the writer's thread."""


@contextmanager
def _locked(offices: Offices, lock: str) -> Iterator[None]:
    with psycopg.connect(offices.database.owner_url) as connection:
        connection.execute(f"lock table {lock}".encode())
        yield
        connection.rollback()


def _waiting(offices: Offices, text: str) -> bool:
    """Whether a session with this text in its statement waits for a lock."""
    found = offices.database.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock' and position(%s in query) > 0",
        text,
    )
    return int(found[0][0]) > 0


def _head(offices: Offices) -> tuple[int, str]:
    """The epoch, and who began it."""
    epoch, holder = offices.database.execute("select epoch, holder from ledger.heads")[0]
    return int(epoch), str(holder)


def _let_a_lease_pass(offices: Offices) -> None:
    """Wait until a lease that began now has run out, and a stand-by has looked a few times."""
    began = offices.database.execute("select clock_timestamp()")[0][0]
    passed = "select clock_timestamp() > %s + %s * interval '1 millisecond'"
    until(lambda: offices.database.execute(passed, began, LEASE_MS * 5 // 4)[0][0])


def _asked(offices: Offices, function: str) -> set[int]:
    """The sessions that have just asked a function of the ledger."""
    rows = offices.database.execute(
        "select pid from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid() and position(%s in query) > 0",
        function,
    )
    return {pid for (pid,) in rows}


# No session can begin while a table is locked that it prepares its statements for. So everybody
# is given the time to be there before.


def _first(offices: Offices, *, stuck_writer_ms: int = 30_000) -> Office:
    """A writer in office, whose heart beats."""
    first = offices.open(holder="first", lease_ms=LEASE_MS, stuck_writer_ms=stuck_writer_ms)
    until(lambda: first.writer._heartbeat.ready)
    return first


def _second(offices: Offices) -> Office:
    """A writer that asks for the office again and again."""
    before = _asked(offices, "ledger.acquire")
    second = offices.open(holder="second", lease_ms=LEASE_MS, wait=False)
    until(lambda: _asked(offices, "ledger.acquire") - before)
    return second


def test_a_long_load_does_not_cost_the_office(offices: Offices) -> None:
    """It takes longer than the lease: the epoch stays, and the command gets its answer."""
    first, second = _first(offices), _second(offices)
    before = _head(offices)
    with _locked(offices, LOAD):
        ticket = first.send(receive(1))
        until(lambda: _waiting(offices, "ledger.snapshots"))
        _let_a_lease_pass(offices)
        assert first.writer.active
    reply = first.desk.reply(ticket)

    assert isinstance(reply, Accepted)
    assert before == _head(offices)
    assert not second.writer.active


def test_control_without_a_heartbeat_a_long_load_costs_the_office(
    offices: Offices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease runs out while the writer reads, and the stand-by takes over."""
    monkeypatch.setattr("ledger.writer.Heartbeat", Silent)
    first, second = offices.open(holder="first", lease_ms=LEASE_MS), _second(offices)
    epoch, _ = _head(offices)
    with _locked(offices, LOAD):
        ticket = first.send(receive(1))
        until(lambda: _waiting(offices, "ledger.snapshots"))
        until(lambda: second.writer.active)
    reply = first.desk.reply(ticket)

    assert isinstance(reply, NoWriter)
    assert (epoch + 1, "second") == _head(offices)


def test_a_slow_append_does_not_cost_the_office(offices: Offices) -> None:
    """It takes longer than a lease; the renewal waits behind it, the stand-by does not."""
    first, second = _first(offices), _second(offices)
    epoch, holder = _head(offices)
    with _locked(offices, APPEND):
        ticket = first.send(receive(1))
        until(lambda: _waiting(offices, "ledger.renew"))
        _let_a_lease_pass(offices)
        assert not _waiting(offices, "ledger.acquire")
    reply = first.desk.reply(ticket)

    assert isinstance(reply, Accepted)
    assert (epoch, holder) == _head(offices)
    assert not second.writer.active


def test_a_writer_that_is_stuck_loses_its_office(offices: Offices) -> None:
    """It has stood still for longer than any work takes: another begins, callers are sent on."""
    first, second = _first(offices, stuck_writer_ms=LEASE_MS), _second(offices)
    epoch, _ = _head(offices)
    with _locked(offices, LOAD):
        ticket = first.send(receive(1))
        until(lambda: second.writer.active)
        assert not first.writer.active
    reply = first.desk.reply(ticket)

    assert isinstance(reply, NoWriter)
    assert (epoch + 1, "second") == _head(offices)
    assert isinstance(second.insist(receive(1)), Accepted)
    assert 1 == offices.events()


def test_a_writer_that_has_resigned_is_not_renewed(offices: Offices) -> None:
    """Stopped in the middle of a beat: that comes first, and then the office is free at once."""
    first = _first(offices)
    with ThreadPoolExecutor(1) as background, _locked(offices, LOAD):
        ticket = first.send(receive(1))
        until(lambda: _waiting(offices, "ledger.snapshots"))
        with offices.head_locked():
            until(lambda: _waiting(offices, "ledger.renew"))
            stopped = background.submit(offices.close, first)
            until(lambda: first.writer._lanes._closed)
    stopped.result()

    assert "ledger-heartbeat" not in {thread.name for thread in threading.enumerate()}
    assert isinstance(first.desk.reply(ticket), Accepted)
    assert [(True,)] == offices.database.execute(
        "select leased_until = '-infinity' from ledger.heads"
    )
    assert isinstance(offices.open(holder="second").ask(receive(1)), Accepted)


def test_a_stand_by_does_not_stand_in_line_behind_an_append(offices: Offices) -> None:
    """Whoever holds the head row is at work: a lease that has run out meanwhile is not taken."""
    acquire = "select * from ledger.acquire(0::smallint, 'second', interval '1 second')"
    with psycopg.connect(offices.database.owner_url) as appending:
        appending.execute("update ledger.heads set leased_until = '-infinity'")
        appending.commit()
        appending.execute("select from ledger.heads for update")
        assert [] == offices.database.execute(acquire)
        appending.rollback()
    assert 1 == len(offices.database.execute(acquire))
