"""Asking the ledger while something else is done."""

from collections.abc import Iterator

import psycopg
import pytest

from ledger.store.journal import Journal, StorageError
from ledger.writer.receipts import digest
from tests.support.builders import receive
from tests.support.offices import Office, Offices, until

_MANY = 200_000  # Keys: a question longer than any socket takes at once.

_END = """
select pg_terminate_backend(pid) from pg_stat_activity
 where datname = current_database() and wait_event_type = 'Lock'
"""


@pytest.fixture
def journal(offices: Offices) -> Iterator[Journal]:
    """A connection of its own."""
    journal = Journal(offices.database.service_url, 10_000)
    yield journal
    journal.close()


def test_the_answer_does_not_depend_on_what_is_done_meanwhile(
    office: Office, journal: Journal
) -> None:
    """It is done once; a question of any length is sent to its end."""
    office.accepted(receive(1), key="here", principal="till")
    done: list[str] = []
    keys = [digest("till", "here"), *(digest("till", f"{n}") for n in range(_MANY))]
    beside = journal.load(keys, meanwhile=lambda: done.append("once"))

    assert journal.load(keys) == beside
    assert [keys[0]] == list(beside.receipts)
    assert ["once"] == done


def test_what_breaks_meanwhile_leaves_a_connection_that_answers(
    office: Office, journal: Journal
) -> None:
    """The mistake is said; the answer that was under way belongs to nobody's next question."""
    office.accepted(receive(1), key="here", principal="till")
    key = digest("till", "here")

    with pytest.raises(ZeroDivisionError):
        journal.load([key], meanwhile=lambda: 1 // 0)
    assert not journal.load([digest("till", "elsewhere")]).receipts
    assert [key] == list(journal.load([key]).receipts)


def test_a_connection_that_ends_meanwhile_is_an_answer_that_did_not_come(
    offices: Offices, journal: Journal
) -> None:
    """It is said like any other loss of the database; the next question connects again."""
    key = digest("till", "here")
    journal.load([key])

    def end() -> None:
        until(offices.waiting_for_lock)
        offices.database.execute(_END)

    with psycopg.connect(offices.database.owner_url) as blocker:
        blocker.execute("lock table ledger.receipts in access exclusive mode")
        with pytest.raises(StorageError):
            journal.load([key], meanwhile=end)
        blocker.rollback()
    assert not journal.load([key]).receipts
