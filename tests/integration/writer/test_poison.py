"""A command that cannot be stored, or that we decide wrongly, fails alone."""

import logging
from typing import Any

import pytest

from ledger.domain.commands import RecordMovements
from ledger.domain.decisions import decide
from ledger.domain.decisions.facts import plain
from ledger.domain.refusals import InsufficientStock, Malformed
from ledger.submission import Accepted, CommandFailed
from tests.support.builders import receive, reserve, sell
from tests.support.offices import Office, Offices


@pytest.fixture
def refusing_poison(offices: Offices) -> None:
    """The database takes no event that speaks of poison."""
    offices.database.execute(
        "alter table ledger.events add constraint no_poison"
        " check (position(convert_to('poison', 'UTF8') in state) = 0)"
    )


@pytest.mark.usefixtures("refusing_poison")
@pytest.mark.parametrize("places", [{0}, {7}, {19}, {3, 4}, {0, 5, 19}, set(range(20))])
def test_a_row_the_database_refuses_fails_alone(
    offices: Offices, office: Office, places: set[int]
) -> None:
    """Halved until the culprit stands alone: it fails, its neighbours commit."""
    with offices.busy(office):
        tickets = [
            office.send(receive(1, reference="poison" if number in places else "good"))
            for number in range(20)
        ]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert places == {n for n, reply in enumerate(replies) if isinstance(reply, CommandFailed)}
    assert 20 - len(places) == sum(isinstance(reply, Accepted) for reply in replies)
    assert 20 - len(places) == offices.with_text("good")
    assert isinstance(office.ask(receive(1)), Accepted)


@pytest.mark.usefixtures("refusing_poison")
def test_what_a_culprit_would_have_changed_is_as_if_it_had_not_been(
    offices: Offices, office: Office
) -> None:
    """Ten units came in with the culprit: nobody can reserve them after it failed."""
    with offices.busy(office):
        bad = office.send(receive(10, reference="poison"))
        good = office.send(reserve("order-1", 4))

    assert isinstance(office.desk.reply(bad), CommandFailed)
    assert isinstance(office.desk.reply(good), InsufficientStock)


@pytest.mark.usefixtures("refusing_poison")
def test_nothing_of_a_culprit_is_known_to_whoever_comes_after_it(
    offices: Offices, office: Office
) -> None:
    """It would have taken the last units: nobody is refused for it, and its repeat fails again."""
    office.accepted(receive(4))
    bad = sell(4, reference="poison")
    assert isinstance(office.ask(bad, key="k-1"), CommandFailed)
    again = office.ask(bad, key="k-1")
    next_one = office.ask(receive(1, sku="LAMP", reference="poison"))
    promise = office.ask(reserve("order-1", 4))

    assert [CommandFailed, CommandFailed, Accepted] == [
        type(reply) for reply in (again, next_one, promise)
    ]
    assert 3 == offices.events()


@pytest.mark.parametrize("field", ["sku", "reference", "reason"])
def test_text_that_cannot_be_encoded_fails_alone(
    offices: Offices, office: Office, field: str
) -> None:
    """A lone surrogate past the door: the writer stays in office, the neighbours commit."""
    with offices.busy(office):
        before = office.send(receive(1))
        bad = office.send(receive(1, **{field: "\ud800"}))
        after = office.send(receive(1))

    assert isinstance(office.desk.reply(bad), CommandFailed)
    assert isinstance(office.desk.reply(before), Accepted)
    assert isinstance(office.desk.reply(after), Accepted)
    assert office.writer.active
    assert 3 == offices.events()


def test_a_null_character_hurts_nobody(offices: Offices, office: Office) -> None:
    """Refused at the door, and past it by the writer: readers have columns of text."""
    with offices.busy(office):
        tickets = [
            office.send(receive(1)),
            office.send(receive(1, reference="\0")),
            office.send(receive(1, reference=r"not \u0000 but six letters")),
            office.send(receive(1)),
        ]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert [Accepted, Malformed, Accepted, Accepted] == [type(reply) for reply in replies]


@pytest.fixture
def mistaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """We decide wrongly what is called a mistake, in one go or at length."""

    def plainly_wrong(movement: Any, *rest: Any) -> Any:
        assert movement.reference != "mistake", "two and two is five"
        return plain(movement, *rest)

    def decide_wrongly(command: Any, *rest: Any) -> Any:
        if isinstance(command, RecordMovements) and command.movements[0].reference == "mistake":
            yield next(decide(command, *rest))
            raise AssertionError("two and two is five")
        return (yield from decide(command, *rest))

    monkeypatch.setattr("ledger.writer.deciding.decide", decide_wrongly)
    monkeypatch.setattr("ledger.writer.deciding.plain", plainly_wrong)


@pytest.mark.usefixtures("mistaken")
def test_a_failed_assertion_stops_its_stock_only(offices: Offices, office: Office) -> None:
    """Our own mistake: that command fails, that stock takes nothing more, the others do."""
    office.accepted(receive(5))
    with offices.busy(office):
        replies = [
            office.send(receive(1, reference="mistake")),
            office.send(sell(1)),
            office.send(receive(1, sku="LAMP")),
            office.send(reserve("order-1", 1)),
        ]
    kinds = [type(office.desk.reply(ticket)) for ticket in replies]

    assert [CommandFailed, CommandFailed, Accepted, CommandFailed] == kinds
    assert 3 == offices.events()
    assert "stopped" in str(office.ask(sell(1)))


@pytest.mark.usefixtures("mistaken", "refusing_poison")
def test_a_stopped_stock_stays_stopped_for_the_term(offices: Offices, office: Office) -> None:
    """Whatever the writer reads again meanwhile; whoever takes over may try."""
    assert isinstance(office.ask(receive(1, reference="mistake")), CommandFailed)
    assert isinstance(office.ask(receive(1, sku="LAMP", reference="poison")), CommandFailed)
    assert "stopped" in str(office.ask(receive(1)))
    offices.close(office)

    assert isinstance(offices.open(holder="second").ask(receive(1)), Accepted)


@pytest.mark.usefixtures("mistaken")
def test_a_stopped_stock_stays_stopped_over_a_fence(offices: Offices, office: Office) -> None:
    """A lost answer ends an epoch, not the term."""
    assert isinstance(office.ask(receive(1, reference="mistake")), CommandFailed)
    with offices.busy(office):
        offices.database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where wait_event_type = 'Lock' and datname = current_database()"
        )

    assert isinstance(office.ask(receive(1, sku="LAMP")), Accepted)
    assert "stopped" in str(office.ask(receive(1)))


@pytest.mark.usefixtures("mistaken")
def test_a_moved_head_lets_a_stopped_stock_go_on(offices: Offices, office: Office) -> None:
    """The writer's picture of the ledger was wrong, and that may be what broke."""
    assert isinstance(office.ask(receive(1, reference="mistake")), CommandFailed)
    offices.database.execute(
        "select ledger.append(0::smallint, null, null, 0, interval '0', array['stock/x/y'],"
        " array[1], array['stock.received.v1'], array['{}'::bytea], '{}', '{}', '{}', '{}')"
    )

    assert isinstance(office.ask(receive(1, sku="LAMP")), Accepted)
    assert isinstance(office.ask(receive(1)), Accepted)


def test_a_failure_is_logged_with_its_reason(
    office: Office, offices: Offices, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has to find out what it was."""
    del offices
    with caplog.at_level(logging.ERROR, logger="ledger.writer"):
        office.ask(receive(1, reference="\ud800"))

    assert "a command cannot be stored" in caplog.text
