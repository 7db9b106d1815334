"""Orders: what was sold and what came back, and the one conflict over each SKU."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.conflict import Conflict
from ledger.domain.events import (
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    HoldFulfilled,
    MovementVoided,
    OrderReturned,
    OrderSold,
    ReservationFulfilled,
    ReturnDispositioned,
    SaleVoided,
    StockDispositioned,
    StockReturned,
    StockSold,
)
from ledger.domain.order import RETURNED_BEYOND_SOLD, Order, OrderLine
from ledger.domain.values import order_stream
from tests.support.builders import (
    cancel,
    correct,
    named,
    receive,
    reserve,
    resolve,
    sell,
    take_back,
    void,
)
from tests.support.documents import authorise, came, decided, disposition, units
from tests.support.given import Ledger, Then, given, happened

SOLD = named("sale-1", sell(3, order="A-1"))


def order(ledger: Ledger, name: str = "A-1", sku: str = "MUG") -> OrderLine:
    """What an order comes to for a SKU."""
    state = ledger.world.state(order_stream(name))
    assert state is None or isinstance(state, Order)
    return (state or Order()).line(sku)


def totals(then: Then) -> tuple[int, int]:
    """Sold and returned on the order."""
    line = order(then.ledger)
    return line.sold, line.returned


CASES: list[tuple[str, list[AnyCommand], tuple[int, int]]] = [
    ("sold", [SOLD], (3, 0)),
    ("sold twice", [SOLD, sell(2, order="A-1")], (5, 0)),
    ("returned", [SOLD, take_back(2, order="A-1")], (3, 2)),
    ("another order's", [SOLD, sell(2, order="A-2"), take_back(1, order="A-3")], (3, 0)),
    ("without an order", [SOLD, sell(2), take_back(1)], (3, 0)),
    ("voided", [SOLD, void("sale-1", 1)], (2, 0)),
    ("corrected up", [SOLD, correct("sale-1", 5)], (5, 0)),
    ("corrected down", [SOLD, correct("sale-1", 1)], (1, 0)),
    ("cancelled", [SOLD, cancel("sale-1")], (0, 0)),
    ("return document", [SOLD, authorise(units(2), order="A-1"), came(units(2))], (3, 2)),
    ("blind return document", [SOLD, authorise(units(2)), came(units(2))], (3, 0)),
    (
        "sent to the customer again",
        [
            SOLD,
            authorise(units(2), order="A-1"),
            came(units(2)),
            disposition(decided(1, "return_to_customer")),
        ],
        (3, 1),
    ),
    (
        "return corrected",
        [SOLD, named("back-1", take_back(2, order="A-1")), correct("back-1", 1)],
        (3, 1),
    ),
]


@pytest.mark.parametrize(("name", "steps", "expected"), CASES, ids=[case[0] for case in CASES])
def test_an_order_adds_up_what_names_it(
    name: str, steps: list[AnyCommand], expected: tuple[int, int]
) -> None:
    """Sold less what never was, returned less what went to the customer again."""
    assert expected == totals(given(receive(10)).when(*steps))


def test_a_movement_without_an_order_records_nothing_of_orders() -> None:
    """It costs nothing extra."""
    given(receive(10)).when(sell(1)).then(happened(StockSold))
    given(receive(10)).when(take_back(1)).then(happened(StockReturned))


def test_a_fulfilment_that_names_an_order_is_sold_on_it() -> None:
    """The units of a promise leave like any others."""
    before = given(receive(10), reserve("r-1", 2))
    then = before.when(sell(2, reservation_id="r-1", order="A-1"))

    then.then(
        happened(HoldFulfilled, quantity=2, order="A-1"),
        happened(ReservationFulfilled),
        happened(OrderSold, order="A-1", delta=2),
    )


def test_a_void_of_a_fulfilment_is_off_its_order() -> None:
    """Its order is known from the sale it names."""
    sale = named("sale-1", sell(2, reservation_id="r-1", order="A-1"))

    then = given(receive(10), reserve("r-1", 2), sale).when(void("sale-1", 2))

    then.then(happened(SaleVoided), happened(MovementVoided), happened(OrderSold, delta=-2))
    assert (0, 0) == totals(then)


def test_more_returned_than_sold_opens_one_conflict_that_follows_the_totals() -> None:
    """Opened, raised, lowered and cleared by whatever changes the totals."""
    then = given(receive(10), sell(1, order="A-1")).when(take_back(2, order="A-1"))
    then.then(
        happened(StockReturned),
        happened(OrderReturned, delta=2),
        happened(ConflictOpened, kind=RETURNED_BEYOND_SOLD, sku="MUG", order="A-1", short=1),
    )
    opened = order(then.ledger).conflict_id
    assert _notes(then) == [(RETURNED_BEYOND_SOLD, 1)]

    more = then.when(take_back(2, order="A-1"))
    more.then(happened(StockReturned), happened(OrderReturned), happened(ConflictChanged, short=3))
    assert _notes(more) == [(RETURNED_BEYOND_SOLD, 3)]

    less = then.when(sell(1, order="A-1"))
    less.then(happened(StockSold), happened(OrderSold), happened(ConflictChanged, short=2))
    assert [] == _notes(less)

    last = then.when(sell(2, order="A-1"))
    last.then(
        happened(StockSold), happened(OrderSold), happened(ConflictCleared, conflict_id=opened)
    )
    assert order(then.ledger).conflict_id is None


def test_each_sku_of_an_order_has_its_own_conflict() -> None:
    """Another SKU sold explains nothing."""
    then = given(sell(5, sku="LAMP", order="A-1")).when(take_back(1, order="A-1"))

    then.then(
        happened(StockReturned),
        happened(OrderReturned),
        happened(ConflictOpened, kind=RETURNED_BEYOND_SOLD, sku="MUG", short=1),
    )


def test_a_void_after_the_goods_came_back_opens_the_conflict() -> None:
    """What never was sold cannot come back."""
    then = given(receive(5), SOLD, take_back(3, order="A-1")).when(void("sale-1", 2))

    then.then(
        happened(SaleVoided),
        happened(MovementVoided),
        happened(OrderSold, delta=-2),
        happened(ConflictOpened, kind=RETURNED_BEYOND_SOLD, short=2),
    )


def test_goods_sent_to_the_customer_again_clear_the_conflict() -> None:
    """The unit that was too many is no longer here."""
    before = given(SOLD, authorise(units(4), order="A-1"), came(units(4)))

    then = before.when(disposition(decided(1, "return_to_customer")))

    then.then(
        happened(StockDispositioned),
        happened(OrderReturned, delta=-1),
        happened(ConflictCleared, kind=RETURNED_BEYOND_SOLD),
        happened(ReturnDispositioned),
    )


def test_what_people_resolved_stays_resolved_while_its_totals_go_on() -> None:
    """Later changes are recorded beside their word."""
    before = given(receive(10), take_back(2, order="A-1"))
    conflict_id = order(before.ledger).conflict_id
    assert conflict_id is not None

    then = before.when(resolve(conflict_id, "accepted"), sell(1, order="A-1"))

    then.then(happened(StockSold), happened(OrderSold), happened(ConflictChanged, short=1))
    conflict = then.ledger.world.conflict(conflict_id)
    assert isinstance(conflict, Conflict)
    assert ("resolved", 1) == (conflict.status, conflict.short)


def _notes(then: Then) -> list[tuple[str, int]]:
    outcome: Any = then.decision.outcome
    return [(note.kind, note.short) for note in outcome.results[0].conflicts]
