"""Writers in the test's own process, and somebody who asks them and waits for the answer."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from api.runtime.processes import wait_until
from ledger.clock import Clock, monotonic
from ledger.domain.commands import AnyCommand
from ledger.settings import Settings
from ledger.submission import Accepted, Lane, NoWriter, Reply, Submission
from ledger.writer import Writer
from tests.support.builders import receive
from tests.support.servers import Database

PATIENCE_S: Final = 30.0
LONG_LEASE_MS: Final = 60_000
PRINCIPAL: Final = "till-7"

_numbers = itertools.count(1)  # Of commands, whoever is asked: keys are for the life of a ledger.


def until(condition: Callable[[], object]) -> None:
    """Wait for a thing; patience is only the end of hope."""
    assert wait_until(lambda: bool(condition()), timeout_s=PATIENCE_S), "it did not come about"


class Desk:
    """Implements `Sink`: keeps replies until somebody asks for them."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self.deliveries: list[int] = []
        self._replies: dict[object, Reply] = {}
        self._came = threading.Condition()

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Take what the writer's thread brings."""
        with self._came:
            self.deliveries.append(len(replies))
            for ticket, reply in replies:
                assert ticket not in self._replies, "one answer to one command"
                self._replies[ticket] = reply
            self._came.notify_all()

    def reply(self, ticket: object) -> Reply:
        """The reply to a ticket, when it is there."""
        with self._came:
            assert self._came.wait_for(lambda: ticket in self._replies, PATIENCE_S), "no answer"
            return self._replies[ticket]

    def answered(self, ticket: object) -> bool:
        """Whether a reply is there."""
        with self._came:
            return ticket in self._replies


class Office:
    """A writer with a desk before it."""

    def __init__(self, writer: Writer) -> None:
        """Ask this writer."""
        self.writer = writer
        self.desk = Desk()

    def send(
        self,
        command: AnyCommand,
        *,
        key: str | None = None,
        principal: str = PRINCIPAL,
        lane: Lane = "fact",
        deadline: float | None = None,
    ) -> int:
        """Submit a command without waiting; returns its ticket."""
        ticket = next(_numbers)
        name = key or f"key-{ticket}"
        submission = Submission(
            command=command,
            principal=principal,
            command_id=name,
            source="pos",
            correlation_id=f"corr-{name}",
            deadline=monotonic() + PATIENCE_S if deadline is None else deadline,
            lane=lane,
        )
        self.writer.submit(submission, self.desk, ticket)
        return ticket

    def ask(self, command: AnyCommand, **named: Any) -> Reply:
        """Submit a command and wait for its reply."""
        return self.desk.reply(self.send(command, **named))

    def accepted(self, command: AnyCommand, **named: Any) -> Any:
        """The outcome of a command that must be accepted."""
        reply = self.ask(command, **named)
        assert isinstance(reply, Accepted), repr(reply)
        return reply.outcome

    def insist(self, command: AnyCommand, **named: Any) -> Reply:
        """Ask until somebody is in office."""
        reply: Reply = NoWriter("nobody yet")
        while isinstance(reply, NoWriter):
            until(lambda: self.writer.active)
            try:
                reply = self.ask(command, **named)
            except NoWriter as nobody:
                reply = nobody
        return reply


class Offices:
    """Opens writers over one database, and closes them with the test."""

    def __init__(self, database: Database) -> None:
        """Nobody is in office yet."""
        self.database = database
        self._open: list[Office] = []

    def open(
        self,
        *,
        holder: str = "first",
        clock: Clock | None = None,
        wait: bool = True,
        url: str | None = None,
        **settings: Any,
    ) -> Office:
        """Start a writer; by default wait until it is the active one."""
        leased = {"lease_ms": LONG_LEASE_MS, "lease_poll_ms": 20, "stuck_writer_ms": LONG_LEASE_MS}
        known = Settings(database_url=url or self.database.service_url, **leased | settings)
        office = Office(Writer(known, holder=holder, clock=clock))
        office.writer.start()
        self._open.append(office)
        if wait:
            until(lambda: office.writer.active)
        return office

    def close(self, office: Office) -> None:
        """Stop one, as the service does."""
        self._open.remove(office)
        office.writer.stop()

    def close_all(self) -> None:
        """Stop those that are left."""
        for office in [*self._open]:
            self.close(office)

    @contextmanager
    def head_locked(self) -> Iterator[None]:
        """Nothing is appended as long as this lasts."""
        with psycopg.connect(self.database.owner_url) as connection:
            connection.execute("select from ledger.heads for update")
            yield
            connection.rollback()

    def waiting_for_lock(self) -> int:
        """How many sessions wait for a lock."""
        waiting = self.database.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        return int(waiting[0][0])

    @contextmanager
    def busy(self, office: Office) -> Iterator[None]:
        """A command is in the append: what comes now waits for the next batch.

        It may be that the next one to come is decided before the others; never more than that.
        """
        with self.head_locked():
            office.send(receive(1, sku="ARMCHAIR"))
            until(self.waiting_for_lock)
            yield

    def events(self) -> int:
        """How many events the ledger has."""
        return int(self.database.execute("select count(*) from ledger.events")[0][0])

    def receipts(self) -> int:
        """How many receipts the ledger has."""
        return int(self.database.execute("select count(*) from ledger.receipts")[0][0])

    def with_text(self, text: str) -> int:
        """How many events hold a text."""
        found = self.database.execute(
            "select count(*) from ledger.events"
            " where position(convert_to(%s, 'UTF8') in state) > 0",
            text,
        )
        return int(found[0][0])
