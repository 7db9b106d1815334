"""A soft hold ends at its instant, whether or not anybody has written that down."""

import pytest

from ledger.domain.events import (
    ConflictCleared,
    ExpiredHold,
    HoldConfirmed,
    HoldsExpired,
    ReservationConfirmed,
    ReservationPlaced,
    StockReserved,
)
from ledger.domain.refusals import IllegalState, InsufficientStock, StaleQuantity
from tests.support.builders import (
    adjust,
    confirm,
    line,
    received,
    release,
    reserve,
    reserved,
    sell,
    sold,
    sweep,
    together,
)
from tests.support.given import Wait, given, happened
from tests.support.manual_clock import moment

SOFT = reserved("order-1", 4, expires_at=moment(10))


def test_a_hold_ends_at_its_instant_and_not_before() -> None:
    """One second before, the units are held; at the instant, they are free."""
    base = given(received(4), SOFT, Wait(6))
    base.when(reserve("order-2", 4)).then_refused(InsufficientStock, available=0)
    assert moment(9) == base.ledger.clock.now()
    base.when(reserve("order-2", 4)).then(
        happened(StockReserved, occurred_at=moment(10)), happened(ReservationPlaced)
    )


def test_a_hold_ends_between_two_movements_of_a_batch() -> None:
    """Each movement has its instant: the first still finds the hold, the second does not."""
    hold = reserved("order-1", 4, expires_at=moment(3) + 1)
    given(received(4), hold).when(together(sell(2), sell(1))).broken({}).leaving(
        reserved=0, sellable=1
    )


def test_a_refused_batch_leaves_a_hold_that_ran_out_meanwhile_as_it_was() -> None:
    """Part of the hold was taken, it ran out, and then the batch was refused."""
    hold = reserved("order-1", 4, expires_at=moment(3) + 1)
    given(received(4), hold).when(
        together(sell(1, reservation_id="order-1"), sell(1), adjust(1, expected_on_hand=99))
    ).then_refused(StaleQuantity).leaving(sellable=4).when(sweep()).then(
        happened(
            HoldsExpired,
            holds=(ExpiredHold(reservation_id="order-1", quantity=4, expired_at=moment(3) + 1),),
        )
    )


def test_the_sweeper_writes_every_hold_at_its_own_instant() -> None:
    """One event per stock and sweep; what has not run out stays."""
    given(
        received(10),
        reserved("order-1", 1, expires_at=moment(12)),
        reserved("order-2", 2, expires_at=moment(11)),
        reserved("order-3", 3, expires_at=moment(99)),
        reserved("order-4", 4),
        Wait(10),
    ).when(sweep()).then(
        happened(
            HoldsExpired,
            occurred_at=moment(12),
            effective_at=moment(12),
            holds=(
                ExpiredHold(reservation_id="order-2", quantity=2, expired_at=moment(11)),
                ExpiredHold(reservation_id="order-1", quantity=1, expired_at=moment(12)),
            ),
        )
    ).answering(holds=2).leaving(reserved=7)


def test_sweeping_again_decides_nothing() -> None:
    """There is nothing left to write down."""
    given(received(4), SOFT, Wait(10), sweep()).when(sweep()).then_nothing().answering(holds=0)


def test_a_sweep_after_something_else_happened_keeps_the_effective_time() -> None:
    """The expiry lies in the past by then: a late row like any other."""
    given(received(4), SOFT, Wait(10), sold(1)).when(sweep()).then(
        happened(HoldsExpired, occurred_at=moment(10), effective_at=moment(13))
    )


def test_a_swept_promise_is_expired() -> None:
    """Written down or not, its status is the same."""
    given(received(4), SOFT, Wait(10), sweep()).when(
        reserve("order-1", 4, expires_at=moment(10))
    ).answering(status="expired").with_line(requested=4, granted=4, expired=4)


@pytest.mark.parametrize("swept", [False, True])
def test_what_has_run_out_cannot_be_given_up(swept: bool) -> None:
    """The units left `open` already, once."""
    steps = [sweep()] if swept else []
    given(received(4), SOFT, Wait(10), *steps).when(release("order-1")).then_refused(
        IllegalState, state="expired"
    )


def test_a_hold_mended_by_the_expiry_of_another_is_whole() -> None:
    """Newest is broken first; the older one runs out, and there is enough for the newest."""
    given(
        received(10),
        reserved("older", 5, expires_at=moment(10)),
        reserved("newer", 5, expires_at=moment(60)),
        sold(5),
    ).when(sold(1, location="nyc-2")).broken({"newer": 5}).when(confirm("newer")).then_refused(
        InsufficientStock, requested=5, available=0
    ).when(Wait(10), confirm("newer")).then(
        happened(HoldConfirmed, reservation_id="newer"),
        happened(ConflictCleared, kind="promise_broken"),
        happened(ReservationConfirmed),
    ).broken({})


def test_a_hold_is_mended_only_as_far_as_units_came_free() -> None:
    """Three of five came free: the newest is still two short."""
    given(
        received(10),
        reserved("oldest", 2),
        reserved("older", 3, expires_at=moment(10)),
        reserved("newer", 5, expires_at=moment(60)),
        sold(5),
    ).when(Wait(10), confirm("newer")).then_refused(InsufficientStock, requested=5, available=3)


def test_a_broken_hold_that_runs_out_is_cleared_with_the_next_event() -> None:
    """Whatever happens to the stock next says that nothing is broken any more."""
    given(received(4), SOFT, sold(2)).when(Wait(10), received(1)).broken({}).when(
        reserve("order-2", 3, line(1, location="ams-1"), policy="partial")
    ).with_line(requested=4, granted=3, rejected=1, open=3)


def test_the_sweep_itself_clears_what_ran_out_broken() -> None:
    """In the same commit."""
    given(received(4), SOFT, sold(2)).when(Wait(10), sweep()).then(
        happened(HoldsExpired), happened(ConflictCleared)
    ).broken({})
