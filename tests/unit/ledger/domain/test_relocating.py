"""Promised units that are held elsewhere: moved whole, never doubled, never lost."""

from typing import Any

import pytest

from ledger.domain.events import (
    HoldAmended,
    HoldRelocated,
    ReservationRelocated,
    StockReserved,
)
from ledger.domain.refusals import IllegalState, InsufficientStock, Malformed, NotFound
from tests.support.builders import (
    PLACE,
    SKU,
    amend,
    confirm,
    fulfil,
    line,
    received,
    release,
    relocate,
    reserve,
    reserved,
    sell,
    shift,
    sold,
    sweep,
)
from tests.support.given import Step, Wait, given, happened
from tests.support.manual_clock import moment

NYC = "nyc-2"
BER = "ber-3"
TWO: list[Step] = [
    received(10),
    received(6, location=NYC),
    reserved("order-1", 4, expires_at=moment(60)),
]
"""Ten mugs in Amsterdam, of which order-1 holds four, and six in New York."""


def test_relocated_units_are_held_at_the_other_place() -> None:
    """One stock frees them, the other holds them: with the promise's kind and expiry."""
    given(*TWO).when(relocate("order-1", shift(3, PLACE, NYC))).then(
        happened(HoldRelocated, location=PLACE, quantity=3, to_location=NYC),
        happened(StockReserved, location=NYC, quantity=3, kind="soft", expires_at=moment(60)),
        happened(ReservationRelocated, moves=(shift(3, PLACE, NYC),)),
    ).answering(status="placed").leaving(SKU, PLACE, reserved=1, available=9).leaving(
        SKU, NYC, reserved=3, available=3
    )


def test_what_was_asked_and_granted_goes_along() -> None:
    """Both lines still add up, and so does the promise: nothing is released or granted anew."""
    given(*TWO).when(relocate("order-1", shift(3, PLACE, NYC))).with_line(
        0, requested=1, granted=1, open=1
    ).with_line(1, requested=3, granted=3, open=3)


def test_a_line_keeps_what_has_left_it() -> None:
    """Fulfilled and rejected units stay where they were."""
    base = given(received(5), received(9, location=NYC), reserve("order-1", 7, policy="partial"))
    base.when(fulfil("order-1", line(2)), relocate("order-1", shift(3, PLACE, NYC))).with_line(
        0, requested=4, granted=2, rejected=2, fulfilled=2
    ).with_line(1, requested=3, granted=3, open=3)


def test_units_join_what_the_promise_holds_there() -> None:
    """One hold a reservation and stock: it grows."""
    given(*TWO, amend("order-1", line(2, location=NYC))).when(
        relocate("order-1", shift(1, PLACE, NYC))
    ).then(
        happened(HoldRelocated, quantity=1),
        happened(HoldAmended, location=NYC, delta=1),
        happened(ReservationRelocated),
    ).leaving(SKU, NYC, reserved=3)


@pytest.mark.parametrize(
    ("moves", "moved"),
    [
        ((shift(2, PLACE, NYC), shift(1, PLACE, NYC)), (shift(3, PLACE, NYC),)),
        ((shift(2, PLACE, NYC), shift(2, NYC, BER)), (shift(2, PLACE, BER),)),
        ((shift(9, PLACE, NYC), shift(7, NYC, PLACE)), (shift(2, PLACE, NYC),)),
        (
            (shift(1, PLACE, NYC), shift(2, PLACE, BER)),
            (shift(1, PLACE, NYC), shift(2, PLACE, BER)),
        ),
    ],
)
def test_moves_of_one_command_are_netted(moves: Any, moved: Any) -> None:
    """Only what a place gains in the end must be free there, only what it loses must be held."""
    given(*TWO, received(2, location=BER)).when(relocate("order-1", *moves)).then(
        *[happened(HoldRelocated, quantity=m.quantity, to_location=m.to_location) for m in moved],
        *[happened(StockReserved, location=m.to_location, quantity=m.quantity) for m in moved],
        happened(ReservationRelocated, moves=moved),
    )


def test_moves_that_cancel_out_decide_nothing() -> None:
    """There and back again is nowhere."""
    given(*TWO).when(
        relocate("order-1", shift(2, PLACE, NYC), shift(2, NYC, PLACE))
    ).then_nothing().leaving(reserved=4)


def test_a_place_gives_only_what_it_has() -> None:
    """All moves or none, and every shortfall is named."""
    then = given(*TWO, reserved("order-2", None, line(4, location=NYC))).when(
        relocate("order-1", shift(3, PLACE, NYC), shift(1, PLACE, BER))
    )

    then.then_refused(InsufficientStock, sku=SKU, location=NYC, requested=3, available=2).leaving(
        reserved=4
    )
    assert 2 == len(then.decision.refusal.shortfalls)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("before", "moves", "facts"),
    [
        (TWO, shift(5, PLACE, NYC), {"state": "placed", "requested": 5, "open": 4}),
        (TWO, shift(1, NYC, PLACE), {"state": "placed", "requested": 1, "open": 0}),
        (TWO, shift(1, PLACE, NYC, "LAMP"), {"state": "placed", "open": 0}),
        ([*TWO, release("order-1")], shift(1, PLACE, NYC), {"state": "released"}),
        ([*TWO, fulfil("order-1")], shift(1, PLACE, NYC), {"state": "fulfilled"}),
        ([*TWO, Wait(60)], shift(1, PLACE, NYC), {"state": "expired"}),
    ],
)
def test_only_open_units_are_relocated(
    before: list[Step], moves: Any, facts: dict[str, Any]
) -> None:
    """What is not held, or has ended, stays where it is."""
    given(*before).when(relocate("order-1", moves)).then_refused(
        IllegalState, asked="relocate", **facts
    )


def test_a_move_goes_somewhere_and_concerns_a_promise() -> None:
    """Neither to where it comes from, nor of a promise that nobody made."""
    given(*TWO).when(relocate("order-1", shift(1, NYC, NYC))).then_refused(
        Malformed, path="$.moves[0].to"
    ).when(relocate("order-9", shift(1, PLACE, NYC))).then_refused(NotFound, id="order-9")


def test_broken_units_are_not_relocated() -> None:
    """A promise whose units are gone is no better elsewhere: its conflict is worked off."""
    given(*TWO, sold(8)).when(relocate("order-1", shift(1, PLACE, NYC))).then_refused(
        InsufficientStock, sku=SKU, location=PLACE, requested=1, available=2
    )


def test_a_relocated_hold_is_the_newest_at_its_new_place() -> None:
    """Whoever was there before keeps his units longer."""
    base = given(
        *TWO,
        reserved("order-2", None, line(3, location=NYC), expires_at=moment(60)),
        relocate("order-1", shift(3, PLACE, NYC)),
    )
    base.when(sell(2, location=NYC))
    shorts = {
        holder: conflict.short
        for (_, holder), conflict in base.ledger.stock(SKU, NYC).conflicts.items()
    }

    assert {"order-1": 2} == shorts


def test_relocated_units_run_out_leave_and_are_confirmed_there() -> None:
    """The life of a promise goes on at its new place."""
    moved = [*TWO, relocate("order-1", shift(3, PLACE, NYC))]
    given(*moved).when(Wait(60), sweep(location=NYC)).leaving(SKU, NYC, reserved=0)
    given(*moved).when(fulfil("order-1")).leaving(SKU, PLACE, sellable=9, reserved=0).leaving(
        SKU, NYC, sellable=3, reserved=0
    )
    given(*moved, confirm("order-1")).when(Wait(90)).leaving(SKU, NYC, reserved=3)


def test_relocating_away_mends_what_others_lack() -> None:
    """The freed units are theirs in the same commit."""
    short: list[Step] = [*TWO, reserved("order-2", 6, expires_at=moment(60))]
    given(*short).when(sell(2)).broken({"order-2": 2}).when(
        relocate("order-1", shift(2, PLACE, NYC))
    ).broken({})
