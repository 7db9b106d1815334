"""Transfers in the writer: begun and ended in one batch, forgotten and read again."""

from ledger.domain.commands import AnyCommand
from ledger.domain.outcomes import TransferState
from ledger.submission import Accepted
from tests.support.builders import receive as supply
from tests.support.manual_clock import START
from tests.support.offices import Office, Offices
from tests.support.transfers import arrived, close, dispatch, of_sku, receive, request

STEPS: list[AnyCommand] = [
    supply(9),
    request("t-1", of_sku(5), of_sku(2, "LAMP")),
    receive("t-1", arrived(3), occurred_at=START),
    dispatch("t-1"),
    receive("t-1", arrived(1, damaged=1), arrived(sku="LAMP", lost=1, returned=1)),
    close("t-1"),
]


def _ended(answer: object) -> None:
    assert isinstance(answer, TransferState)
    assert "closed" == answer.status
    mugs, lamps = answer.lines
    assert (5, 4, 1, 0) == (mugs.dispatched, mugs.received, mugs.damaged, mugs.surplus)
    assert (2, 1, 1) == (lamps.dispatched, lamps.lost, lamps.returned)


def test_a_transfer_may_begin_and_end_while_one_commit_is_under_way(offices: Offices) -> None:
    """What its steps read follows from the steps before them, which nobody has stored yet."""
    office = offices.open()
    with offices.busy(office):
        tickets = [office.send(command) for command in STEPS]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    accepted = [reply for reply in replies if isinstance(reply, Accepted)]
    assert len(STEPS) == len(accepted), replies
    _ended(accepted[-1].outcome)


def test_a_transfer_that_was_forgotten_is_read_again(offices: Offices) -> None:
    """A memory too small for anything changes no answer, nor does another writer."""
    office: Office = offices.open(cache_bytes_max=1)
    answers = [office.accepted(command) for command in STEPS]
    again = office.accepted(close("t-1"))

    _ended(answers[-1])
    _ended(again)
