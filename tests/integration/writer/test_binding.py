"""Rules that bind promises, in batches and over terms of office."""

from ledger.domain.refusals import InsufficientStock
from ledger.submission import Accepted
from tests.support.builders import amend, line, receive, reserve
from tests.support.channels import channel, rules
from tests.support.offices import Office, Offices

KEPT = {"safety_stock": [{"units": 4}]}
BINDING = channel(of=rules(**KEPT, binding=True), locations=("ams-1",))
FREE = channel(of=rules(**KEPT), locations=("ams-1",))


def _available(office: Office, units: int, number: int) -> int | None:
    """What a promise that asks for too much is told; none where it gets it."""
    reply = office.ask(reserve(f"order-{number}", units))
    if isinstance(reply, InsufficientStock):
        return reply.shortfalls[0].available
    assert isinstance(reply, Accepted)
    return None


def test_a_rule_binds_from_its_definition_to_the_next(offices: Offices) -> None:
    """Also where all of it is decided in one batch."""
    office = offices.open()
    office.accepted(receive(10))
    commands = (reserve("order-1", 2), BINDING, reserve("order-2", 5), FREE, reserve("order-3", 5))
    with offices.busy(office):
        office.send(receive(1, sku="LAMP"))
        tickets = [office.send(command) for command in commands]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert [Accepted, Accepted, InsufficientStock, Accepted, Accepted] == list(map(type, replies))
    refused = replies[2]
    assert isinstance(refused, InsufficientStock)
    assert 4 == refused.shortfalls[0].available


def test_a_rule_binds_whoever_takes_over(offices: Offices) -> None:
    """A writer that has just come into office has read no channel, and knows which ones bind."""
    first = offices.open(holder="first")
    for command in (receive(10), channel("app", locations=("ams-1",)), FREE, BINDING):
        first.accepted(command)
    first.accepted(reserve("order-1", 3))
    offices.close(first)
    second = offices.open(holder="second")

    assert 3 == _available(second, 4, 2)
    grown = second.ask(amend("order-1", line(7)))
    assert isinstance(grown, InsufficientStock)
    assert 3 == grown.shortfalls[0].available
    second.accepted(FREE)
    offices.close(second)
    assert _available(offices.open(holder="third"), 7, 3) is None
