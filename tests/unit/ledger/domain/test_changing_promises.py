"""Confirm, extend, amend, release: what a promise allows in which state."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.events import (
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldReleased,
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationReleased,
    StockReserved,
)
from ledger.domain.refusals import IllegalState, InsufficientStock, Malformed, NotFound
from tests.support.builders import (
    amend,
    confirm,
    extend,
    fulfil,
    line,
    received,
    release,
    reserve,
    reserved,
    sold,
)
from tests.support.given import Step, Wait, given, happened
from tests.support.manual_clock import moment

SOFT: list[Step] = [received(10), reserved("order-1", 4, expires_at=moment(60))]
HARD: list[Step] = [received(10), reserved("order-1", 4)]
EXPIRED: list[Step] = [*SOFT, Wait(58)]


@pytest.mark.parametrize(
    "command",
    [
        confirm("order-9"),
        extend("order-9", moment(99)),
        amend("order-9", line(1)),
        release("order-9"),
        fulfil("order-9"),
    ],
)
def test_an_unknown_promise_cannot_be_changed(command: AnyCommand) -> None:
    """There is no reservation under this id."""
    given(*HARD).when(command).then_refused(NotFound, what="reservation", id="order-9")


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ([*HARD, release("order-1")], "released"),
        ([*HARD, fulfil("order-1")], "fulfilled"),
        (EXPIRED, "expired"),
    ],
)
@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (confirm("order-1"), "confirm"),
        (extend("order-1", moment(99)), "extend"),
        (amend("order-1", line(5)), "amend"),
    ],
)
def test_a_promise_that_has_ended_never_reopens(
    ending: list[Step], state: str, command: AnyCommand, asked: str
) -> None:
    """Released, fulfilled or run out: terminal is terminal."""
    given(*ending).when(command).then_refused(
        IllegalState, what="reservation", id="order-1", state=state, asked=asked
    )


def test_confirming_makes_a_promise_hard() -> None:
    """Its expiry is dropped: the units stay held whatever the time."""
    given(*SOFT).when(confirm("order-1")).then(
        happened(HoldConfirmed, reservation_id="order-1"),
        happened(ReservationConfirmed, reservation_id="order-1"),
    ).answering(status="confirmed", kind="hard", expires_at=None).when(
        Wait(3600), reserve("order-2", 7)
    ).then_refused(InsufficientStock, available=6)


def test_a_promise_that_was_hard_from_the_start_is_confirmed_in_its_document() -> None:
    """Its holds stay what they are."""
    given(*HARD).when(confirm("order-1")).then(
        happened(ReservationConfirmed, reservation_id="order-1")
    ).answering(status="confirmed", kind="hard", expires_at=None)


@pytest.mark.parametrize("before", [HARD, SOFT])
def test_confirming_once_more_decides_nothing(before: list[Step]) -> None:
    """It is already true."""
    given(*before, confirm("order-1")).when(confirm("order-1")).then_nothing().answering(
        status="confirmed", kind="hard"
    )


@pytest.mark.parametrize("before", [HARD, [*SOFT, confirm("order-1")]])
def test_a_hard_promise_whose_units_are_gone_is_not_confirmed(before: list[Step]) -> None:
    """Whoever asks before shipping must not hear yes."""
    given(*before, sold(8)).when(confirm("order-1")).then_refused(
        InsufficientStock, requested=4, available=2
    )


def test_confirming_touches_every_open_line() -> None:
    """One promise, two stocks: both holds become hard, one that is used up has none."""
    given(
        received(4),
        received(4, sku="LAMP"),
        reserved("order-1", 4, line(4, sku="LAMP"), expires_at=moment(60)),
        fulfil("order-1", line(4)),
    ).when(confirm("order-1")).then(
        happened(HoldConfirmed, sku="LAMP"), happened(ReservationConfirmed)
    ).answering(status="partially_fulfilled", kind="hard")


@pytest.mark.parametrize("until", [moment(90), moment(30)])
def test_extending_moves_the_expiry(until: int) -> None:
    """Later or earlier, as long as it lies in the future."""
    given(*SOFT).when(extend("order-1", until)).then(
        happened(HoldExtended, expires_at=until), happened(ReservationExtended, expires_at=until)
    ).answering(status="placed", expires_at=until)


def test_an_extended_promise_runs_out_at_its_new_instant() -> None:
    """Neither at the old one nor a microsecond later than the new one."""
    base = given(*SOFT, extend("order-1", moment(90)))
    base.when(Wait(70), reserve("order-2", 7)).then_refused(InsufficientStock, available=6)
    base.when(Wait(14), reserve("order-2", 7)).then_refused(InsufficientStock, available=6)
    assert moment(89) == base.ledger.clock.now()
    base.when(reserve("order-2", 7)).answering(status="placed")


def test_a_promise_extended_to_earlier_runs_out_earlier() -> None:
    """The old expiry means nothing any more."""
    given(*SOFT, extend("order-1", moment(5)), Wait(1)).when(reserve("order-2", 10)).answering(
        status="placed"
    )


def test_extending_to_the_same_instant_decides_nothing() -> None:
    """It is already true."""
    given(*SOFT).when(extend("order-1", moment(60))).then_nothing()


def test_a_hard_promise_cannot_be_extended() -> None:
    """It does not run out."""
    given(*HARD).when(extend("order-1", moment(60))).then_refused(
        IllegalState, state="placed", kind="hard"
    )


@pytest.mark.parametrize("until", [moment(3), moment(-5)])
def test_extending_into_the_past_is_refused(until: int) -> None:
    """That would be an expiry by another name."""
    given(*SOFT).when(extend("order-1", until)).then_refused(Malformed, path="$.expires_at")


@pytest.mark.parametrize(
    ("lines", "events", "numbers", "available"),
    [
        (
            (line(6),),
            [happened(HoldAmended, delta=2)],
            {"requested": 6, "granted": 6, "open": 6},
            4,
        ),
        (
            (line(10),),
            [happened(HoldAmended, delta=6)],
            {"requested": 10, "granted": 10, "open": 10},
            0,
        ),
        (
            (line(3),),
            [happened(HoldAmended, delta=-1)],
            {"requested": 3, "granted": 3, "open": 3},
            7,
        ),
        (
            (line(3), line(4)),
            [happened(HoldAmended, delta=3)],
            {"requested": 7, "granted": 7, "open": 7},
            3,
        ),
    ],
)
def test_amending_sets_the_promised_total(
    lines: Any, events: list[Any], numbers: dict[str, int], available: int
) -> None:
    """More is asked for like any promise, less is given back; lines are added up."""
    given(*HARD).when(amend("order-1", *lines)).then(
        *events, happened(ReservationAmended)
    ).with_line(**numbers).leaving(available=available)


def test_amending_to_the_same_total_decides_nothing() -> None:
    """It is already true."""
    given(*HARD).when(amend("order-1", line(4))).then_nothing()


def test_amending_beyond_what_is_available_is_refused() -> None:
    """The units already held are not asked for twice."""
    given(*HARD).when(amend("order-1", line(11))).then_refused(
        InsufficientStock, requested=7, available=6
    )


def test_amending_may_add_a_line() -> None:
    """A stock not yet in the promise gets a hold of the same kind and expiry."""
    given(*SOFT, received(5, location="nyc-2")).when(
        amend("order-1", line(2, location="nyc-2"))
    ).then(
        happened(StockReserved, location="nyc-2", quantity=2, kind="soft", expires_at=moment(60)),
        happened(ReservationAmended),
    ).with_line(0, requested=4, granted=4, open=4).with_line(1, requested=2, granted=2, open=2)


def test_amending_many_lines_is_all_or_none() -> None:
    """One line too much, and the other is not given back either."""
    given(*HARD).when(amend("order-1", line(2), line(1, sku="LAMP"))).then_refused(
        InsufficientStock, sku="LAMP", requested=1, available=0
    ).leaving(reserved=4)


def test_amending_below_what_has_left_is_refused() -> None:
    """Three are gone: the promise cannot have been two."""
    base = given(*HARD, fulfil("order-1", line(3)))
    base.when(amend("order-1", line(2))).then_refused(
        IllegalState, state="partly used", requested=2, used=3
    )
    base.when(amend("order-1", line(3))).answering(status="fulfilled").with_line(
        requested=3, granted=3, fulfilled=3
    ).leaving(reserved=0)


def test_amending_a_used_up_line_holds_again() -> None:
    """The line had nothing open; what is added is a new hold."""
    given(
        received(9), reserved("order-1", 4, line(2, sku="MUG", location="nyc-2"), policy="partial")
    ).when(fulfil("order-1", line(3)), amend("order-1", line(6))).then(
        happened(HoldAmended, delta=2), happened(ReservationAmended)
    ).with_line(0, requested=6, granted=6, open=3, fulfilled=3).when(
        release("order-1", line(3))
    ).leaving(reserved=0)


def test_releasing_gives_all_that_is_open_back() -> None:
    """Without lines: everything."""
    given(*HARD, fulfil("order-1", line(1))).when(release("order-1")).then(
        happened(HoldReleased, quantity=3), happened(ReservationReleased)
    ).answering(status="released").with_line(
        requested=4, granted=4, fulfilled=1, released=3
    ).leaving(sellable=9, reserved=0)


def test_releasing_a_part_leaves_the_rest_held() -> None:
    """Lines are added up here, too."""
    given(*HARD).when(release("order-1", line(1), line(1))).then(
        happened(HoldReleased, quantity=2), happened(ReservationReleased)
    ).answering(status="placed").with_line(requested=4, granted=4, open=2, released=2)


def test_releasing_again_decides_nothing() -> None:
    """What has been given up stays given up."""
    given(*HARD, release("order-1")).when(release("order-1")).then_nothing().answering(
        status="released"
    )


@pytest.mark.parametrize(
    ("before", "asked", "facts"),
    [
        (HARD, line(5), {"state": "placed", "requested": 5, "open": 4}),
        (HARD, line(1, sku="LAMP"), {"state": "placed", "requested": 1, "open": 0}),
        ([*HARD, fulfil("order-1")], line(1), {"state": "fulfilled"}),
        (EXPIRED, line(1), {"state": "expired"}),
    ],
)
def test_releasing_what_is_not_open_is_refused(
    before: list[Step], asked: Any, facts: dict[str, Any]
) -> None:
    """Nobody gives back what is not held."""
    given(*before).when(release("order-1", asked)).then_refused(IllegalState, **facts)
