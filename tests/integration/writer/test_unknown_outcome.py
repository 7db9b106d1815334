"""No answer from the database: fenced first, then looked up; one effect, one true answer."""

from collections.abc import Iterator

import pytest

from ledger.clock import monotonic
from ledger.submission import Accepted, CommandFailed, StorageUnavailable
from tests.support.builders import receive
from tests.support.offices import Office, Offices, until
from tests.support.proxy import Proxy, postgres_proxy


@pytest.fixture
def proxy(offices: Offices) -> Iterator[tuple[Proxy, str]]:
    """A wire to the database that can be cut, and the URL that leads through it."""
    proxy, url = postgres_proxy(offices.database.service_url)
    yield proxy, url
    offices.close_all()
    proxy.stop()


@pytest.fixture
def wired(offices: Offices, proxy: tuple[Proxy, str]) -> Office:
    """A writer at the far end of that wire."""
    office = offices.open(url=proxy[1], append_timeout_ms=3_000)
    office.accepted(receive(1, reference="before"))
    return office


def _epoch(offices: Offices) -> int:
    return int(offices.database.execute("select epoch from ledger.heads")[0][0])


def test_a_commit_whose_answer_was_lost_is_found_by_its_receipt(
    offices: Offices, proxy: tuple[Proxy, str], wired: Office
) -> None:
    """It had happened: the caller is told so, and it does not happen again."""
    epoch = _epoch(offices)
    happened = proxy[0].swallow_answer(b"needle")
    reply = wired.ask(receive(5, reference="needle"))

    assert happened.is_set()
    assert isinstance(reply, Accepted)
    assert reply.replayed
    assert 1 == offices.with_text("needle")
    assert epoch < _epoch(offices)


def test_a_connection_cut_while_the_append_waits_is_settled(
    offices: Offices, proxy: tuple[Proxy, str], wired: Office
) -> None:
    """The server does not learn of it and may commit later: fenced, so the receipt is the truth."""
    with offices.head_locked():
        ticket = wired.send(receive(5, reference="needle"))
        until(offices.waiting_for_lock)
        proxy[0].cut(server_learns=False)
        until(lambda: offices.waiting_for_lock() >= 2)
    reply = wired.desk.reply(ticket)

    assert isinstance(reply, Accepted)
    assert 1 == offices.with_text("needle")
    assert 2 == offices.events() == offices.receipts()


def test_an_append_that_never_arrived_is_decided_again(
    offices: Offices, proxy: tuple[Proxy, str], wired: Office
) -> None:
    """Absent after the fence means never: it is appended now, once."""
    proxy[0].cut()
    reply = wired.ask(receive(5, reference="needle"))

    assert isinstance(reply, Accepted)
    assert 1 == offices.with_text("needle")


def test_a_backend_that_is_killed_in_the_append_is_settled(offices: Offices, wired: Office) -> None:
    """The server ends the session: nothing of it was kept, so it is done again."""
    with offices.head_locked():
        ticket = wired.send(receive(5, reference="needle"))
        until(offices.waiting_for_lock)
        offices.database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where wait_event_type = 'Lock' and datname = current_database()"
        )
    reply = wired.desk.reply(ticket)

    assert isinstance(reply, Accepted)
    assert not reply.replayed
    assert 1 == offices.with_text("needle")


def test_many_commands_across_many_cuts_each_happen_once(
    offices: Offices, proxy: tuple[Proxy, str], wired: Office
) -> None:
    """Whatever is cut when: every command has one answer, one effect and one receipt."""
    tickets = []
    for number in range(40):
        tickets.append(wired.send(receive(1, reference=f"needle-{number:02d}")))
        if number % 8 == 5:
            proxy[0].swallow_answer(f"needle-{number:02d}".encode())
        elif number % 8 == 0:
            proxy[0].cut()
            wired.desk.reply(tickets[-1])
    replies = [wired.desk.reply(ticket) for ticket in tickets]

    assert all(isinstance(reply, Accepted) for reply in replies)
    assert [1] * 40 == [offices.with_text(f"needle-{number:02d}") for number in range(40)]
    assert 41 == offices.events() == offices.receipts()


_FRAIL = """
alter table ledger.events add constraint no_poison
    check (position(convert_to('poison', 'UTF8') in state) = 0);
create sequence ledger.falls;
create function ledger.fall() returns trigger language plpgsql security definer as $$
begin
    if exists (select from fresh where position(convert_to('needle', 'UTF8') in state) > 0)
       and nextval('ledger.falls') <= 3 then
        raise exception 'the server is going down' using errcode = '57P01';
    end if;
    return null;
end $$;
create trigger fall after insert on ledger.events
    referencing new table as fresh for each statement execute function ledger.fall();
"""


def test_a_search_for_a_culprit_survives_lost_answers(offices: Offices, wired: Office) -> None:
    """Three times the server goes in the middle of it: nobody's answer is forgotten."""
    offices.database.execute(_FRAIL)
    references = [f"needle-{number:02d}" if number % 9 else "poison" for number in range(30)]
    with offices.busy(wired):
        tickets = [wired.send(receive(1, reference=reference)) for reference in references]
    replies = [wired.desk.reply(ticket) for ticket in tickets]

    assert [CommandFailed if r == "poison" else Accepted for r in references] == [
        type(reply) for reply in replies
    ]
    assert 26 + 2 == offices.events() == offices.receipts()
    assert 3 < offices.database.execute("select last_value from ledger.falls")[0][0]


_FULL = """
create function ledger.full() returns trigger language plpgsql as $$
begin
    raise exception 'could not extend file: No space left on device' using errcode = '53100';
end $$;
create trigger full_disk before insert on ledger.events
    for each statement execute function ledger.full();
"""


def test_a_full_disk_is_not_asked_without_a_pause(offices: Offices, office: Office) -> None:
    """Callers learn at their deadline; until then the writer looks again, a few times a second."""
    offices.database.execute(_FULL)
    epoch = _epoch(offices)
    reply = office.ask(receive(5), deadline=monotonic() + 1.0)
    fences = _epoch(offices) - epoch
    offices.database.execute("drop trigger full_disk on ledger.events")

    assert isinstance(reply, StorageUnavailable)
    assert 2 <= fences <= 15
    assert isinstance(office.ask(receive(5)), Accepted)
    assert 1 == offices.events()
