"""What was recorded wrongly is put right where it was and when it was, and stays readable."""

from typing import Any

import pytest

from ledger.domain.commands import RecordMovements
from ledger.domain.events import (
    MovementCancelled,
    MovementCorrected,
    MovementUnvoided,
    MovementVoided,
    StockAbsorbed,
    StockCorrected,
    StockCountCancelled,
    StockCounted,
)
from ledger.domain.refusals import IllegalState, Malformed, NotFound
from tests.support.builders import (
    adjust,
    cancel,
    correct,
    count,
    move,
    named,
    opening,
    receive,
    received,
    reserved,
    scrap,
    sell,
    sold,
    take_back,
    together,
    void,
)
from tests.support.given import By, given, happened
from tests.support.manual_clock import moment

SALE = named("sale-1", sold(5))

KINDS: list[tuple[RecordMovements, dict[str, int]]] = [
    (opening(4), {"sellable": 14}),
    (receive(4), {"sellable": 14}),
    (sell(4), {"sellable": 6}),
    (take_back(4), {"returned": 4}),
    (take_back(4, to_bucket="damaged"), {"damaged": 4}),
    (adjust(-4), {"sellable": 6}),
    (move(4, "sellable", "blocked"), {"sellable": 6, "blocked": 4}),
    (scrap(4), {"sellable": 6}),
]


@pytest.mark.parametrize(("movement", "levels"), KINDS)
def test_every_movement_can_be_cancelled(movement: RecordMovements, levels: dict[str, int]) -> None:
    """What it did is undone at its own time; the levels are as if it had never been."""
    given(received(10)).when(named("m-1", movement)).leaving(**levels).when(cancel("m-1")).then(
        happened(StockCorrected, of="m-1", occurred_at=moment(2)),
        happened(MovementCancelled, movement_id="m-1"),
    ).leaving(**(dict.fromkeys(levels, 0) | {"sellable": 10}))


@pytest.mark.parametrize(("movement", "levels"), KINDS)
def test_every_movement_can_be_corrected(movement: RecordMovements, levels: dict[str, int]) -> None:
    """To one unit instead of four; of an adjustment, to one less."""
    one = -1 if "adjust" in repr(movement).lower() else 1
    expected = {name: (n - 10 if name == "sellable" else n) // 4 for name, n in levels.items()}
    shifted = {name: 10 + n if name == "sellable" else n for name, n in expected.items()}

    given(received(10), named("m-1", movement)).when(correct("m-1", one)).then(
        happened(StockCorrected, of="m-1", occurred_at=moment(2)),
        happened(MovementCorrected, quantity=one),
    ).leaving(**shifted)


def test_a_correction_says_the_new_total() -> None:
    """Five were recorded, seven were meant, then two after all."""
    given(received(10), SALE).when(correct("sale-1", 7)).then(
        happened(StockCorrected, quantity=2, from_bucket="sellable", to_bucket="customer"),
        happened(MovementCorrected, recorded=5, quantity=7),
    ).leaving(sellable=3).when(correct("sale-1", 2)).then(
        happened(StockCorrected, quantity=-5), happened(MovementCorrected, recorded=7, quantity=2)
    ).leaving(sellable=8)


def test_the_same_total_again_is_true_already() -> None:
    """A correction that was sent twice under two keys changes nothing."""
    given(received(10), SALE, correct("sale-1", 7)).when(correct("sale-1", 7)).then_nothing()


def test_what_was_voided_stays_voided_through_a_correction() -> None:
    """Of the six that were meant, two never took place; less than two cannot have been meant."""
    given(received(10), SALE, void("sale-1", 2)).when(correct("sale-1", 6)).leaving(
        sellable=6
    ).when(correct("sale-1", 1)).then_refused(
        IllegalState, state="partly voided", requested=1, voided=2
    ).when(void("sale-1", 5)).then_refused(IllegalState, requested=5, left=4)


def test_a_cancel_takes_away_what_is_left() -> None:
    """Two of five were voided before; three go now."""
    given(received(10), SALE, void("sale-1", 2)).when(cancel("sale-1")).then(
        happened(StockCorrected, quantity=-3), happened(MovementCancelled, recorded=5, quantity=3)
    ).leaving(sellable=10)


@pytest.mark.parametrize("again", [cancel("sale-1"), correct("sale-1", 2), void("sale-1", 1)])
def test_nothing_becomes_of_a_cancelled_movement(again: RecordMovements) -> None:
    """Two people cannot cancel the same sale, nor one what another has cancelled."""
    given(received(10), SALE, cancel("sale-1")).when(again).then_refused(
        IllegalState, what="movement", id="sale-1", state="cancelled", left=0
    )


def test_a_sale_that_was_voided_to_the_last_unit_is_not_cancelled() -> None:
    """Nothing of it is left."""
    given(received(10), SALE, void("sale-1", 5)).when(cancel("sale-1")).then_refused(
        IllegalState, state="voided", left=0
    )


@pytest.mark.parametrize("about", [correct("sale-9", 1), cancel("sale-9")])
def test_an_unknown_movement_is_refused(about: RecordMovements) -> None:
    """A slip of the finger must not create stock."""
    given(received(10), SALE).when(about).then_refused(NotFound, what="movement", id="sale-9")


@pytest.mark.parametrize("about", [correct("sale-1", 1), cancel("sale-1")])
def test_movements_belong_to_who_reported_them_and_to_their_stock(about: RecordMovements) -> None:
    """One till's numbers mean nothing at another, nor for another shelf."""
    before = given(received(10), SALE)
    (movement,) = about.movements
    elsewhere = type(movement)(**{**_fields(movement), "sku": "LAMP"})

    before.when(By("till-8", about)).then_refused(NotFound)
    before.when(RecordMovements(movements=(elsewhere,))).then_refused(
        IllegalState, state="a sale of 'MUG' at 'ams-1'"
    )


def _fields(movement: Any) -> dict[str, Any]:
    return {name: getattr(movement, name) for name in movement.__struct_fields__}


@pytest.mark.parametrize(
    "about", [named("c-1", correct("sale-1", 7)), named("c-1", cancel("sale-1"))]
)
def test_a_correction_is_not_corrected(about: RecordMovements) -> None:
    """Say again what the sale came to; a cancelled one has to be recorded anew."""
    given(received(10), SALE, about).when(cancel("c-1")).then_refused(
        IllegalState, id="c-1", state="a correction of 'MUG' at 'ams-1'"
    )


@pytest.mark.parametrize(
    ("recorded", "number"),
    [(sell(5), 0), (sell(5), -1), (receive(5), 0), (adjust(3), 0), (count(3), -1)],
)
def test_a_total_that_no_such_movement_has_is_malformed(
    recorded: RecordMovements, number: int
) -> None:
    """What never took place is cancelled; only adjustments are signed."""
    given(received(10), named("m-1", recorded)).when(correct("m-1", number)).then_refused(
        Malformed, path="$.movements[0].quantity"
    )


def test_an_adjustment_may_change_its_sign() -> None:
    """Three were found, not lost."""
    given(received(10), named("m-1", adjust(-3))).when(correct("m-1", 3)).then(
        happened(StockCorrected, quantity=6), happened(MovementCorrected, recorded=-3, quantity=3)
    ).leaving(sellable=13)


def test_a_correction_is_absorbed_like_any_late_fact() -> None:
    """The shelf was counted after the sale: only its explanation changes."""
    given(received(10), SALE, count(4)).when(correct("sale-1", 6)).then(
        happened(StockCorrected, quantity=1, occurred_at=moment(2)),
        happened(StockAbsorbed, delta=1, occurred_at=moment(3)),
        happened(MovementCorrected),
    ).leaving(sellable=4)


def test_a_sale_that_consumed_a_hold_is_corrected_as_a_whole() -> None:
    """Levels change; the promise was kept all the same."""
    given(
        received(10), reserved("order-1", 3), named("sale-1", sell(5, reservation_id="order-1"))
    ).when(correct("sale-1", 4)).then(
        happened(StockCorrected, quantity=-1), happened(MovementCorrected, recorded=5)
    ).leaving(sellable=6, reserved=0)


def test_a_movement_and_its_correction_may_come_in_one_batch() -> None:
    """As a shop that was offline sends them, by the batch's own names."""
    given(received(10)).when(
        together(sell(5), correct("command-2/0", 3), cancel("command-2/0"))
    ).leaving(sellable=10)


# --- voids --------------------------------------------------------------------------------------

VOID = named("void-1", void("sale-1", 4))


def test_a_cancelled_void_lets_the_sale_count_again() -> None:
    """The sale did take place; what may be voided of it is as before."""
    given(received(10), SALE, VOID).when(cancel("void-1")).then(
        happened(StockCorrected, of="void-1", quantity=-4, occurred_at=moment(2)),
        happened(MovementCancelled, movement_id="void-1", quantity=4),
        happened(MovementUnvoided, movement_id="sale-1", quantity=4),
    ).leaving(sellable=5).when(void("sale-1", 5)).leaving(sellable=10)


@pytest.mark.parametrize(
    ("meant", "kind", "units", "sellable"),
    [(1, MovementUnvoided, 3, 6), (5, MovementVoided, 1, 10)],
)
def test_a_void_is_corrected_on_both_sides(
    meant: int, kind: type, units: int, sellable: int
) -> None:
    """Fewer units were voided, or more; the sale knows."""
    given(received(10), SALE, VOID).when(correct("void-1", meant)).then(
        happened(StockCorrected, of="void-1", quantity=meant - 4),
        happened(MovementCorrected, movement_id="void-1", quantity=meant),
        happened(kind, movement_id="sale-1", quantity=units),
    ).leaving(sellable=sellable)


def test_no_more_is_voided_by_a_correction_than_is_left() -> None:
    """One of five is left, two are asked for."""
    given(received(10), SALE, VOID).when(correct("void-1", 6)).then_refused(
        IllegalState, id="void-1", left=1
    )


def test_a_void_of_a_cancelled_sale_is_left_alone() -> None:
    """Nothing of the sale counts, so nothing of it can count again."""
    given(received(10), SALE, VOID, cancel("sale-1")).when(cancel("void-1")).then_refused(
        IllegalState, id="void-1", state="a void of 'sale-1', which is cancelled"
    )


# --- counts -------------------------------------------------------------------------------------

COUNTED = named("count-1", count(4, occurred_at=moment(1.5)))


def test_a_cancelled_count_leaves_the_level_as_it_would_have_been() -> None:
    """All that it held in the variance is taken back: its own finding and what it absorbed."""
    given(received(9), COUNTED, sell(2, occurred_at=moment(1.2))).when(cancel("count-1")).then(
        happened(StockCountCancelled, anchor=2, delta=3, occurred_at=moment(1.5)),
        happened(MovementCancelled, recorded=4, quantity=4),
    ).leaving(sellable=7)


def test_what_a_cancelled_count_held_goes_to_the_next_one() -> None:
    """That one had been right, so the present does not change."""
    given(received(9), COUNTED, count(6)).when(cancel("count-1")).then(
        happened(StockCountCancelled, delta=5),
        happened(StockAbsorbed, delta=-5, anchor=3),
        happened(MovementCancelled),
    ).leaving(sellable=6)


def test_a_corrected_count_stands_under_its_name() -> None:
    """Seven were counted, not four; the count can be corrected again and cancelled."""
    given(received(9), COUNTED).when(correct("count-1", 7)).then(
        happened(StockCountCancelled, anchor=2, delta=5),
        happened(StockCounted, counted=7, delta=-2, count_id="count-1", occurred_at=moment(1.5)),
        happened(MovementCorrected, movement_id="count-1", recorded=4, quantity=7),
    ).leaving(sellable=7).when(correct("count-1", 0)).leaving(sellable=0).when(
        cancel("count-1")
    ).then(happened(StockCountCancelled, delta=9), happened(MovementCancelled, recorded=0)).leaving(
        sellable=9
    )


def test_the_number_counted_again_changes_nothing() -> None:
    """It is what stands."""
    given(received(9), COUNTED).when(correct("count-1", 4)).then_nothing()


def test_the_correction_of_a_count_is_no_count() -> None:
    """The count goes by its own name."""
    given(received(9), COUNTED, named("c-1", correct("count-1", 7))).when(
        cancel("c-1")
    ).then_refused(IllegalState, state="a correction of 'MUG' at 'ams-1'")
