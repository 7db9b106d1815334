"""Rows of history and episodes of holds, given what was there before."""

from typing import Any

from ledger.domain.events import (
    ExpiredHold,
    HoldExtended,
    HoldReleased,
    HoldsExpired,
    StockReceived,
    StockReserved,
    StockSold,
)
from projections.history.projection import (
    Episode,
    OpenHold,
    State,
    StockState,
    fold,
    touched_holds,
)
from tests.unit.projections.builders import batch

MUG: dict[str, Any] = {"location": "ams-1", "sku": "MUG"}
KEY = ("ams-1", "MUG")


def at(occurred: int, effective: int | None = None) -> dict[str, Any]:
    return {"occurred_at": occurred, "effective_at": effective or occurred}


def soft(name: str, quantity: int, second: int = 1, until: int = 90) -> StockReserved:
    return StockReserved(
        **MUG, **at(second), reservation_id=name, quantity=quantity, kind="soft", expires_at=until
    )


def test_a_stock_is_numbered_by_its_first_position() -> None:
    """The number is short and the same in every rebuild."""
    changes = fold(batch(StockReceived(**MUG, **at(1), quantity=10), first=41), State())

    assert {KEY: 41} == changes.stocks


def test_each_row_carries_the_balances_after_it_in_ledger_order() -> None:
    """A late row has the balances of its place in the ledger, and both of its times."""
    changes = fold(
        batch(
            StockReceived(**MUG, **at(10), quantity=10),
            StockSold(**MUG, **at(4, 10), quantity=3),
        ),
        State(),
    )

    assert [
        (0, 1, 1, 10, 10, 10, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0),
        (0, 1, 2, 4, 10, -3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0),
    ] == changes.rows


def test_balances_go_on_from_what_is_stored() -> None:
    """A batch starts where the last one ended."""
    state = State(stocks={KEY: StockState(7, (5, 0, 0, 0, 0, 2))})
    changes = fold(batch(StockSold(**MUG, **at(20), quantity=1), first=30), state)

    assert (0, 7, 30, 20, 20, -1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 2) == changes.rows[0]


def test_a_sweep_has_a_row_for_each_hold_at_its_own_instant() -> None:
    """Expiry takes effect when the hold runs out, not when the sweeper comes by."""
    swept = HoldsExpired(
        **MUG,
        **at(50, 60),
        holds=(
            ExpiredHold(reservation_id="order-1", quantity=4, expired_at=40),
            ExpiredHold(reservation_id="order-2", quantity=1, expired_at=50),
        ),
    )
    state = State(stocks={KEY: StockState(1, (9, 0, 0, 0, 0, 5))})
    changes = fold(batch(swept, first=8), state)

    assert [(0, 40, 60, -4, 1), (1, 50, 60, -1, 0)] == [
        (row[0], row[3], row[4], row[10], row[16]) for row in changes.rows
    ]


def test_an_event_that_changes_no_balance_has_no_row() -> None:
    """An extension matters to the hold alone."""
    state = State(
        stocks={KEY: StockState(1, (9, 0, 0, 0, 0, 5))}, holds={(1, "order-1"): OpenHold(3, 5, 90)}
    )
    extended = HoldExtended(**MUG, **at(20), reservation_id="order-1", expires_at=200)
    changes = fold(batch(extended, first=9), state)

    assert [] == changes.rows
    assert [(1, 3, 9)] == changes.ended
    assert {(1, 9): Episode(1, "order-1", 9, None, 5, 200)} == changes.episodes


def test_an_episode_may_begin_and_end_within_a_batch() -> None:
    """Then it is written once, complete."""
    changes = fold(
        batch(
            soft("order-1", 5), HoldReleased(**MUG, **at(2), reservation_id="order-1", quantity=2)
        ),
        State(),
    )

    assert [] == changes.ended
    assert [
        Episode(1, "order-1", 1, 2, 5, 90),
        Episode(1, "order-1", 2, None, 3, 90),
    ] == list(changes.episodes.values())


def test_only_holds_of_known_stocks_have_to_be_read() -> None:
    """A stock that begins in the batch has no older holds, and a hold placed first is known."""
    released = HoldReleased(**MUG, **at(2), reservation_id="order-1", quantity=2)
    known = {KEY: StockState(1, (0,) * 6)}

    assert set() == touched_holds(batch(released), {})
    assert {(1, "order-1")} == touched_holds(batch(released), known)
    assert set() == touched_holds(batch(soft("order-1", 5), released), known)
