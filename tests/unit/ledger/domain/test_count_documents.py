"""Count documents: figures are entered, perhaps approved, posted once, or cancelled."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.events import (
    ConflictOpened,
    CountApproved,
    CountCancelled,
    CountEntered,
    CountOpened,
    CountPosted,
    StockAbsorbed,
    StockCountCancelled,
    StockCounted,
    StockReceived,
)
from ledger.domain.outcomes import CountLineState, CountState
from ledger.domain.refusals import IdTaken, IllegalState, NotFound, Refusal
from tests.support.builders import count, named, receive, reserve, sell
from tests.support.documents import APPROVE, CANCEL, POST, enter, figure, open_count
from tests.support.given import By, Step, Then, given, happened
from tests.support.manual_clock import START

SECOND = 1_000_000


def lines_of(then: Then) -> tuple[CountLineState, ...]:
    """The answered figures."""
    outcome = then.decision.outcome
    assert isinstance(outcome, CountState)
    return outcome.lines


def test_a_count_is_opened_entered_approved_and_posted() -> None:
    """Only the posting moves anything; a document says what it came to."""
    then = given(receive(10)).when(open_count("MUG", "LAMP", approval_above=1))
    then.then(happened(CountOpened, skus=("MUG", "LAMP"))).answering(status="open")
    then.when(enter(figure(7))).then(happened(CountEntered)).answering(
        status="entered", missing=("LAMP",)
    ).leaving(sellable=10)
    then.when(By("desk", APPROVE)).then(happened(CountApproved, approved_by="desk")).answering(
        status="approved", approved_by="desk"
    )
    posted = then.when(POST)
    posted.then(
        happened(StockCounted, counted=7, delta=-3, count_id="cc-1"),
        happened(CountPosted, missing=("LAMP",)),
    ).answering(status="posted").leaving(sellable=7)


def test_a_figure_is_compared_with_the_level_of_its_own_time() -> None:
    """And stands there: what has happened since happens to what was seen."""
    before = given(receive(10, occurred_at=START), sell(4, occurred_at=START + 2 * SECOND))
    seen = figure(9, counted_at=START + SECOND)

    then = before.when(open_count(), enter(seen))
    (line,) = lines_of(then)
    assert (10, -1) == (line.expected, line.variance)

    then.when(POST).then(happened(StockCounted, delta=-1), happened(CountPosted)).leaving(
        sellable=5
    )


def test_what_comes_in_late_is_absorbed_by_a_posted_figure() -> None:
    """A figure of a document is an anchor like any other."""
    at = START + SECOND
    before = given(receive(10), open_count(), enter(figure(9, counted_at=at)), POST)

    then = before.when(receive(5, occurred_at=START))

    then.then(happened(StockReceived), happened(StockAbsorbed, delta=-5))


def test_the_last_figure_counts_and_the_earlier_ones_stay_in_the_document() -> None:
    """A recount is an entry like the first."""
    before = given(receive(10), open_count(), enter(figure(7)))

    then = before.when(enter(figure(9)))

    (line,) = lines_of(then)
    assert (9, [7]) == (line.counted, [figure.counted for figure in line.earlier])
    then.when(POST).leaving(sellable=9)


def test_buckets_of_one_sku_are_counted_each_for_itself() -> None:
    """A damaged unit is no sellable one."""
    before = given(receive(10), open_count(), enter(figure(8), figure(1, bucket="damaged")))

    then = before.when(POST)

    then.leaving(sellable=8, damaged=1)
    assert 2 == len(lines_of(then))


def test_a_count_below_what_is_reserved_breaks_promises() -> None:
    """Counting is allowed while stock is reserved; the posting says what it broke."""
    before = given(receive(10), reserve("r-1", 8), open_count(), enter(figure(5)))

    before.when(POST).broken({"r-1": 3})


def test_of_a_blind_count_nothing_expected_is_recorded_before_it_is_posted() -> None:
    """Not even in the event that subscribers read."""
    before = given(receive(10), open_count(blind=True))

    then = before.when(enter(figure(7)))

    (entered,) = then.decision.events
    assert isinstance(entered, CountEntered)
    assert (None, None) == (entered.lines[0].expected, lines_of(then)[0].variance)
    posted = then.when(POST)
    assert (10, -3) == (lines_of(posted)[0].expected, lines_of(posted)[0].variance)


def test_a_figure_entered_after_the_approval_is_not_approved() -> None:
    """Whoever approved has not seen it."""
    before = given(receive(10), open_count(approval_above=0), enter(figure(7)), APPROVE)

    then = before.when(enter(figure(6)))

    then.answering(status="entered", approved_by="till-7")
    then.when(POST).then_refused(IllegalState, state="entered", unapproved=1)


def test_a_variance_up_to_the_threshold_needs_no_approval() -> None:
    """Above means above."""
    before = given(receive(10), open_count(approval_above=2), enter(figure(12)))

    before.when(POST).answering(status="posted")


def test_a_cancelled_count_is_as_if_nobody_had_counted() -> None:
    """A posted one is taken back figure by figure."""
    given(open_count(), enter(figure(7))).when(CANCEL).then(happened(CountCancelled))
    before = given(receive(10), open_count(), enter(figure(7), figure(2, bucket="damaged")), POST)

    then = before.when(CANCEL)

    then.then(
        happened(StockCountCancelled, delta=3, bucket="sellable"),
        happened(StockCountCancelled, delta=-2, bucket="damaged"),
        happened(CountCancelled),
    ).answering(status="cancelled").leaving(sellable=10, damaged=0)


def test_a_figure_from_the_future_counts_as_now_with_a_conflict() -> None:
    """The shelf was seen; the clock is for people to look at."""
    ahead = START + 3_600 * SECOND

    then = given(receive(10), open_count()).when(enter(figure(7, counted_at=ahead)))

    then.then(happened(CountEntered), happened(ConflictOpened, kind=CLOCK_SKEW))
    assert then.decision.now == lines_of(then)[0].counted_at


AT = START + SECOND
STANDING = named("k-1", count(8, occurred_at=AT))
REFUSED: list[tuple[str, list[Step], AnyCommand, type[Refusal], dict[str, Any]]] = [
    ("an unknown count", [], enter(figure(1)), NotFound, {"what": "count", "id": "cc-1"}),
    ("an unknown count posted", [], POST, NotFound, {}),
    ("an unknown count approved", [], APPROVE, NotFound, {}),
    ("an unknown count cancelled", [], CANCEL, NotFound, {}),
    ("another under its id", [open_count()], open_count(blind=True), IdTaken, {"what": "count"}),
    (
        "posted without a figure",
        [open_count()],
        POST,
        IllegalState,
        {"state": "open", "asked": "post", "lines_entered": 0},
    ),
    (
        "approved without a figure",
        [open_count()],
        APPROVE,
        IllegalState,
        {"state": "open", "asked": "approve"},
    ),
    (
        "posted without the approval",
        [receive(10), open_count(approval_above=2), enter(figure(7))],
        POST,
        IllegalState,
        {
            "state": "entered",
            "approval_above": 2,
            "lines": [{"sku": "MUG", "bucket": "sellable", "counted": 7, "variance": -3}],
        },
    ),
    (
        "a blind one posted without the approval",
        [receive(10), open_count(approval_above=2, blind=True), enter(figure(7))],
        POST,
        IllegalState,
        {"lines": [{"sku": "MUG", "bucket": "sellable", "counted": 7}]},
    ),
    (
        "entered after it was posted",
        [open_count(), enter(figure(7)), POST],
        enter(figure(8)),
        IllegalState,
        {"state": "posted", "asked": "enter"},
    ),
    (
        "approved after it was posted",
        [open_count(), enter(figure(7)), POST],
        APPROVE,
        IllegalState,
        {"state": "posted", "asked": "approve"},
    ),
    (
        "entered after it was cancelled",
        [open_count(), CANCEL],
        enter(figure(8)),
        IllegalState,
        {"state": "cancelled", "asked": "enter"},
    ),
    (
        "posted after it was cancelled",
        [open_count(), enter(figure(7)), POST, CANCEL],
        POST,
        IllegalState,
        {"state": "cancelled", "asked": "post"},
    ),
    (
        "posted where another count stands at that instant",
        [STANDING, open_count(), enter(figure(7, counted_at=AT))],
        POST,
        IllegalState,
        {"sku": "MUG", "bucket": "sellable", "counted_before_by": "k-1"},
    ),
]


@pytest.mark.parametrize(
    ("name", "before", "asked", "kind", "facts"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_what_a_count_does_not_allow_is_refused_with_the_facts(
    name: str, before: list[Step], asked: AnyCommand, kind: type[Refusal], facts: dict[str, Any]
) -> None:
    """Nothing of it is recorded."""
    given(*before).when(asked).then_refused(kind, **facts)


REPEATED: list[tuple[str, list[Step], AnyCommand]] = [
    ("opened", [open_count("MUG", "LAMP")], open_count("LAMP", "MUG")),
    ("approved", [open_count(), enter(figure(7)), APPROVE], APPROVE),
    ("posted", [open_count(), enter(figure(7)), POST], POST),
    ("cancelled", [open_count(), enter(figure(7)), POST, CANCEL], CANCEL),
]


@pytest.mark.parametrize(("name", "before", "asked"), REPEATED, ids=[row[0] for row in REPEATED])
def test_what_is_so_already_decides_nothing(
    name: str, before: list[Step], asked: AnyCommand
) -> None:
    """Accepted, with the state as the answer."""
    given(*before).when(asked).then_nothing()
