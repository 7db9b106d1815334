"""Events to net changes per stock and per soft hold: sums, so nothing need be read first."""

from typing import TypeAlias

from msgspec import Struct, field

from ledger.domain.events import (
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
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
    stored. `gone`: it is no longer a soft hold.
    """

    delta: int = 0
    placed: bool = False
    gone: bool = False
    expires_at: int | None = None


class Changes(Struct):
    """Net changes, ready to be written."""

    stocks: dict[StockKey, StockChange] = field(default_factory=dict)
    holds: dict[HoldKey, HoldChange] = field(default_factory=dict)


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
    return changes


def _hold(event: StockEvent, holds: dict[HoldKey, HoldChange]) -> None:
    match event:
        case StockReserved():
            if event.kind == "soft":
                holds[_key(event, event.reservation_id)] = HoldChange(
                    delta=event.quantity, placed=True, expires_at=event.expires_at
                )
        case HoldConfirmed():
            _of(event, event.reservation_id, holds).gone = True
        case HoldExtended():
            _of(event, event.reservation_id, holds).expires_at = event.expires_at
        case HoldAmended():
            _of(event, event.reservation_id, holds).delta += event.delta
        case HoldReleased() | HoldFulfilled():
            _of(event, event.reservation_id, holds).delta -= event.quantity
        case HoldsExpired():
            for hold in event.holds:
                _of(event, hold.reservation_id, holds).delta -= hold.quantity
        case _:
            return


def _key(event: StockEvent, reservation_id: str) -> HoldKey:
    return event.location, event.sku, reservation_id


def _of(event: StockEvent, reservation_id: str, holds: dict[HoldKey, HoldChange]) -> HoldChange:
    key = _key(event, reservation_id)
    change = holds.get(key)
    if change is None:
        change = holds[key] = HoldChange()
    return change
