"""A recorded sale, or a part of it, never took place."""

import pytest

from ledger.domain.events import (
    HoldFulfilled,
    MovementVoided,
    ReservationFulfilled,
    SaleVoided,
    StockReceived,
    StockSold,
)
from ledger.domain.refusals import IllegalState, NotFound
from tests.support.builders import (
    fulfil,
    named,
    receive,
    received,
    reserved,
    sell,
    sold,
    together,
    void,
)
from tests.support.given import By, given, happened
from tests.support.manual_clock import moment

SALE = named("sale-1", sold(5))


def test_a_void_puts_the_units_back_when_the_sale_was() -> None:
    """Its business time is the sale's, whatever the caller says; the document counts it."""
    given(received(10), SALE).when(void("sale-1", 5, occurred_at=moment(3))).then(
        happened(SaleVoided, quantity=5, of="sale-1", occurred_at=moment(2)),
        happened(MovementVoided, movement_id="sale-1", recorded=5, quantity=5),
    ).leaving(sellable=10)


@pytest.mark.parametrize(
    ("before", "asked", "left", "state"),
    [((), 6, 5, "recorded"), ((2,), 4, 3, "partly voided"), ((2, 3), 1, 0, "voided")],
)
def test_no_more_is_voided_than_is_left(
    before: tuple[int, ...], asked: int, left: int, state: str
) -> None:
    """Two people cannot cancel the same units."""
    voids = (void("sale-1", quantity) for quantity in before)
    given(received(10), SALE, *voids).when(void("sale-1", asked)).then_refused(
        IllegalState, what="movement", id="sale-1", state=state, requested=asked, left=left
    )


def test_a_sale_can_be_voided_in_parts() -> None:
    """Each part counts; together they are the whole."""
    given(received(10), SALE).when(void("sale-1", 2), void("sale-1", 3)).then(
        happened(SaleVoided, quantity=3), happened(MovementVoided, quantity=3)
    ).leaving(sellable=10)


def test_a_void_of_an_unknown_movement_is_refused() -> None:
    """A slip of the finger must not create stock."""
    given(received(10)).when(void("sale-9", 1)).then_refused(NotFound, what="movement", id="sale-9")


def test_a_void_names_movements_of_its_own_principal() -> None:
    """One till's numbers mean nothing at another."""
    given(received(10), SALE).when(By("till-8", void("sale-1", 1))).then_refused(NotFound)


@pytest.mark.parametrize("place", [{"sku": "LAMP"}, {"location": "nyc-2"}])
def test_a_void_names_the_stock_of_its_sale(place: dict[str, str]) -> None:
    """A void elsewhere would move units from nowhere."""
    given(received(10), SALE).when(void("sale-1", 1, **place)).then_refused(
        IllegalState, state="a sale of 'MUG' at 'ams-1'"
    )


def test_a_sale_and_its_void_may_come_in_one_batch() -> None:
    """A shop that was offline sends its day as it was; the batch key stands in for an id."""
    given(received(10)).when(together(receive(1), sell(5), void("command-2/1", 2))).then(
        happened(StockReceived, quantity=1),
        happened(StockSold, quantity=5),
        happened(SaleVoided, quantity=2, occurred_at=moment(2) + 1),
        happened(MovementVoided, movement_id="command-2/1", recorded=5, quantity=2),
    ).leaving(sellable=8)


def test_a_batch_that_voids_too_much_records_nothing() -> None:
    """All of it or none of it, its sale included."""
    given(received(10)).when(together(sell(5), void("command-2/0", 6))).then_refused(
        IllegalState, left=5
    ).leaving(sellable=10).when(void("command-2/0", 1)).then_refused(NotFound)


def test_a_void_covers_both_parts_of_a_sale_beyond_its_hold() -> None:
    """Three from the hold and two without: five were sold, and five can be voided."""
    given(received(10), reserved("order-1", 3)).when(
        named("sale-1", sell(5, reservation_id="order-1")), void("sale-1", 5)
    ).then(
        happened(SaleVoided, quantity=5), happened(MovementVoided, recorded=5, quantity=5)
    ).leaving(sellable=10, reserved=0)


def test_a_fulfilment_is_not_a_movement_to_be_voided() -> None:
    """Only movements have ids of their own: the key of a fulfilment names none."""
    given(received(10), reserved("order-1", 3)).when(fulfil("order-1")).then(
        happened(HoldFulfilled), happened(ReservationFulfilled)
    ).when(void("command-3", 1)).then_refused(NotFound)
