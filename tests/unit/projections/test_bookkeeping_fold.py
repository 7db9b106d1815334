"""Entries and sums, folded from events."""

from ledger.domain.events import StockReceived, StockTransferReceived
from ledger.domain.values import EARLIEST, LATEST
from projections.bookkeeping import blocks
from projections.bookkeeping.answers import Line, Movements, Sum
from projections.bookkeeping.blocks import DAY, NETWORK, day_begins, day_of, filled
from projections.bookkeeping.projection import State, fold
from projections.statement_questions import lines
from tests.unit.projections.builders import batch


def received(sku: str = "MUG", location: str = "ams-1", at: int = 0) -> StockReceived:
    """One unit from a supplier."""
    return StockReceived(location=location, sku=sku, occurred_at=at, effective_at=at, quantity=1)


def test_what_arrives_in_several_conditions_is_an_entry_for_each() -> None:
    """Also what was lost: it went from the way to the scrap, and touched no shelf."""
    event = StockTransferReceived(
        location="ams-1",
        sku="MUG",
        occurred_at=5,
        effective_at=5,
        transfer_id="t-1",
        from_location="nyc-2",
        received=3,
        damaged=2,
        lost=1,
    )
    state = State()
    changes = fold(batch(event), state)
    named = {number: name[:2] for name, number in state.kinds.items()}

    assert [("transit", "sellable", 3), ("transit", "damaged", 2), ("transit", "scrap", 1)] == [
        (*named[kind], quantity) for _, kind, *_, quantity in changes.entries
    ]
    assert [(0, 0), (1, 1), (2, 2)] == [(leg, n) for leg, _, _, _, _, n, _, _ in changes.entries]


def test_a_block_of_positions_is_summed_when_its_last_one_is_read() -> None:
    """For each location, and for the network, which is all of them."""
    usual, blocks.SIZES = blocks.SIZES, blocks.Sizes(stock=256, place=3)
    try:
        events = (received(), received(location="nyc-2"), received(), received())
        changes = fold(batch(*events), state := State())
    finally:
        blocks.SIZES = usual
    day = day_of(0)

    assert [(-2, 0, day, 1, 1, 1), (-1, 0, day, 1, 2, 2), (NETWORK, 0, day, 1, 3, 3)] == sorted(
        changes.cells
    )
    assert {(-1, day, 1): [1, 1]} == state.sums


def test_what_became_full_is_told_level_by_level() -> None:
    """Sixteen blocks are one of the next level."""
    assert [] == list(filled(0, 255, 256))
    assert [(0, 0, 1)] == list(filled(255, 256, 256))
    assert [(0, 15, 17), (1, 0, 1)] == list(filled(256 * 16 - 1, 256 * 17, 256))


def test_every_instant_has_a_day() -> None:
    """From the first year on: whole numbers round down only where they are not negative."""
    assert [0, 0, 1] == [day_of(EARLIEST), day_of(EARLIEST + DAY - 1), day_of(EARLIEST + DAY)]
    assert all(day_begins(day_of(at)) <= at for at in (EARLIEST, -1, 0, 1, LATEST))


def test_what_touched_no_shelf_stands_under_both_its_counters() -> None:
    """So that each counter is complete, and the sum of both is nothing."""
    lost = Line(
        from_bucket="transit", to_bucket="scrap", type="t", reason="r", quantity=3, entries=1
    )
    movements = Movements.of([lost])

    assert [("scrap", -3), ("transit", 3)] == [
        (counter.counter, counter.quantity) for counter in movements.counters
    ]
    assert (0, []) == (movements.change, movements.moves)


def test_where_reasons_are_too_many_types_are_told_alone() -> None:
    """A statement that left lines out would not add up."""
    sums = [
        Sum("sellable", "customer", "stock.sold.v1", f"reason {number}", 0, 2, 1)
        for number in range(4)
    ]

    assert [f"reason {number}" for number in range(4)] == [one.reason for one in lines(sums, 4)]
    assert [(None, 8, 4)] == [(one.reason, one.quantity, one.entries) for one in lines(sums, 3)]
