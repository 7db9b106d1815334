"""Documents in the writer: begun and gone on with in one batch, forgotten and read again."""

from ledger.domain.commands import AnyCommand
from ledger.domain.outcomes import CountState, ReconciliationApproval, ReturnState
from ledger.submission import Accepted
from tests.support.builders import named, receive, sell, void
from tests.support.catalogs import define
from tests.support.documents import (
    APPROVE,
    CANCEL,
    POST,
    authorise,
    came,
    close_return,
    decided,
    disposition,
    enter,
    figure,
    open_count,
    units,
)
from tests.support.manual_clock import START
from tests.support.offices import Office, Offices
from tests.support.reconciled import approve, found, proposal

RETURN: list[AnyCommand] = [
    receive(9),
    authorise(units(3), order="A-1"),
    came(units(2)),
    sell(1, order="A-1", occurred_at=START),
    disposition(decided(1, "restock")),
    came(units(1), location="nyc-2"),
    disposition(decided(1, "return_to_customer"), decided(1, "scrap")),
    close_return(),
]
COUNT: list[AnyCommand] = [
    receive(9, occurred_at=START),
    open_count(approval_above=0),
    enter(figure(5, counted_at=START + 1), figure(1, bucket="damaged")),
    sell(1, occurred_at=START),
    APPROVE,
    POST,
    receive(1),
    CANCEL,
]


def _replies(offices: Offices, office: Office, commands: list[AnyCommand]) -> list[Accepted]:
    """The answers to commands that all wait at once."""
    with offices.busy(office):
        tickets = [office.send(command) for command in commands]
    replies = [office.desk.reply(ticket) for ticket in tickets]
    accepted = [reply for reply in replies if isinstance(reply, Accepted)]
    assert len(commands) == len(accepted), replies
    return accepted


def test_a_return_may_begin_and_end_while_one_commit_is_under_way(offices: Offices) -> None:
    """A step whose document began in its batch waits for the next one, and finds what it needs."""
    office = offices.open()

    last = _replies(offices, office, RETURN)[-1].outcome

    assert isinstance(last, ReturnState)
    assert ("closed", {"restock": 1, "return_to_customer": 1, "scrap": 1}) == (
        last.status,
        last.lines[0].dispositions,
    )


def test_a_count_may_begin_and_end_while_one_commit_is_under_way(offices: Offices) -> None:
    """Its figures find the levels of their times, however much happens in the batch."""
    office = offices.open()

    outcomes = [reply.outcome for reply in _replies(offices, office, COUNT)]

    posted = outcomes[5]
    assert isinstance(posted, CountState)
    assert [(8, -3), (0, 1)] == [(line.expected, line.variance) for line in posted.lines]


def test_a_reconciliation_may_be_approved_while_one_commit_is_under_way(offices: Offices) -> None:
    """The approval finds what was proposed, and the stocks of its lines, in the next batch."""
    office = offices.open()
    steps: list[AnyCommand] = [
        receive(9),
        found("erp-1", proposal("MUG", 2), proposal("LAMP", -1)),
        approve("erp-1", "MUG"),
        approve("erp-1"),
        approve("erp-1"),
    ]

    *_, first, rest, nothing = [reply.outcome for reply in _replies(offices, office, steps)]

    for outcome, skus, left in ((first, ["MUG"], 1), (rest, ["LAMP"], 0), (nothing, [], 0)):
        assert isinstance(outcome, ReconciliationApproval)
        assert (skus, left) == ([line.sku for line in outcome.lines], outcome.open)


def test_documents_that_were_forgotten_are_read_again(offices: Offices) -> None:
    """A memory too small for anything changes no answer."""
    office = offices.open(cache_bytes_max=1)
    voided = [named("sale-1", sell(2, order="A-2")), void("sale-1", 1)]
    steps = [*RETURN, *COUNT, *voided]

    last = [office.accepted(command) for command in steps]

    assert len(steps) == len(last)
    line = office.accepted(authorise(units(3), order="A-1"))
    assert isinstance(line, ReturnState)
    assert "closed" == line.status


def test_a_late_figure_under_another_spelling_finds_the_level_of_its_time(offices: Offices) -> None:
    """Where the catalog folds cases, the past is that of the code the ledger keeps."""
    office = offices.open()
    office.accepted(define(case_policy="upper"))
    for command in (receive(9, occurred_at=START), sell(2), open_count("mug")):
        office.accepted(command)

    entered = office.accepted(enter(figure(8, sku="mug", counted_at=START + 1)))
    posted = office.accepted(POST)

    assert isinstance(entered, CountState)
    assert isinstance(posted, CountState)
    assert [("MUG", 9)] == [(line.sku, line.expected) for line in entered.lines]
    assert ("posted", ()) == (posted.status, posted.missing)
