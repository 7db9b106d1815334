"""Net changes of a batch, per stock and per soft hold."""

from typing import Any

from ledger.domain.events import (
    ExpiredHold,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldsExpired,
    StockMoved,
    StockReceived,
    StockReserved,
    StockSold,
)
from projections.stock.projection import HoldChange, fold
from tests.unit.projections.builders import batch

MUG: dict[str, Any] = {"location": "ams-1", "sku": "MUG"}
KEY = ("ams-1", "MUG")


def at(second: int) -> dict[str, Any]:
    return {"occurred_at": second, "effective_at": second}


def soft(name: str, quantity: int, second: int = 1) -> StockReserved:
    return StockReserved(
        **MUG, **at(second), reservation_id=name, quantity=quantity, kind="soft", expires_at=90
    )


def test_movements_of_a_stock_add_up_per_bucket() -> None:
    """A batch becomes one sum per bucket, and the place of its last event."""
    changes = fold(
        batch(
            StockReceived(**MUG, **at(1), quantity=10),
            StockSold(**MUG, **at(2), quantity=3),
            StockMoved(**MUG, **at(3), quantity=2, from_bucket="sellable", to_bucket="damaged"),
        )
    )

    assert [5, 0, 2, 0, 0, 0] == changes.stocks[KEY].sums
    assert (3, 3, 3) == (
        changes.stocks[KEY].version,
        changes.stocks[KEY].position,
        changes.stocks[KEY].effective_at,
    )


def test_reserved_is_the_sum_of_what_holds_gain_and_lose() -> None:
    """Units are reserved while a hold is open, whatever its kind."""
    changes = fold(
        batch(
            soft("order-1", 4),
            StockReserved(**MUG, **at(2), reservation_id="order-2", quantity=5, kind="hard"),
            HoldReleased(**MUG, **at(3), reservation_id="order-1", quantity=1),
            HoldFulfilled(**MUG, **at(4), reservation_id="order-2", quantity=2),
        )
    )

    assert [-2, 0, 0, 0, 0, 6] == changes.stocks[KEY].sums


def test_a_soft_hold_that_comes_and_goes_within_a_batch_leaves_no_row() -> None:
    """Nothing is stored of it, so nothing has to be deleted."""
    changes = fold(
        batch(
            soft("order-1", 4), HoldReleased(**MUG, **at(3), reservation_id="order-1", quantity=4)
        )
    )

    assert {} == changes.holds


def test_a_confirmed_hold_is_no_longer_one_that_runs_out() -> None:
    """What is stored of it goes; a hold placed in the same batch is not stored at all."""
    confirmed = HoldConfirmed(**MUG, **at(2), reservation_id="order-1")

    assert fold(batch(confirmed)).holds[*KEY, "order-1"].gone
    assert {} == fold(batch(soft("order-1", 4), confirmed)).holds


def test_an_extension_moves_only_the_instant() -> None:
    """The quantity of a stored hold stays as it is."""
    extended = HoldExtended(**MUG, **at(2), reservation_id="order-1", expires_at=400)

    assert HoldChange(expires_at=400) == fold(batch(extended)).holds[*KEY, "order-1"]


def test_a_sweep_takes_each_hold_off() -> None:
    """One event ends many holds, each by its own quantity."""
    swept = HoldsExpired(
        **MUG,
        **at(5),
        holds=(
            ExpiredHold(reservation_id="order-1", quantity=4, expired_at=3),
            ExpiredHold(reservation_id="order-2", quantity=1, expired_at=5),
        ),
    )
    changes = fold(batch(swept))

    assert -5 == changes.stocks[KEY].sums[-1]
    assert [-4, -1] == [hold.delta for hold in changes.holds.values()]


def test_a_hold_placed_anew_replaces_a_stored_one() -> None:
    """The stored row is brought up to date although the new hold ends in the same batch, too."""
    changes = fold(
        batch(
            HoldReleased(**MUG, **at(2), reservation_id="order-1", quantity=1),
            soft("order-1", 4, 3),
            HoldReleased(**MUG, **at(4), reservation_id="order-1", quantity=4),
        )
    )

    assert (
        HoldChange(delta=0, placed=True, over=True, expires_at=90)
        == (changes.holds[*KEY, "order-1"])
    )
