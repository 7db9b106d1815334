"""A late count finds the level of its time, wherever what happened since is kept just then."""

from typing import Any

import pytest

from ledger.domain.values import MICROSECONDS_PER_SECOND
from ledger.store.journal import Journal
from ledger.submission import Accepted
from tests.support.builders import (
    cancel,
    correct,
    count,
    named,
    receive,
    sell,
    together,
    void,
)
from tests.support.manual_clock import ManualClock, moment
from tests.support.offices import Office, Offices

HISTORY = 10_000


class RowsRead:
    """Counts the rows of streams that are read backwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        self.pages = 0
        tails = Journal.tails

        def counted(journal: Journal, *arguments: Any) -> Any:
            found = tails(journal, *arguments)
            self.pages += 1
            self.rows += sum(map(len, found.values()))
            return found

        monkeypatch.setattr(Journal, "tails", counted)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> RowsRead:
    """What is read backwards during a test."""
    return RowsRead(monkeypatch)


def _counted(offices: Offices) -> list[tuple[int, int]]:
    """What counts found, in ledger order: the counted number and the difference."""
    return [
        (counted, delta)
        for counted, delta in offices.database.execute(
            "select (b->'event'->>'counted')::int, coalesce((b->'event'->>'delta')::int, 0)"
            "  from (select position, convert_from(state, 'UTF8')::jsonb as b from ledger.events"
            "         where topic = 'stock.counted.v1') e order by position"
        )
    ]


def _office(offices: Offices, clock: ManualClock, **settings: Any) -> Office:
    return offices.open(clock=clock, **settings)


def test_a_late_count_sees_what_was_decided_before_it_in_its_batch(
    offices: Offices, read: RowsRead
) -> None:
    """Nothing of it is in the database yet, nor in the stream that was read."""
    clock = ManualClock(moment(100))
    office = _office(offices, clock)
    office.accepted(receive(10, occurred_at=moment(10)))
    office.accepted(
        together(
            sell(4, occurred_at=moment(50)),
            sell(1, occurred_at=moment(15)),
            count(8, occurred_at=moment(20)),
            sell(2, occurred_at=moment(60)),
            count(5, occurred_at=moment(55)),
        )
    )

    assert [(8, -1), (5, 1)] == _counted(offices)
    assert 0 == read.rows


def test_commands_of_one_batch_count_what_their_neighbours_moved(offices: Offices) -> None:
    """Also where one of them is refused, and takes back what it had done."""
    clock = ManualClock(moment(100))
    office = _office(offices, clock)
    office.accepted(receive(10, occurred_at=moment(10)))
    with offices.busy(office):
        tickets = [
            office.send(sell(4, occurred_at=moment(50))),
            office.send(together(sell(3, occurred_at=moment(51)), void("nobody", 1))),
            office.send(count(9, occurred_at=moment(20))),
            office.send(together(count(1, occurred_at=moment(51)), void("nobody", 1))),
            office.send(count(7, occurred_at=moment(52))),
        ]
    accepted = [isinstance(office.desk.reply(ticket), Accepted) for ticket in tickets]

    assert [True, False, True, False, True] == accepted
    assert [(9, -1), (7, 2)] == _counted(offices)


def test_a_late_count_waits_for_batches_under_way(offices: Offices) -> None:
    """Of two batches on their way to disk, and one being decided: all of them are seen."""
    clock = ManualClock(moment(1_000))
    office = _office(offices, clock, batch_movements_max=2)
    office.accepted(receive(100, occurred_at=moment(1)))
    with offices.busy(office):
        tickets = [
            office.send(step)
            for number in range(10)
            for step in (
                sell(1, occurred_at=moment(100 + 10 * number)),
                count(100, bucket="damaged", occurred_at=moment(50 + number)),
                count(90 - number, occurred_at=moment(95 + 10 * number)),
            )
        ]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    # Each count of what is for sale was made before the sale sent ahead of it, and after those
    # before; the count before it is an anchor, so that nothing but its own number is left.
    assert all(isinstance(reply, Accepted) for reply in replies)
    for_sale = [found for found in _counted(offices) if found[0] != 100]
    assert [(90, -10), *((90 - number, 0) for number in range(1, 10))] == for_sale


@pytest.mark.parametrize("settings", [{}, {"cache_bytes_max": 1}, {"snapshot_every_events": 3}])
def test_a_writer_that_never_saw_the_past_reads_it(
    offices: Offices, settings: dict[str, Any]
) -> None:
    """After a restart, from a snapshot, or with nothing kept in memory."""
    clock = ManualClock(moment(1_000))
    first = _office(offices, clock, **settings)
    first.accepted(receive(50, occurred_at=moment(1)))
    for number in range(20):
        first.accepted(sell(1, occurred_at=moment(10 + number)))
    first.accepted(named("count-1", count(40, occurred_at=moment(14.5))))
    offices.close(first)
    second = offices.open(holder="second", clock=clock, **settings)
    second.accepted(named("count-2", count(44, occurred_at=moment(12.5))))
    second.accepted(sell(2, occurred_at=moment(11.5)))
    second.accepted(cancel("count-1"))
    second.accepted(correct("count-2", 47))
    second.accepted(count(0, occurred_at=moment(900)))

    assert [(40, -5), (44, -3), (47, 2), (0, -30)] == _counted(offices)


def test_a_late_count_costs_how_late_it_is(offices: Offices, read: RowsRead) -> None:
    """Of ten thousand events five are later: a page is read, not the history."""
    clock = ManualClock(moment(HISTORY + 1_000))
    office = _office(offices, clock)
    for start in range(0, HISTORY, 1_000):
        office.accepted(
            together(*(receive(1, occurred_at=moment(n + 1)) for n in range(start, start + 1_000)))
        )
    offices.close(office)
    second = offices.open(holder="second", clock=clock)
    second.accepted(count(0, occurred_at=moment(HISTORY - 5) + MICROSECONDS_PER_SECOND // 2))

    assert [(0, 5 - HISTORY)] == _counted(offices)
    assert 5 <= read.rows <= 32
    assert 1 == read.pages


def test_a_very_late_count_reads_as_far_as_it_must(offices: Offices, read: RowsRead) -> None:
    """In pages that grow, of several streams at once, each to its own end."""
    clock = ManualClock(moment(5_000))
    office = _office(offices, clock)
    for sku in ("MUG", "LAMP"):
        office.accepted(
            together(*(receive(1, sku=sku, occurred_at=moment(n + 1)) for n in range(900)))
        )
    office.accepted(
        together(count(0, occurred_at=moment(3.5)), count(0, sku="LAMP", occurred_at=moment(890.5)))
    )

    assert [(0, -3), (0, -890)] == _counted(offices)
    assert 897 + 10 <= read.rows <= 900 + 16
    assert read.pages <= 7


def test_a_movement_is_corrected_before_and_after_its_receipt_can_be_read(
    offices: Offices,
) -> None:
    """In its own batch, on its way to disk, and by a writer that never saw it."""
    clock = ManualClock(moment(1_000))
    office = _office(offices, clock)
    with offices.busy(office):
        tickets = [
            office.send(receive(20), key="b-1"),
            office.send(correct("b-1/0", 18)),
            office.send(named("m-1", sell(4))),
            office.send(cancel("m-1")),
            office.send(named("v-1", sell(5))),
            office.send(named("v-2", void("v-1", 3))),
            office.send(correct("v-2", 1)),
        ]
    replies = [office.desk.reply(ticket) for ticket in tickets]
    offices.close(office)
    second = offices.open(holder="second", clock=clock)
    second.accepted(correct("b-1/0", 19))
    second.accepted(cancel("v-2"))
    again = second.ask(cancel("m-1"))
    second.accepted(count(14))

    assert all(isinstance(reply, Accepted) for reply in replies)
    assert not isinstance(again, Accepted)
    assert [(14, 0)] == _counted(offices)


def test_the_same_id_of_two_reporters_is_two_movements(offices: Offices) -> None:
    """Also where they stand side by side in the ledger and a new writer reads them back."""
    clock = ManualClock(moment(1_000))
    office = _office(offices, clock)
    office.accepted(receive(10))
    with offices.busy(office):
        tickets = [
            office.send(named("m-1", sell(2)), principal="till-1"),
            office.send(named("m-1", sell(3)), principal="till-2"),
        ]
    assert all(isinstance(office.desk.reply(ticket), Accepted) for ticket in tickets)
    offices.close(office)
    second = offices.open(holder="second", clock=clock)
    too_much = second.ask(void("m-1", 5), principal="till-1")
    all_of_it = second.ask(void("m-1", 2), principal="till-1")

    assert not isinstance(too_much, Accepted)
    assert isinstance(all_of_it, Accepted)
