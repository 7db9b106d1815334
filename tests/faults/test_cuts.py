"""The connection to PostgreSQL breaks at the two worst moments of an append."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from ledger.domain.refusals import InsufficientStock
from ledger.store.journal import Journal
from ledger.submission import Accepted, CommandFailed
from ledger.writer import Writer, refuse
from ledger.writer.deciding import digest
from ledger.writer.lanes import Waiting
from tests.faults.writing import Caller, Head, epoch_of, office, receive, reserve
from tests.support.checker import books_of, check
from tests.support.proxy import Proxy, postgres_proxy
from tests.support.servers import Database


class Wire:
    """A database behind a proxy: `url` leads through it."""

    def __init__(self, database: Database) -> None:
        """Begin to carry."""
        self.database = database
        self.proxy: Proxy
        self.proxy, self.url = postgres_proxy(database.service_url)


@pytest.fixture
def wire(database: Database) -> Iterator[Wire]:
    """This test's own database, reached by a wire that can be cut."""
    wire = Wire(database)
    yield wire
    wire.proxy.stop()


def test_a_cut_between_commit_and_answer_has_one_effect(wire: Wire) -> None:
    """The writer fences, finds the receipt, and answers from it; the caller notices nothing."""
    caller = Caller()
    with office(wire.url, caller):
        before = epoch_of(wire.database.owner_url)
        swallowed = wire.proxy.swallow_answer(to=b'"command_id":"k-1"')
        attempt = caller.send("k-1", receive(10))
        reply = caller.reply_to("k-1", attempt)
        again = caller.ask("k-1", receive(10))

    assert swallowed.is_set()
    assert isinstance(reply, Accepted)
    assert isinstance(again, Accepted)
    assert before + 1 == epoch_of(wire.database.owner_url)
    assert reply.outcome == again.outcome
    assert [] == check(caller.entries, books_of(wire.database.owner_url))


@pytest.mark.parametrize("server_learns", [True, False], ids=["both sides", "client only"])
def test_a_cut_while_the_append_waits_for_the_head_has_one_effect(
    wire: Wire, server_learns: bool
) -> None:
    """Also where the server goes on without its client: the fence stands in line behind it."""
    caller = Caller()
    with office(wire.url, caller):
        head = Head(wire.database.owner_url)
        attempt = caller.send("k-1", receive(10))
        head.await_waiting("append")
        wire.proxy.cut(server_learns=server_learns)
        head.await_waiting("fence")
        head.release()
        reply = caller.reply_to("k-1", attempt)

    assert isinstance(reply, Accepted)
    assert 10 == received(wire)
    assert [] == check(caller.entries, books_of(wire.database.owner_url))


def test_what_a_lost_append_carried_is_decided_again_once(wire: Wire) -> None:
    """A command refused in a batch must not be accepted by a second reading of that batch."""
    caller = Caller()
    with office(wire.url, caller, lease_ms=20_000):
        with ThreadPoolExecutor(1) as second:
            first = Head(wire.database.owner_url)
            caller.send("k-0", receive(1, sku="LAMP"))
            first.await_waiting("append")
            # The writer waits for its append, so that these become one batch.
            sent = [("k-1", reserve("order-1")), ("k-2", receive(5)), ("k-3", reserve("o-3", 9))]
            attempts = [(key, caller.send(key, body)) for key, body in sent]
            behind = second.submit(Head, wire.database.owner_url)
            first.await_waiting("heads for update")
            first.release()
            head = behind.result()
        head.await_waiting("append")
        wire.proxy.cut()
        head.await_waiting("fence")
        head.await_gone("append")  # So it will not happen.
        head.release()
        replies = [caller.reply_to(key, attempt) for key, attempt in attempts]

    assert [InsufficientStock, Accepted, InsufficientStock] == [type(reply) for reply in replies]
    assert {1} == set(caller.delivered.values())
    assert [] == check(caller.entries, books_of(wire.database.owner_url))


def received(wire: Wire) -> int:
    """Units received, by the rows alone."""
    sql = (
        "select coalesce(sum((convert_from(state, 'UTF8')::json->'event'->>'quantity')::int), 0)"
        " from ledger.events where topic = 'stock.received.v1'"
    )
    return int(wire.database.execute(sql)[0][0])


class LookingWriter(Writer):
    """Settles what it does not know by looking receipts up, without ending its epoch first."""

    def _fence(self, waiting: list[Waiting]) -> None:
        assert self._settings.database_url is not None
        keys = {digest(w.submission.principal, w.submission.command_id): w for w in waiting}
        journal = Journal(self._settings.database_url, 5_000)
        found = journal.load(keys).receipts
        journal.close()
        refuse(
            [one for key, one in keys.items() if key not in found],
            CommandFailed("there is no receipt, so nothing was kept"),
        )
        self._lanes.put_back([one for key, one in keys.items() if key in found])
        with psycopg.connect(self._settings.database_url) as connection:
            row: Any = connection.execute("select position, instant from ledger.heads").fetchone()
        self._begin(*row)


def test_control_receipts_read_without_a_fence_tell_a_lie(wire: Wire) -> None:
    """Absent does not mean never while an append may still be under way: the checker finds it."""
    caller = Caller()
    with office(wire.url, caller, make=LookingWriter):
        head = Head(wire.database.owner_url)
        attempt = caller.send("k-1", receive(10))
        head.await_waiting("append")
        wire.proxy.cut(server_learns=False)
        told = caller.reply_to("k-1", attempt)
        head.release()
        caller.ask("k-2", receive(10))  # The caller believes it and reports its goods anew.

    assert isinstance(told, CommandFailed)
    assert 20 == received(wire)
    found = check(caller.entries, books_of(wire.database.owner_url))
    assert [("phantom", "k-1")] == [(finding.kind, finding.where) for finding in found]
