"""Transfers as documents, and what is on its way: now, and row by row."""

from typing import Any

from ledger.domain.events import (
    ReceivedLine,
    SkuQuantity,
    StockDispatched,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
    TransferCancelled,
    TransferClosed,
    TransferDispatched,
    TransferReceived,
    TransferRequested,
)
from ledger.domain.values import StockId
from projections.history import projection as history
from projections.stock import projection as stock
from projections.transfers.projection import Transfers, concerned, fold, needed
from tests.unit.projections.builders import batch

END = StockId("nyc-2", "MUG")
OF: dict[str, Any] = {"transfer_id": "t-1", "sku": "MUG"}


def at(second: int) -> dict[str, Any]:
    return {"occurred_at": second, "effective_at": second}


def left(quantity: int, second: int, to: str = "nyc-2") -> StockDispatched:
    return StockDispatched(**OF, **at(second), location="ams-1", to_location=to, quantity=quantity)


def came(received: int, second: int, lost: int = 0) -> StockTransferReceived:
    return StockTransferReceived(
        **OF,
        **at(second),
        location="nyc-2",
        from_location="ams-1",
        received=received,
        lost=lost,
    )


def requested(quantity: int = 5) -> TransferRequested:
    return TransferRequested(
        occurred_at=1,
        transfer_id="t-1",
        from_location="ams-1",
        to_location="nyc-2",
        lines=(SkuQuantity(sku="MUG", quantity=quantity),),
    )


def test_what_is_on_its_way_belongs_to_where_it_goes() -> None:
    """Whichever stock tells of it; a batch becomes one sum for each destination."""
    back = StockTransferReturned(**OF, **at(3), location="ams-1", to_location="nyc-2", quantity=1)
    extra = StockTransferSurplus(**OF, **at(4), location="nyc-2", from_location="ams-1", delta=2)
    changes = stock.fold(batch(left(5, 1), left(2, 1, "lon-3"), came(4, 2, lost=2), back, extra))

    assert {END: 0, StockId("lon-3", "MUG"): 2} == changes.ways
    assert [-7, 1, 0, 0, 0, 0] == changes.stocks["ams-1", "MUG"].sums
    assert [4, 0, 0, 0, 0, 0] == changes.stocks["nyc-2", "MUG"].sums


def test_history_has_a_row_for_each_change_of_what_is_on_its_way() -> None:
    """With what is on the way after it, and the latest business time so far."""
    state = history.State()
    first = history.fold(batch(left(5, 10), came(2, 20)), state)
    second = history.fold(batch(left(1, 15), first=3), state)

    assert [(-1, 1, 10, 10, 5, 5), (-1, 2, 20, 20, -2, 3)] == first.ways
    assert [(-1, 3, 15, 20, 1, 4)] == second.ways
    assert [(-1, 2, 20, 20)] == [row[1:5] for row in first.rows if row[1] < 0]


def test_a_stock_that_begins_as_a_destination_has_a_negative_number() -> None:
    """One event may begin two stocks, and each has a number of its own; it keeps it for ever."""
    state = history.State()
    begun = history.fold(batch(left(5, 10)), state)
    later = history.fold(batch(came(2, 20), first=2), state)

    assert {("ams-1", "MUG"): 1, END: -1} == begun.stocks
    assert {} == later.stocks


def test_a_document_goes_on_from_where_it_was() -> None:
    """Given the transfers a batch does not begin itself."""
    known: Transfers = {}
    begun = concerned(batch(requested()))
    assert set() == needed(begun)
    fold(begun, known)
    lines = (ReceivedLine(sku="MUG", received=2, lost=1),)
    more = concerned(
        batch(
            TransferDispatched(
                occurred_at=2, transfer_id="t-1", lines=(SkuQuantity(sku="MUG", quantity=5),)
            ),
            TransferReceived(occurred_at=3, transfer_id="t-1", lines=lines),
            first=7,
        )
    )
    assert {"t-1"} == needed(more)
    changed = fold(more, known)

    transfer = changed["t-1"]
    assert ("partially_received", 1, 8) == (
        transfer.status,
        transfer.requested_position,
        transfer.position,
    )
    line = transfer.lines["MUG"]
    assert (5, 5, 2, 1, 2) == (
        line.requested,
        line.dispatched,
        line.received,
        line.lost,
        line.in_transit,
    )


def test_a_document_ends_as_its_last_event_says() -> None:
    """Whatever its lines came to."""
    for event, status in (
        (TransferCancelled(occurred_at=2, transfer_id="t-1"), "cancelled"),
        (TransferClosed(occurred_at=2, transfer_id="t-1"), "closed"),
    ):
        changed = fold(concerned(batch(requested(), event)), {})
        assert status == changed["t-1"].status
