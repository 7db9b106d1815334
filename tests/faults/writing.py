"""Callers of a writer in this process, and their journal; an office for one term at a time."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any, Final, TypeAlias

import msgspec
import psycopg

from ledger.clock import Clock, monotonic
from ledger.domain.commands import (
    AnyCommand,
    ConfirmReservation,
    FulfilReservation,
    PlaceReservation,
    RecordMovements,
)
from ledger.domain.laws import Breach
from ledger.domain.refusals import Refusal
from ledger.settings import Settings
from ledger.submission import Accepted, CommandPort, Reply, Submission, Unavailable
from ledger.writer import Writer
from projections.audit.checker import Checker
from projections.audit.log import Reading, pages
from projections.audit.row import Chain
from tests.faults.driving import PATIENCE_S, eventually
from tests.support.driver import Answered, Entry, Sent

DEADLINE_S: Final = 60.0
WAITS_FOR_A_LOCK: Final = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and wait_event_type = 'Lock' and query like '%%ledger.' || %s || '%%'"
)

MakeWriter: TypeAlias = Callable[..., Writer]

_commands: Final = msgspec.json.Decoder(
    RecordMovements | PlaceReservation | ConfirmReservation | FulfilReservation
)


def facts(*movements: dict[str, Any]) -> dict[str, Any]:
    """A report of movements, as HTTP words it."""
    return {"type": "record_movements", "movements": [_of_ams(m) for m in movements]}


def receive(quantity: int, sku: str = "MUG") -> dict[str, Any]:
    """Goods for ams-1."""
    return facts({"type": "receive", "sku": sku, "quantity": quantity})


def reserve(reservation_id: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A promise of mugs at ams-1, hard if nothing else is said."""
    line = _of_ams({"sku": "MUG", "quantity": quantity})
    promise = {"reservation_id": reservation_id, "kind": "hard", "lines": [line], **more}
    return {"type": "place_reservation", **promise}


def command_of(body: dict[str, Any]) -> AnyCommand:
    """The command that a body words."""
    command: AnyCommand = _commands.decode(msgspec.json.encode(body))
    return command


def submission_of(key: str, body: dict[str, Any]) -> Submission:
    """A command on its way to a writer, from the driver's principal."""
    return Submission(
        command=command_of(body),
        principal="admin",
        command_id=key,
        source="http",
        correlation_id=f"correlation-{key}",
        deadline=monotonic() + DEADLINE_S,
    )


def answer_of(key: str, attempt: int, reply: Reply) -> Answered:
    """How a reply reads in a journal."""
    if isinstance(reply, Accepted):
        body = msgspec.to_builtins(reply.outcome)
        return Answered(key, attempt, 201, body, reply.replayed)
    match reply:
        case Refusal():
            status = 409
        case Unavailable():
            status = 503
        case _:
            status = 500
    return Answered(key, attempt, status, {"detail": str(reply)})


class Caller:
    """Asks a writer, and keeps the journal that the checker reads."""

    def __init__(self, port: CommandPort | None = None) -> None:
        """Ask a writer; another one can take its place."""
        self.port = port
        self.entries: list[Entry] = []
        self.replies: dict[tuple[str, int], Reply] = {}
        self.delivered: Counter[tuple[str, int]] = Counter()
        self._bodies: dict[str, dict[str, Any]] = {}
        self._attempts = itertools.count()
        self._news = Condition()

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Take replies, as a sink does."""
        with self._news:
            for ticket, reply in replies:
                assert isinstance(ticket, tuple)
                key, attempt = ticket
                self.replies[key, attempt] = reply
                self.delivered[key, attempt] += 1
                self.entries.append(answer_of(key, attempt, reply))
            self._news.notify_all()

    def send(self, key: str, body: dict[str, Any]) -> int:
        """Ask without waiting; the number of the attempt. Raises NoWriter or Overloaded."""
        assert self.port is not None
        attempt = next(self._attempts)
        path = "/v1/movements" if "movements" in body else "/v1/reservations"
        if body["type"] not in {"record_movements", "place_reservation"}:
            path = f"/v1/reservations/{body['type']}"
        with self._news:
            self.entries.append(Sent(key, attempt, path, body))
        try:
            self.port.submit(submission_of(key, body), self, (key, attempt))
        except Unavailable as error:
            self.deliver([((key, attempt), error)])
        return attempt

    def reply_to(self, key: str, attempt: int) -> Reply:
        """Wait for what an attempt came to."""
        with self._news:
            assert self._news.wait_for(lambda: (key, attempt) in self.replies, PATIENCE_S)
            return self.replies[key, attempt]

    def ask(self, key: str, body: dict[str, Any]) -> Reply:
        """Ask until there is a definite answer."""
        found: list[Reply] = []

        def answered() -> bool:
            reply = self.reply_to(key, self.send(key, body))
            found.append(reply)
            return not isinstance(reply, Unavailable)

        eventually(answered, f"a definite answer to {key}")
        return found[-1]


@contextmanager
def office(
    url: str, caller: Caller, *, clock: Clock | None = None, make: MakeWriter = Writer, **more: Any
) -> Iterator[Writer]:
    """A writer in office, whom the caller asks; resigned and stopped afterwards."""
    settings = Settings(database_url=url, **more)
    writer = make(settings, holder=f"test:{id(caller)}:0", clock=clock)
    writer.start()
    caller.port = writer
    try:
        eventually(lambda: writer.active and not _refuses(writer), "a writer in office")
        yield writer
    finally:
        writer.stop()


def _refuses(writer: Writer) -> bool:
    return writer._lanes._closed


class Head:
    """A session that holds the ledger's head row, so that appends have to wait."""

    def __init__(self, owner_url: str) -> None:
        """Take the row at once."""
        self._url = owner_url
        self._connection = psycopg.connect(owner_url)
        self._connection.execute("select 1 from ledger.heads for update")

    def release(self) -> None:
        """Let the next one have it."""
        self._connection.close()

    def await_waiting(self, function: str) -> None:
        """Wait until a session waits in a function of the ledger."""
        eventually(lambda: self._waiting(function) > 0, f"a session that waits in {function}")

    def keeps_an_append_waiting(self) -> bool:
        """Wait until the writer wants the row; whether for an append and not for its lease."""
        wants = ("append", "renew", "fence", "acquire")
        eventually(lambda: any(map(self._waiting, wants)), "a session that waits for the head")
        return self._waiting("append") > 0

    def await_gone(self, function: str) -> None:
        """Wait until nobody does any more: the server has noticed that its clients are gone."""
        eventually(lambda: self._waiting(function) == 0, f"no session in {function}")

    def _waiting(self, function: str) -> int:
        with psycopg.connect(self._url) as connection:
            row = connection.execute(WAITS_FOR_A_LOCK, (function,)).fetchone()
        assert row is not None
        return int(row[0])


def epoch_of(url: str) -> int:
    """The present epoch."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select epoch from ledger.heads").fetchone()
    assert row is not None
    return int(row[0])


def breaches(url: str) -> list[Breach]:
    """What the auditor finds in the log alone."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select position from ledger.heads").fetchone()
    assert row is not None
    checker = Checker()
    for page in pages(Reading(url), Chain(), row[0]):
        checker.take_all(page.rows)
    checker.close()
    return checker.breaches


def _of_ams(line: dict[str, Any]) -> dict[str, Any]:
    return {"location": "ams-1", **line}
