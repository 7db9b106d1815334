"""The last state of a stock, folded from its events."""

import pytest

from ledger.domain.events import AnyEvent, HoldReleased, StockMoved, StockReserved
from ledger.domain.values import StockId
from ledger.recorded import Recorded
from subscribers import messages
from subscribers.levels import Level, VersionGap, read_state, state_message
from tests.support.event_log import START, meta, received, sold

MUG = StockId("ams-1", "MUG")


def at(version: int, event: AnyEvent) -> Recorded:
    """The n-th event of the stock, ten positions apart."""
    return Recorded(version * 10, MUG.stream, version, "", START, meta(version), event)


def level_of(*events: AnyEvent) -> Level:
    """The state after some events."""
    level = Level(MUG)
    for version, event in enumerate(events, start=1):
        level.apply(at(version, event))
    return level


RESERVED = StockReserved(
    occurred_at=START,
    effective_at=START,
    location="ams-1",
    sku="MUG",
    reservation_id="order-1",
    quantity=3,
    kind="hard",
)
RELEASED = HoldReleased(
    occurred_at=START,
    effective_at=START + 7,
    location="ams-1",
    sku="MUG",
    reservation_id="order-1",
    quantity=1,
)
DAMAGED = StockMoved(
    occurred_at=START,
    effective_at=START + 7,
    location="ams-1",
    sku="MUG",
    quantity=4,
    from_bucket="sellable",
    to_bucket="damaged",
)


def test_a_state_says_buckets_holds_and_what_is_left() -> None:
    """On hand is physical; reserved lies over sellable; available is the rest."""
    told = messages.decode(
        state_message(level_of(received(10), RESERVED, RELEASED, DAMAGED), 1).payload
    )

    assert (
        messages.StockState(
            location="ams-1",
            sku="MUG",
            on_hand=10,
            sellable=6,
            quarantine=0,
            damaged=4,
            returned=0,
            blocked=0,
            reserved=2,
            available=4,
            position=40,
            version=4,
            effective_at="2025-11-24T16:00:00.000007Z",
        )
        == told.data
    )
    assert ("1:0:40", "inventory-ledger/stock") == (told.id, told.source)


def test_an_event_already_reflected_changes_nothing() -> None:
    """Folding a range again after a restart is harmless."""
    level = level_of(received(10), sold(2))

    assert not level.apply(at(1, received(10)))
    assert not level.apply(at(2, sold(2)))
    assert 8 == level.buckets["sellable"]


def test_a_state_that_misses_an_event_is_not_guessed() -> None:
    """A gap in the versions is an error, not a wrong number."""
    with pytest.raises(VersionGap, match="1 then 3"):
        level_of(received(10)).apply(at(3, sold(1)))


def test_a_state_read_back_goes_on_as_if_never_written() -> None:
    """The message holds all that the fold needs."""
    whole = level_of(received(10), RESERVED, DAMAGED)
    state = messages.decode(state_message(level_of(received(10), RESERVED), 1).payload).data

    level = read_state(state, START)
    level.apply(at(3, DAMAGED))

    assert state_message(whole, 1).payload == state_message(level, 1).payload
