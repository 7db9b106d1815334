"""The short way of a fact that breaks nothing: the same rows and replies as the long one."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.events import AnyEvent, AnyStockEvent, StockReceived
from ledger.domain.stock import Stock
from ledger.domain.values import StockId
from ledger.settings import Settings
from ledger.store.journal import Batch, Journal, Loaded
from ledger.submission import Accepted, CommandFailed, Reply, Submission
from ledger.writer.deciding import Decider
from ledger.writer.lanes import Waiting
from tests.support.builders import PLACE, SKU, adjust, opening, receive, reserve, scrap, sell
from tests.support.manual_clock import ManualClock, moment

LINES = (
    opening(3),
    receive(10, reference="PO-1", occurred_at=moment(-50)),
    receive(1, movement_id="delivery-7"),
    reserve("order-1", 4),
    sell(2, channel="web"),
    scrap(1, reason="broken", source="wms"),
    sell(9),  # Breaks the promise.
    receive(20, occurred_at=moment(9_000)),  # A time that has not come yet.
    adjust(-1),
    receive(1, reference="\0"),  # Refused.
    sell(1, order="A-1"),
    receive(5),
)
"""Facts of every kind among commands that are none, so that each meets what others left."""


class Nothing(Journal):
    """A ledger without a row."""

    def __init__(self) -> None:
        """Connect to nothing."""

    def load(self, *asked: Any) -> Loaded:
        """Nothing was ever recorded; what is to be done meanwhile is done."""
        meanwhile = asked[-1]
        if meanwhile is not None:
            meanwhile()
        return Loaded({}, {}, {})

    def anything_defined(self) -> bool:
        """Nothing is."""
        return False

    def channels(self) -> list[AnyEvent]:
        """Nobody sells anywhere."""
        return []

    def versions(self, *_: Any) -> dict[str, int]:
        """Nothing has one."""
        return {}


class Nobody:
    """A sink that is never asked."""

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Nobody calls this."""
        raise AssertionError(replies)


def beginning() -> Decider:
    """A decider at the beginning of a ledger, on a clock that stands."""
    settings = Settings(database_url="postgresql://nowhere/nothing")
    decider = Decider(settings, ManualClock(), Nothing())
    decider.begin(0, 0)
    return decider


def decided(decider: Decider, *commands: AnyCommand) -> tuple[Batch, list[Reply]]:
    """The rows and the replies of a batch."""
    waiting = [
        Waiting(
            Submission(
                command=command,
                principal="till-7",
                command_id=f"call-{number}",
                source="pos",
                correlation_id=f"trace-{number}",
                deadline=0.0,
            ),
            Nobody(),
            number,
        )
        for number, command in enumerate(commands)
    ]
    done, rest = decider.decide(waiting)
    assert not rest
    return done.batch, done.replies


def _said(replies: list[Reply]) -> list[str]:
    return [repr(reply) for reply in replies]


def test_the_short_way_leaves_what_the_long_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte: events, receipts, positions, and what is remembered of each movement."""
    short, long = beginning(), beginning()
    batch, replies = decided(short, *LINES)
    monkeypatch.setattr(Decider, "_record_plain", lambda *_: None)
    other_batch, other_replies = decided(long, *LINES)

    assert other_batch == batch
    assert _said(other_replies) == _said(replies)
    assert long.world.past.known() == short.world.past.known()
    assert long.world.head == short.world.head == len(batch.streams)


def test_what_breaks_on_the_short_way_takes_nothing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks again on the long way, where its stock is stopped; others go on."""
    evolve = Stock.evolve

    def mistaken(stock: Stock, event: AnyStockEvent) -> None:
        evolve(stock, event)
        assert not (isinstance(event, StockReceived) and event.quantity == 13), "bad luck"

    monkeypatch.setattr(Stock, "evolve", mistaken)
    decider = beginning()
    batch, replies = decided(decider, receive(1), receive(13), receive(1), receive(1, sku="LAMP"))

    assert [Accepted, CommandFailed, CommandFailed, Accepted] == [type(one) for one in replies]
    assert [f"stock/{PLACE}/{SKU}", f"stock/{PLACE}/LAMP"] == batch.streams
    assert 1 == decider.world.stock(StockId(PLACE, SKU)).on_hand
    assert 2 == decider.world.head == len(decider.world.past.known())
