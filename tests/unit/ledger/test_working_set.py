"""What the writer keeps in memory: counted for what it takes, and bounded by what is open."""

import pytest

from ledger.domain.events import (
    HoldReleased,
    PlacedLine,
    ReservationPlaced,
    ReturnAuthorised,
    SkuQuantity,
    StockReserved,
)
from ledger.domain.order import Order, OrderLine
from ledger.domain.reservation import evolve
from ledger.domain.return_ import evolve as evolve_return
from ledger.domain.stock import Stock
from ledger.domain.streams import State
from ledger.domain.values import StockId
from ledger.working_set import WorkingSet
from tests.support.builders import PLACE, SKU
from tests.support.manual_clock import moment

FAR_AWAY = moment(100_000_000)


def _reserved(number: int, expires_at: int = FAR_AWAY) -> StockReserved:
    return StockReserved(
        occurred_at=moment(1),
        effective_at=moment(1),
        sku=SKU,
        location=PLACE,
        reservation_id=f"order-{number}",
        quantity=1,
        kind="soft",
        expires_at=expires_at,
    )


def _released(number: int) -> HoldReleased:
    return HoldReleased(
        occurred_at=moment(2),
        effective_at=moment(2),
        sku=SKU,
        location=PLACE,
        reservation_id=f"order-{number}",
        quantity=1,
    )


def authorised(skus: int) -> ReturnAuthorised:
    """A return of so many SKUs."""
    lines = tuple(SkuQuantity(sku=f"SKU-{n}", quantity=1) for n in range(skus))
    return ReturnAuthorised(occurred_at=moment(1), return_id="rma-1", lines=lines)


def test_holds_that_ended_leave_nothing_behind() -> None:
    """A stock that is never idle is never forgotten: what it keeps is what is open."""
    stock = Stock(StockId(PLACE, SKU))
    stock.evolve(_reserved(0, expires_at=moment(10)))
    for number in range(1, 1_000):
        stock.evolve(_reserved(number))
        stock.evolve(_released(number))
    assert len(stock.expiries) < 100
    stock.advance(moment(10))

    assert {"order-0"} == set(stock.lapsed)


def test_what_is_long_weighs_more() -> None:
    """Lines of a reservation, holds of a stock, also those that ran out: each takes its room."""
    world = WorkingSet(1 << 62)
    lines = tuple(
        PlacedLine(sku=f"SKU-{number}", location=PLACE, requested=1, granted=1)
        for number in range(100)
    )
    placed = ReservationPlaced(
        occurred_at=moment(1),
        reservation_id="order-1",
        channel=None,
        kind="hard",
        expires_at=None,
        policy="all",
        lines=lines,
    )
    world.put("reservation/order-1", evolve(None, placed), 1)
    of_lines = world.size
    stock = Stock(StockId(PLACE, SKU))
    for number in range(100):
        stock.evolve(_reserved(number))
    stock.advance(FAR_AWAY)
    world.put(stock.stock_id.stream, stock, 100)

    assert of_lines > 100 * 300
    assert world.size - of_lines > 100 * 300


@pytest.mark.parametrize(
    ("stream", "small", "big"),
    [
        ("order/A-1", Order(), Order({f"SKU-{n}": OrderLine(1) for n in range(100)})),
        (
            "return/rma-1",
            evolve_return(None, authorised(1)),
            evolve_return(None, authorised(100)),
        ),
    ],
)
def test_a_document_counts_for_its_lines(stream: str, small: State, big: State) -> None:
    """A memory that is bounded in bytes knows which documents are large."""
    world = WorkingSet(1 << 40)
    world.put(stream, small, 1)
    before = world.size
    world.put(stream, big, 1)

    assert world.size > 10 * before
