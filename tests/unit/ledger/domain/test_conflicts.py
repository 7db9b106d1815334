"""What facts break is an open conflict, as long as it is broken and not a commit longer."""

import pytest

from ledger.domain.events import (
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
    HoldReleased,
    ReservationReleased,
    StockReceived,
    StockSold,
)
from ledger.domain.refusals import IllegalState, InsufficientStock, NotFound
from ledger.domain.values import PHYSICAL_BUCKETS, PhysicalBucket
from tests.support.builders import (
    adjust,
    amend,
    confirm,
    extend,
    fulfil,
    line,
    move,
    receive,
    received,
    release,
    reserved,
    resolve,
    scrap,
    sell,
    sold,
    take_back,
)
from tests.support.given import Step, Wait, given, happened
from tests.support.manual_clock import moment

LATER = moment(600)
FULL: list[Step] = [
    received(12),
    reserved("hard-old", 3),
    reserved("soft-old", 3, expires_at=LATER),
    reserved("hard-new", 3),
    reserved("soft-new", 3, expires_at=LATER),
]
"""Twelve units, four promises of three; broken first is soft-new, last is hard-old."""


@pytest.mark.parametrize(
    ("gone", "broken"),
    [
        (1, {"soft-new": 1}),
        (3, {"soft-new": 3}),
        (4, {"soft-new": 3, "soft-old": 1}),
        (7, {"soft-new": 3, "soft-old": 3, "hard-new": 1}),
        (12, {"soft-new": 3, "soft-old": 3, "hard-new": 3, "hard-old": 3}),
        (20, {"soft-new": 3, "soft-old": 3, "hard-new": 3, "hard-old": 3}),
    ],
)
def test_promises_break_soft_before_hard_and_newest_first(
    gone: int, broken: dict[str, int]
) -> None:
    """A pure function of the present: no more is broken than is missing."""
    given(*FULL).when(sell(gone)).broken(broken)
    given(*FULL, *[sold(1) for _ in range(gone - 1)]).when(sell(1)).broken(broken)


@pytest.mark.parametrize(
    "cause",
    [
        sell(2),
        adjust(-2),
        scrap(2),
        move(2, "sellable", "blocked"),
        sell(2, reservation_id="unknown"),
        sell(2, occurred_at=moment(-60)),
    ],
)
def test_whatever_takes_units_breaks_the_same_promise(cause: Step) -> None:
    """The cause does not matter, nor when it happened: the present level does."""
    given(*FULL).when(cause).broken({"soft-new": 2})


def test_a_fulfilment_takes_its_own_units() -> None:
    """Neither the fulfilled promise nor another is broken by it."""
    given(*FULL).when(fulfil("hard-new")).broken({}).leaving(reserved=9, sellable=9)


def test_a_conflict_is_opened_raised_lowered_and_cleared() -> None:
    """One conflict per promise and stock, from its beginning to its end."""
    then = given(*FULL).when(sell(1))
    then.then(
        happened(StockSold),
        happened(
            ConflictOpened,
            kind="promise_broken",
            reservation_id="soft-new",
            short=1,
            quantity=3,
            bucket=None,
        ),
    )
    name = then.ledger.stock().conflicts["promise_broken", "soft-new"].conflict_id
    then.when(sell(1)).then(
        happened(StockSold), happened(ConflictChanged, conflict_id=name, short=2)
    ).when(receive(1)).then(
        happened(StockReceived), happened(ConflictChanged, conflict_id=name, short=1)
    ).when(receive(1)).then(happened(StockReceived), happened(ConflictCleared, conflict_id=name))


def test_a_conflict_that_returns_is_another_one() -> None:
    """Cleared is the end of a conflict; the next one has a name of its own."""
    ledger = given(*FULL, sold(1)).ledger
    first = ledger.stock().conflicts["promise_broken", "soft-new"].conflict_id
    ledger.take(receive(1))
    ledger.take(sell(1))

    assert first != ledger.stock().conflicts["promise_broken", "soft-new"].conflict_id


@pytest.mark.parametrize(
    ("mending", "broken"),
    [
        (receive(4), {}),
        (take_back(4, to_bucket="sellable"), {}),
        (take_back(4), {"soft-new": 3, "soft-old": 1}),
        (adjust(3), {"soft-new": 1}),
        (release("soft-old"), {"soft-new": 1}),
        (release("soft-new"), {"soft-old": 1}),
        (release("hard-old"), {"soft-new": 1}),
        (release("hard-old", line(1)), {"soft-new": 3}),
        (amend("soft-new", line(1)), {"soft-new": 1, "soft-old": 1}),
        (amend("hard-old", line(1)), {"soft-new": 2}),
        (fulfil("hard-old"), {"soft-new": 3, "soft-old": 1}),
        (fulfil("soft-new"), {"soft-old": 3, "hard-new": 1}),
        (fulfil("soft-old", line(2)), {"soft-new": 3, "soft-old": 1}),
    ],
    ids=str,
)
def test_a_shortage_of_four_is_mended_by(mending: Step, broken: dict[str, int]) -> None:
    """Stock that comes mends; units given up mend; units that leave with their hold do not."""
    given(*FULL, sold(4)).when(mending).broken(broken)


@pytest.mark.parametrize("command", [confirm("soft-new"), extend("soft-new", moment(900))])
def test_a_broken_promise_cannot_be_strengthened(command: Step) -> None:
    """Its units are gone; an older promise with all of its units can."""
    base = given(*FULL, sold(2))
    base.when(command).then_refused(InsufficientStock, requested=3, available=1)
    base.when(confirm("soft-old")).answering(kind="hard")


def test_a_mended_promise_can_be_confirmed() -> None:
    """When stock has come, nothing stands in the way."""
    given(*FULL, sold(2), received(2)).when(confirm("soft-new")).answering(kind="hard")


@pytest.mark.parametrize("bucket", PHYSICAL_BUCKETS)
def test_a_level_below_zero_is_a_conflict_of_its_bucket(bucket: PhysicalBucket) -> None:
    """One open conflict per bucket, by the units that are missing."""
    ledger = given().when(scrap(2, bucket=bucket)).conflicting("negative_stock", {bucket: 2})
    ledger.when(scrap(1, bucket=bucket)).conflicting("negative_stock", {bucket: 3}).when(
        take_back(2, to_bucket=bucket)
    ).conflicting("negative_stock", {bucket: 1}).when(take_back(5, to_bucket=bucket)).conflicting(
        "negative_stock", {}
    )


def test_one_move_may_break_and_mend_at_once() -> None:
    """Both buckets are judged after the event, not between its postings."""
    given(scrap(2, bucket="blocked")).when(move(2, "sellable", "blocked")).conflicting(
        "negative_stock", {"sellable": 2}
    )


def test_a_fact_below_zero_breaks_promises_and_the_level() -> None:
    """Two kinds of conflict, one event: every promise is broken, and two units are missing."""
    then = given(received(3), reserved("order-1", 3)).when(sell(5))

    then.broken({"order-1": 3}).conflicting("negative_stock", {"sellable": 2})
    kinds = [e.kind for e in then.decision.events if isinstance(e, ConflictOpened)]
    assert ["negative_stock", "promise_broken"] == kinds


def test_the_conflicts_at_the_end_depend_on_the_facts_not_on_their_order() -> None:
    """A receipt before or after the sale it covers: nothing is open at the end."""
    first = given(*FULL, received(5)).when(sell(5))
    second = given(*FULL, sold(5)).when(receive(5))

    first.broken({})
    second.broken({})


def test_an_event_and_its_conflicts_tell_the_same() -> None:
    """The stock's stream carries the change, the conflict's own stream tells it again."""
    events = given(*FULL).when(sell(4)).decision.events
    sale, *told = events
    assert isinstance(sale, StockSold)
    opened = [e for e in told if isinstance(e, ConflictOpened)]

    assert [(c.conflict_id, c.short, c.holder) for c in sale.conflicts] == [
        (e.conflict_id, e.short, e.reservation_id) for e in opened
    ]
    assert len(told) == len(opened) == 2


def test_a_release_clears_in_its_own_commit() -> None:
    """The cause ends and so does the conflict."""
    given(*FULL, sold(3)).when(release("soft-new")).then(
        happened(HoldReleased), happened(ConflictCleared), happened(ReservationReleased)
    )


def test_somebody_resolves_a_conflict() -> None:
    """With a word about how; saying it again decides nothing."""
    then = given(received(1)).when(sell(2, reservation_id="order-1"))
    name = next(
        e.conflict_id
        for e in then.decision.events
        if isinstance(e, ConflictOpened) and e.kind == "fulfilled_without_hold"
    )
    then.when(resolve(name, "apologised")).then(
        happened(ConflictResolved, conflict_id=name, resolution="apologised")
    ).answering(status="resolved", resolution="apologised").when(
        resolve(name, "apologised")
    ).then_nothing().answering(status="resolved", resolution="apologised").when(
        resolve(name, "refunded")
    ).then_refused(IllegalState, what="conflict", state="resolved")


def test_a_cleared_conflict_cannot_be_resolved() -> None:
    """It ended by itself; an unknown one never began."""
    then = given(received(1)).when(sell(2))
    name = then.ledger.stock().conflicts["negative_stock", "sellable"].conflict_id
    then.when(receive(9)).conflicting("negative_stock", {}).when(resolve(name)).then_refused(
        IllegalState, what="conflict", id=name, state="cleared"
    ).when(resolve("nobody-knows")).then_refused(NotFound, what="conflict", id="nobody-knows")


def test_a_resolved_conflict_goes_on_being_judged() -> None:
    """People's word does not bring the units back: the stock still says what is short."""
    then = given(*FULL).when(sell(2))
    name = then.ledger.stock().conflicts["promise_broken", "soft-new"].conflict_id
    then.when(resolve(name)).broken({"soft-new": 2}).when(Wait(1), receive(2)).broken({})


def test_a_resolved_conflict_stays_resolved_when_its_cause_changes_or_ends() -> None:
    """Who resolved it had the last word: nobody finds it open, or ended by itself, afterwards."""
    then = given(*FULL).when(sell(2))
    name = then.ledger.stock().conflicts["promise_broken", "soft-new"].conflict_id
    word = resolve(name, "apologised")
    then.when(word, receive(1)).then(happened(StockReceived), happened(ConflictChanged)).when(
        word
    ).then_nothing().answering(status="resolved").when(receive(1)).then(
        happened(StockReceived), happened(ConflictCleared)
    ).when(word).then_nothing().answering(status="resolved", resolution="apologised").when(
        resolve(name, "refunded")
    ).then_refused(IllegalState, what="conflict", state="resolved")
