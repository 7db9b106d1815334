"""kill -9 of a bare writer at one chosen moment: its append waits, nobody has committed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec
import pytest

from tests.faults.driving import PATIENCE_S, eventually
from tests.faults.writing import Head, receive
from tests.support.checker import books_of, check
from tests.support.driver import UNKNOWN, Answered, Entry, Sent
from tests.support.servers import REPOSITORY, Database

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answered).decode


class BareWriter:
    """A writer's process at the other end of a line."""

    def __init__(self, url: str, entries: list[Entry], *options: str) -> None:
        """Start it; what is said goes into the journal."""
        self.entries = entries
        self._attempts = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.writer_process", url, *options],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def send(self, key: str, body: dict[str, Any]) -> None:
        """Ask without waiting."""
        assert self._process.stdin is not None
        self._attempts += 1
        sent = Sent(key, 1_000 * self._process.pid + self._attempts, "/v1/movements", body)
        self.entries.append(sent)
        self._process.stdin.write(_encode(sent) + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Answered:
        """The next answer."""
        assert self._process.stdout is not None
        self.entries.append(found := _decode(self._process.stdout.readline()))
        return found

    def ask(self, key: str, body: dict[str, Any]) -> None:
        """Ask until there is a definite answer."""

        def answered() -> bool:
            self.send(key, body)
            return self.answer().status not in UNKNOWN

        eventually(answered, f"a definite answer to {key}")

    def rest(self) -> list[Answered]:
        """What it had said before it died."""
        assert self._process.stdout is not None
        said = [_decode(line) for line in self._process.stdout]
        self.entries += said
        return said

    def kill(self) -> None:
        """-9."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def close(self) -> None:
        """End it with the test."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


Start: TypeAlias = Callable[..., BareWriter]


@pytest.fixture
def start(database: Database) -> Iterator[Start]:
    """Starts bare writers of this test's database, which share one journal."""
    writers: list[BareWriter] = []
    entries: list[Entry] = []

    def start_one(*options: str) -> BareWriter:
        writers.append(BareWriter(database.service_url, entries, *options))
        return writers[-1]

    yield start_one
    for writer in writers:
        writer.close()


def killed_while_its_append_waits(
    start: Start, database: Database, *options: str
) -> tuple[list[Answered], list[Entry]]:
    """What the dead had said, and the journal after another writer was asked the rest."""
    first = start(*options)
    first.ask("k-0", receive(1))
    sql = "select position from ledger.heads"
    eventually(lambda: database.execute(sql) == [(1,)], "the first commit")
    head = Head(database.owner_url)
    first.send("k-1", receive(10))
    head.await_waiting("append")
    first.kill()
    said = first.rest()
    head.await_gone("append")
    head.release()
    second = start()
    second.ask("k-2", receive(1))
    if not said:
        second.ask("k-1", receive(10))
    return said, second.entries


def test_a_writer_killed_before_its_commit_has_answered_nobody(
    database: Database, start: Start
) -> None:
    """No answer means that a retry is safe, and the retry has the one effect."""
    said, entries = killed_while_its_append_waits(start, database)

    assert [] == said
    assert [] == check(entries, books_of(database.owner_url))


def test_control_a_writer_that_answers_before_its_commit_loses_what_it_acknowledged(
    database: Database, start: Start
) -> None:
    """A caller who has an answer does not ask again: the checker finds the loss."""
    said, entries = killed_while_its_append_waits(start, database, "--eager")

    assert [("k-1", 201)] == [(answer.key, answer.status) for answer in said]
    found = check(entries, books_of(database.owner_url))
    assert {("lost", "k-1")} == {(finding.kind, finding.where) for finding in found}
