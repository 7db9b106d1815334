"""One active writer at a time: terms of office, their ends, and what may be written in them."""

import psycopg
import pytest

from ledger.domain.refusals import IllegalState, InsufficientStock, StaleQuantity
from ledger.settings import Settings
from ledger.store.journal import Batch, Journal
from ledger.submission import Accepted, NoWriter
from ledger.writer import Writer
from tests.support.builders import adjust, confirm, receive, reserve, sell, together
from tests.support.histories import Histories, Item, append
from tests.support.manual_clock import ManualClock, moment
from tests.support.offices import Offices, until
from tests.support.servers import Database


def _journal(database: Database) -> Journal:
    return Journal(database.service_url, 10_000)


def _epoch(database: Database) -> int:
    return int(database.execute("select epoch from ledger.heads")[0][0])


def test_a_second_writer_waits_and_takes_over_when_the_first_resigns(offices: Offices) -> None:
    """Stopping gives the lease back: the stand-by need not wait for it to run out."""
    first = offices.open(holder="first")
    second = offices.open(holder="second", wait=False)
    first.accepted(receive(10))
    with pytest.raises(NoWriter):
        second.send(receive(1))
    offices.close(first)

    assert isinstance(second.insist(reserve("order-1", 10)), Accepted)
    assert isinstance(second.ask(reserve("order-2", 1)), InsufficientStock)
    assert [("second",)] == offices.database.execute("select holder from ledger.heads")


def test_a_writer_that_dies_is_followed_when_its_lease_runs_out(offices: Offices) -> None:
    """It never resigned: the epoch after it begins when its time is over, and not before."""
    journal = _journal(offices.database)
    dead = journal.acquire("dead", 400)
    assert dead is not None
    assert journal.acquire("hasty", 400) is None
    office = offices.open(holder="heir")

    assert dead.epoch + 1 == _epoch(offices.database)
    assert isinstance(office.ask(receive(1)), Accepted)
    journal.close()


def test_a_stale_epoch_writes_nothing(offices: Offices) -> None:
    """A writer that was stopped and wakes up late: neither events nor receipts, nor the lease."""
    journal = _journal(offices.database)
    stale = journal.acquire("stale", 1)
    assert stale is not None
    office = offices.open(holder="heir")
    office.accepted(receive(1))
    batch = Batch.empty()
    batch.streams.append("stock/ams-1/MUG")
    batch.versions.append(2)
    batch.topics.append("stock.received.v1")
    batch.states.append(b"{}")
    batch.commands.append(b"c")
    batch.fingerprints.append(b"f")
    batch.positions.append(2)
    batch.answers.append(b"{}")
    kept = journal.append(batch, epoch=stale.epoch, expected=1, instant=1, lease_ms=60_000)

    assert not kept
    assert journal.renew(stale.epoch, 60_000) is None
    assert journal.fence(stale.epoch, 60_000) is None
    assert (1, 1) == (offices.events(), offices.receipts())
    assert isinstance(office.ask(receive(1)), Accepted)
    journal.close()


def test_a_writer_that_is_fenced_answers_nobody_wrongly(offices: Offices) -> None:
    """Another begins an epoch: what the first had decided is neither kept nor answered."""
    office = offices.open(lease_ms=400)
    office.accepted(receive(1))
    journal = _journal(offices.database)
    usurper = journal.fence(_epoch(offices.database), 300)
    assert usurper is not None
    reply = office.ask(receive(1, reference="fenced"))

    assert isinstance(reply, NoWriter)
    assert 0 == offices.with_text("fenced")
    assert isinstance(office.insist(receive(1, reference="again")), Accepted)
    assert 2 == offices.events()
    journal.close()


def test_a_head_moved_by_another_hand_has_everything_read_again(offices: Offices) -> None:
    """Somebody sold eight of ten behind the writer's back: a promise of five is refused."""
    office = offices.open()
    office.accepted(receive(10))
    histories = Histories(1)
    histories.attempt(receive(10))
    foreign = histories.attempt(sell(8))
    assert isinstance(foreign, Item)
    with psycopg.connect(offices.database.owner_url) as connection:
        assert 2 == append(connection, [foreign])

    assert isinstance(office.ask(reserve("order-1", 5)), InsufficientStock)
    assert isinstance(office.ask(reserve("order-1", 2)), Accepted)
    assert 4 == offices.events()


def test_a_writer_renews_its_lease_while_nobody_asks(offices: Offices) -> None:
    """Quiet hours are not the end of a term."""
    office = offices.open(lease_ms=300)
    epoch = _epoch(offices.database)
    before = offices.database.execute("select leased_until from ledger.heads")
    until(lambda: offices.database.execute("select leased_until from ledger.heads") > before)
    until(lambda: offices.database.execute("select clock_timestamp()") > before)

    assert isinstance(office.insist(receive(1)), Accepted)
    assert epoch == _epoch(offices.database)


def test_nobody_decides_before_somebody_is_in_office(database: Database) -> None:
    """A process that has just started forwards, or says that there is no writer."""
    writer = Writer(Settings(database_url=database.service_url), holder="new")
    assert not writer.active
    assert 0 == writer.queued


def test_instants_never_step_back_with_the_writers(offices: Offices) -> None:
    """A later writer's clock is slow: its instants go on from the last one all the same."""
    fast = offices.open(clock=ManualClock(moment(3600)))
    fast.accepted(receive(1))
    fast.ask(reserve("order-1", 99))
    offices.close(fast)
    slow = offices.open(clock=ManualClock(moment(0)), holder="slow")
    slow.accepted(receive(1))
    rows = offices.database.execute(
        "select (convert_from(state, 'UTF8')::jsonb #>> '{meta,instant}')::bigint"
        " from ledger.events order by position"
    )

    assert [(moment(3600),), (moment(3600) + 1,)] == rows


def test_a_refused_command_uses_its_instants_up(offices: Offices) -> None:
    """It has seen stocks as they are then: with a clock that stands still, nobody goes back."""
    clock = ManualClock(moment(0))
    office = offices.open(clock=clock)
    office.accepted(receive(4))
    office.accepted(reserve("order-1", 4, expires_at=moment(0) + 10))
    batch = together(*[sell(1) for _ in range(20)], adjust(1, expected_on_hand=99))

    assert isinstance(office.ask(batch), StaleQuantity)
    reply = office.ask(confirm("order-1"))
    assert isinstance(reply, IllegalState)
    assert "expired" == reply.facts()["state"]
