"""The catalog in the writer: definitions in mid-batch, after a restart, and what they release."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.outcomes import MovementsRecorded
from ledger.domain.refusals import InexactUnit, NotFound
from ledger.submission import Accepted
from tests.support.builders import named, receive, reserve, sell, void
from tests.support.catalogs import define, packs, place, released, stated
from tests.support.offices import Office, Offices


def _statuses(replies: list[Any]) -> list[Any]:
    return [
        reply.outcome.results[0].status
        for reply in replies
        if isinstance(reply, Accepted) and isinstance(reply.outcome, MovementsRecorded)
    ]


@pytest.mark.parametrize("policy", ["upper", "fold"])
def test_a_definition_in_the_middle_of_a_batch_counts_for_those_behind_it(
    offices: Offices, policy: str
) -> None:
    """The same code is two stocks before it and one from then on; nobody's command fails."""
    office = offices.open()
    with offices.busy(office):
        tickets = [
            office.send(receive(1, sku="mug")),
            office.send(receive(1, sku="MUG")),
            office.send(define("Mug", case_policy=policy)),
            office.send(receive(2, sku="mug")),
            office.send(define("Lamp", case_policy=policy)),
            office.send(receive(4, sku="mUG")),
            office.send(receive(1, sku="LAMP")),
        ]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert all(isinstance(reply, Accepted) for reply in replies)
    code = "MUG" if policy == "upper" else "mug"
    assert 7 == office.writer._decider.world.stock_of(f"stock/ams-1/{code}").on_hand


def test_a_definition_is_known_after_a_restart(offices: Offices) -> None:
    """Whoever takes office asks the ledger whether there is a catalog, and then the catalog."""
    before = offices.open()
    before.accepted(define(packs=packs(case=12), case_policy="upper"))
    offices.close(before)
    after = offices.open()

    after.accepted(receive(sku="mug", **stated("2", "case")))

    assert isinstance(after.ask(receive(**stated("1", "crate"))), InexactUnit)
    assert 24 == after.writer._decider.world.stock_of("stock/ams-1/MUG").on_hand


def test_a_strict_writer_parks_what_it_does_not_know(offices: Offices) -> None:
    """Facts wait, promises are refused; a repeat of the fact has the answer of the first time."""
    office = offices.open(catalog="strict")

    first = office.ask(receive(5), key="PO-1")
    again = office.ask(receive(5), key="PO-1")

    assert ["parked", "parked"] == _statuses([first, again])
    assert isinstance(again, Accepted)
    assert again.replayed
    assert isinstance(office.ask(reserve("order-1", 1)), NotFound)


def _release_all(office: Office, replies: list[Any]) -> None:
    for reply in replies:
        note = reply.outcome.results[0].conflicts[0]
        office.accepted(released(note.conflict_id), principal="sweeper")


def test_a_released_sale_is_found_by_its_id_in_another_term(offices: Offices) -> None:
    """Its receipt names where it was parked; the void finds what it came to from there."""
    office = offices.open(catalog="strict")
    commands: list[AnyCommand] = [receive(5), named("ticket-1", sell(3))]
    replies = [office.ask(command) for command in commands]
    office.accepted(define())
    office.accepted(place())
    assert isinstance(office.ask(void("ticket-1", 1)), NotFound)
    _release_all(office, replies)
    offices.close(office)
    later = offices.open(catalog="strict")

    later.accepted(void("ticket-1", 1))

    assert 3 == later.writer._decider.world.stock_of("stock/ams-1/MUG").on_hand


def test_a_void_that_waits_is_released_in_another_term_than_its_sale(offices: Offices) -> None:
    """What a parked fact refers to is looked up when it is released."""
    office = offices.open(catalog="strict")
    office.accepted(define("LAMP"))
    commands = [receive(5), named("ticket-1", sell(3)), named("void-1", void("ticket-1", 2))]
    replies = [office.ask(command) for command in commands]
    office.accepted(define())
    office.accepted(place())
    _release_all(office, replies[:2])
    offices.close(office)
    later = offices.open(catalog="strict")

    _release_all(later, replies[2:])

    assert 4 == later.writer._decider.world.stock_of("stock/ams-1/MUG").on_hand


def test_a_parked_fact_is_released_once_whoever_asks(offices: Offices) -> None:
    """Two releases in one batch, and one in another term: one effect."""
    office = offices.open(catalog="strict")
    parked = office.ask(receive(5))
    assert isinstance(parked, Accepted)
    office.accepted(define())
    office.accepted(place())
    with offices.busy(office):
        conflict_id = parked.outcome.results[0].conflicts[0].conflict_id  # type: ignore[union-attr]
        tickets = [office.send(released(conflict_id)) for _ in range(3)]
    assert all(isinstance(office.desk.reply(ticket), Accepted) for ticket in tickets)
    offices.close(office)
    later = offices.open()

    later.accepted(released(conflict_id))

    later.accepted(sell(1))
    assert 4 == later.writer._decider.world.stock_of("stock/ams-1/MUG").on_hand
