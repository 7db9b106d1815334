"""Lines that leave their location open: picked at the decision, always in the same way."""

from typing import Any

import pytest

from ledger.domain.commands import PlaceReservation
from ledger.domain.events import ReservationPlaced
from ledger.domain.refusals import IdTaken, IllegalState, InsufficientStock, Shortfall
from tests.support.builders import (
    amend,
    anywhere,
    fulfil,
    line,
    received,
    reserve,
    reserved,
)
from tests.support.given import Step, given

AMS, NYC, BER = "ams-1", "nyc-2", "ber-3"
SHOPS = (AMS, NYC, BER)
THREE: list[Step] = [received(3), received(5, location=NYC), received(5, location=BER)]
"""Three mugs in Amsterdam, five in New York, five in Berlin."""


def _granted(then: Any) -> dict[str, int]:
    return {line.location: line.granted for line in then.decision.outcome.lines}


@pytest.mark.parametrize(
    ("quantity", "choice", "granted"),
    [
        (2, {}, {AMS: 2}),
        (3, {}, {AMS: 3}),
        (4, {}, {NYC: 4}),
        (2, {"sourcing": "most_available"}, {NYC: 2}),
        (4, {"split": True}, {AMS: 3, NYC: 1}),
        (9, {"split": True}, {AMS: 3, NYC: 5, BER: 1}),
        (9, {"split": True, "sourcing": "most_available"}, {NYC: 5, BER: 4}),
        (13, {"split": True}, {AMS: 3, NYC: 5, BER: 5}),
    ],
)
def test_units_come_from_the_candidates_in_their_order_or_where_most_are(
    quantity: int, choice: Any, granted: dict[str, int]
) -> None:
    """Ties go by the order given; one location gives all unless the line may be split."""
    asked = anywhere(quantity, *SHOPS, **choice)

    assert granted == _granted(given(*THREE).when(reserve("order-1", sourced=(asked,))))


@pytest.mark.parametrize(("quantity", "split"), [(6, False), (14, True)])
def test_too_much_for_the_candidates_is_refused(quantity: int, split: bool) -> None:
    """The refusal says what each of them has."""
    then = given(*THREE).when(
        reserve("order-1", sourced=(anywhere(quantity, *SHOPS, split=split),))
    )

    then.then_refused(InsufficientStock, location=AMS, requested=quantity, available=3)
    refusal = then.decision.refusal
    assert isinstance(refusal, InsufficientStock)
    assert refusal.shortfalls == tuple(
        Shortfall("MUG", place, quantity, free)
        for place, free in zip(SHOPS, (3, 5, 5), strict=True)
    )


@pytest.mark.parametrize(
    ("split", "lines"),
    [
        (False, {NYC: (15, 5)}),
        (True, {AMS: (5, 3), NYC: (5, 5), BER: (5, 5)}),
    ],
)
def test_a_partial_promise_takes_what_the_candidates_have(
    split: bool, lines: dict[str, tuple[int, int]]
) -> None:
    """What none of them has is rejected, at the first that gives anything."""
    asked = anywhere(15, *SHOPS, split=split)
    then = given(*THREE).when(reserve("order-1", sourced=(asked,), policy="partial"))
    outcome: Any = then.decision.outcome

    assert lines == {x.location: (x.requested, x.granted) for x in outcome.lines}
    assert sum(x.rejected for x in outcome.lines) == 15 - sum(g for _, g in lines.values())


def test_a_line_that_nobody_can_give_is_rejected_at_its_first_candidate() -> None:
    """Beside another line that can be given, a partial promise tells where it would have been."""
    lamps = anywhere(2, NYC, AMS, sku="LAMP")
    given(*THREE).when(reserve("order-1", 1, sourced=(lamps,), policy="partial")).with_line(
        0, requested=1, granted=1, open=1
    ).with_line(1, requested=2, rejected=2)


def test_lines_of_one_request_do_not_count_on_the_same_units() -> None:
    """Lines with a place take first, then the others in their order."""
    two = (anywhere(2, AMS, NYC), anywhere(2, AMS, NYC))

    then = given(*THREE).when(reserve("order-1", 2, sourced=two))
    assert {AMS: 2, NYC: 4} == _granted(then)
    given(*THREE).when(reserve("order-1", 2, sourced=(anywhere(2, AMS),))).then_refused(
        InsufficientStock, location=AMS, requested=2, available=1
    )


def test_the_event_says_what_was_asked_and_what_was_taken_where() -> None:
    """Nobody has to guess later why it was this shop."""
    asked = anywhere(4, *SHOPS, split=True)
    then = given(*THREE).when(reserve("order-1", sourced=(asked,)))
    placed = then.decision.events[-1]
    assert isinstance(placed, ReservationPlaced)

    assert [asked] == [units.asked for units in placed.sourced]
    assert placed.lines == placed.sourced[0].picked


FOUR = anywhere(4, *SHOPS)
ONE = anywhere(1, NYC)


@pytest.mark.parametrize(
    "again",
    [
        reserve("order-1", 2, sourced=(FOUR, ONE)),
        reserve("order-1", 1, line(1), sourced=(ONE, FOUR)),
    ],
)
def test_the_same_request_again_decides_nothing(again: PlaceReservation) -> None:
    """Also where the shops have other stock by now, and whatever the order of the lines."""
    given(*THREE, reserve("order-1", 2, sourced=(FOUR, ONE)), received(50)).when(
        again
    ).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        reserve("order-1", 2, sourced=(FOUR,)),
        reserve("order-1", 2, sourced=(FOUR, FOUR)),
        reserve("order-1", 2, sourced=(FOUR, anywhere(2, NYC))),
        reserve("order-1", 2, sourced=(anywhere(4, NYC, AMS, BER), ONE)),
        reserve("order-1", 2, sourced=(anywhere(4, *SHOPS, split=True), ONE)),
        reserve("order-1", 3, sourced=(FOUR, ONE)),
        reserve("order-1", 2, line(5, location=NYC)),
    ],
)
def test_another_request_under_a_known_id_is_refused(other: PlaceReservation) -> None:
    """Also where it would have come to the same units."""
    given(*THREE, reserve("order-1", 2, sourced=(FOUR, ONE))).when(other).then_refused(
        IdTaken, id="order-1"
    )


@pytest.mark.parametrize(
    ("total", "choice", "granted"),
    [
        (6, {}, {AMS: 3, NYC: 3}),
        (9, {"split": True}, {AMS: 3, NYC: 5, BER: 1}),
        (8, {"sourcing": "most_available"}, {AMS: 3, NYC: 1, BER: 4}),
        (2, {}, {AMS: 2, NYC: 0}),
        (3, {}, {AMS: 3, NYC: 0}),
        (4, {}, {AMS: 3, NYC: 1}),
    ],
)
def test_amending_sets_the_total_over_the_candidates(
    total: int, choice: Any, granted: dict[str, int]
) -> None:
    """More is picked like a new line; less is taken from the last choice first."""
    placed = reserve("order-1", sourced=(anywhere(4, *SHOPS, split=True),))
    then = given(*THREE, placed).when(
        amend("order-1", sourced=(anywhere(total, *SHOPS, **choice),))
    )

    assert granted == _granted(then)


def test_amending_over_candidates_is_refused_like_any_amendment() -> None:
    """Beyond what there is, or below what has left."""
    base = given(*THREE, reserve("order-1", sourced=(anywhere(4, *SHOPS, split=True),)))
    base.when(amend("order-1", sourced=(anywhere(10, *SHOPS),))).then_refused(
        InsufficientStock, location=AMS, requested=6, available=0
    ).when(
        fulfil("order-1", line(3)), amend("order-1", sourced=(anywhere(2, *SHOPS),))
    ).then_refused(IllegalState, state="partly used", requested=2, used=3)


def test_a_hold_elsewhere_leaves_less_to_pick_from() -> None:
    """What other orders hold is not available, and expiry counts at its instant."""
    given(*THREE, reserved("order-0", 3)).when(
        reserve("order-1", sourced=(anywhere(1, *SHOPS),))
    ).answering(status="placed").leaving("MUG", NYC, reserved=1)
