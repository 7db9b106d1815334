"""Events to net changes per stock and per soft hold: sums, so nothing need be read first."""

from typing import TypeAlias

from msgspec import Struct, field

from ledger.domain.events import (
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockEvent,
    StockReserved,
)
from projections.batch import BUCKETS, Batch

StockKey: TypeAlias = tuple[str, str]
"""Location and SKU."""

HoldKey: TypeAlias = tuple[str, str, str]
"""Location, SKU and reservation."""


class StockChange(Struct, gc=False):
    """What a batch adds to one stock, and where its stream stands afterwards."""

    sums: list[int]
    version: int = 0
    position: int = 0
    effective_at: int = 0


class HoldChange(Struct, gc=False):
    """What a batch does to one hold that may be soft.

    `placed`: it began in this batch, so `delta` is all it has; else `delta` is added to what is
    stored. `over`: it began where another may be stored. `gone`: it is no longer a soft hold.
    """

    delta: int = 0
    placed: bool = False
    over: bool = False
    gone: bool = False
    expires_at: int | None = None


class Changes(Struct):
    """Net changes, ready to be written; `ways` are of the units on their way to a stock."""

    stocks: dict[StockKey, StockChange] = field(default_factory=dict)
    holds: dict[HoldKey, HoldChange] = field(default_factory=dict)
    ways: dict[StockKey, int] = field(default_factory=dict)


def fold(batch: Batch, changes: Changes | None = None) -> Changes:
    """Add a batch to net changes."""
    changes = Changes() if changes is None else changes
    stocks = changes.stocks
    for recorded, levels, held in batch.effects:
        event = recorded.event
        assert isinstance(event, StockEvent)
        key = (event.location, event.sku)
        change = stocks.get(key)
        if change is None:
            change = stocks[key] = StockChange([0] * (BUCKETS + 1))
        change.version = recorded.version
        change.position = recorded.position
        change.effective_at = event.effective_at
        if levels is not None:
            for place, delta in enumerate(levels):
                change.sums[place] += delta
        change.sums[BUCKETS] += held
        if held or levels is None:
            _hold(event, changes.holds)
    for _, stock_id, delta in batch.ways:
        changes.ways[stock_id] = changes.ways.get(stock_id, 0) + delta
    return changes


def _hold(event: StockEvent, holds: dict[HoldKey, HoldChange]) -> None:
    match event:
        case StockReserved():
            if event.kind == "soft":
                _place(event, holds)
        case HoldConfirmed():
            _change(event, event.reservation_id, holds, gone=True)
        case HoldExtended():
            _change(event, event.reservation_id, holds, expires_at=event.expires_at)
        case HoldAmended():
            _change(event, event.reservation_id, holds, delta=event.delta)
        case HoldReleased() | HoldRelocated() | HoldFulfilled():
            _change(event, event.reservation_id, holds, delta=-event.quantity)
        case HoldsExpired():
            for hold in event.holds:
                _change(event, hold.reservation_id, holds, delta=-hold.quantity)
        case _:
            return


def _place(event: StockReserved, holds: dict[HoldKey, HoldChange]) -> None:
    key = (event.location, event.sku, event.reservation_id)
    before = holds.get(key)
    over = before is not None and (before.over or not before.placed)
    holds[key] = HoldChange(
        delta=event.quantity, placed=True, over=over, expires_at=event.expires_at
    )


def _change(
    event: StockEvent,
    reservation_id: str,
    holds: dict[HoldKey, HoldChange],
    *,
    delta: int = 0,
    gone: bool = False,
    expires_at: int | None = None,
) -> None:
    key = (event.location, event.sku, reservation_id)
    change = holds.get(key)
    if change is None:
        change = holds[key] = HoldChange()
    change.delta += delta
    change.gone = change.gone or gone
    if expires_at is not None:
        change.expires_at = expires_at
    if change.placed and not change.over and (change.gone or change.delta <= 0):
        del holds[key]  # It came and went: nothing is stored of it, nothing need be.
