"""Everything waiting is one batch; who waits too long or is too many is told so."""

import threading

import pytest

from ledger.clock import monotonic
from ledger.domain.refusals import InsufficientStock
from ledger.submission import Accepted, NoWriter, Overloaded, StorageUnavailable
from tests.support.builders import receive, reserve, sell
from tests.support.offices import Offices, until


def test_what_waits_is_committed_together(offices: Offices) -> None:
    """No timer: while one commit is under way the next batch gathers, however big."""
    office = offices.open()
    with offices.busy(office):
        tickets = [office.send(receive(1)) for _ in range(300)]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert all(isinstance(reply, Accepted) for reply in replies)
    assert office.writer.counters.batches <= 6
    assert office.writer.counters.largest_batch >= 50
    assert 301 == offices.events() == offices.receipts()


def test_commands_of_one_batch_see_each_other(offices: Offices) -> None:
    """Ten units, fifteen buyers of one in the same instant: ten get one."""
    office = offices.open()
    office.accepted(receive(10))
    with offices.busy(office):
        tickets = [office.send(reserve(f"order-{n}", 1)) for n in range(15)]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert [Accepted] * 10 + [InsufficientStock] * 5 == [type(reply) for reply in replies]


def test_a_batch_has_at_most_so_many_movements(offices: Offices) -> None:
    """More is several batches, each a commit of its own."""
    office = offices.open(batch_movements_max=10)
    with offices.busy(office):
        tickets = [office.send(receive(1)) for _ in range(45)]
    for ticket in tickets:
        office.desk.reply(ticket)

    assert office.writer.counters.largest_batch <= 10
    assert 46 == offices.events()


def test_a_batch_has_at_most_so_many_bytes(offices: Offices) -> None:
    """Long references make shorter batches; nothing is lost on the way."""
    office = offices.open(batch_bytes_max=5_000)
    with offices.busy(office):
        tickets = [office.send(receive(1, reference="x" * 200)) for _ in range(60)]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert all(isinstance(reply, Accepted) for reply in replies)
    assert office.writer.counters.largest_batch < 30
    assert 61 == offices.events()


def test_a_full_queue_says_so_at_once(offices: Offices) -> None:
    """Nobody waits in a line that is too long; those inside are served."""
    office = offices.open(queue_commands_max=5)
    with offices.busy(office):
        tickets = [office.send(receive(1))]
        with pytest.raises(Overloaded) as refusal:
            tickets += [office.send(receive(1)) for _ in range(10)]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert ("overloaded", 1) == (refusal.value.code, refusal.value.retry_after_s)
    assert all(isinstance(reply, Accepted) for reply in replies)


def test_who_has_given_up_is_not_decided(offices: Offices) -> None:
    """Past its deadline a command is dropped before its turn, never after."""
    office = offices.open()
    with offices.busy(office):
        first = office.send(receive(1))
        deadline = monotonic() + 0.05
        late = [office.send(receive(1, reference="late"), deadline=deadline) for _ in range(3)]
        until(lambda: monotonic() > deadline)
    replies = [office.desk.reply(ticket) for ticket in late]

    assert isinstance(office.desk.reply(first), Accepted)
    assert [StorageUnavailable] * 2 == [type(reply) for reply in replies[1:]]
    assert offices.with_text("late") == sum(isinstance(r, Accepted) for r in replies)


def test_stopping_serves_what_was_let_in_and_lets_no_more_in(offices: Offices) -> None:
    """A drain: everything accepted for decision is decided, durable and answered."""
    office = offices.open()
    with offices.busy(office):
        tickets = [office.send(sell(1)) for _ in range(50)]
        stopping = threading.Thread(target=offices.close, args=(office,))
        stopping.start()
        until(office.writer._stop.is_set)
    stopping.join()

    assert all(isinstance(office.desk.reply(ticket), Accepted) for ticket in tickets)
    assert 50 == offices.with_text("stock.sold")
    with pytest.raises(NoWriter):
        office.send(receive(1))


def test_a_sink_that_breaks_breaks_only_itself(offices: Offices) -> None:
    """One caller's connection is gone; the others get their answers."""

    class Broken:
        def deliver(self, replies: list[tuple[object, object]]) -> None:
            del replies
            raise RuntimeError("nobody listens")

    office = offices.open()
    good = office.desk
    with offices.busy(office):
        office.desk = Broken()  # type: ignore[assignment]
        office.send(receive(1))
        office.desk = good
        ticket = office.send(receive(1))

    assert isinstance(good.reply(ticket), Accepted)
    assert 3 == offices.events()
