"""Events to net changes of fences, of what soft holds have of them, and to limits."""

from typing import Any, Final, TypeAlias

from msgspec import Struct, field

from ledger.domain.events import (
    BackorderLimitSet,
    FencedUnits,
    FenceGranted,
    FenceReturned,
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockEvent,
    StockReserved,
    StockSold,
)
from projections.batch import Batch

StockKey: TypeAlias = tuple[str, str]
"""Location and SKU."""

FenceKey: TypeAlias = tuple[str, str, str]
"""Location, SKU and channel."""

HoldKey: TypeAlias = tuple[str, str, str]
"""Location, SKU and reservation."""

_WITH_UNITS: Final = frozenset(
    {StockSold, StockReserved, HoldAmended, HoldReleased, HoldRelocated, HoldFulfilled}
)


class FenceChange(Struct, gc=False):
    """What a batch adds to one fence."""

    free: int = 0
    held: int = 0
    position: int = 0


class HoldChange(Struct, gc=False):
    """What a batch does to a hold's part of a fence; `gone`: it no longer runs out."""

    channel: str | None = None
    quantity: int = 0
    expires_at: int | None = None
    gone: bool = False


class Changes(Struct):
    """Net changes, ready to be written; limits with the position that set them."""

    fences: dict[FenceKey, FenceChange] = field(default_factory=dict)
    holds: dict[HoldKey, HoldChange] = field(default_factory=dict)
    limits: dict[StockKey, tuple[int, int]] = field(default_factory=dict)


def fold(batch: Batch) -> Changes:
    """What a batch comes to."""
    changes = Changes()
    for recorded in batch.recorded:
        event = recorded.event
        kind = type(event)
        if kind in _WITH_UNITS:
            units = event.fence  # type: ignore[union-attr]
            if units is not None:
                _units(event, units, recorded.position, changes)
        elif kind in _RULES:
            _RULES[kind](event, recorded.position, changes)
    return changes


def _units(event: Any, units: FencedUnits, position: int, changes: Changes) -> None:
    """A hold or a sale takes units from a fence, gives them back or uses them up."""
    quantity = units.quantity
    match event:
        case StockSold():
            _shift(event, units.channel, -quantity, 0, position, changes)
            return
        case HoldFulfilled():
            _shift(event, units.channel, 0, -quantity, position, changes)
            taken = -quantity
        case StockReserved():
            taken = quantity
        case HoldAmended() if event.delta > 0:
            taken = quantity
        case _:
            taken = -quantity
    if type(event) is not HoldFulfilled:
        _shift(event, units.channel, -taken, taken, position, changes)
    hold = _hold(event, event.reservation_id, changes)
    hold.channel = units.channel
    hold.quantity += taken
    if units.expires_at is not None:
        hold.expires_at = units.expires_at


def _granted(event: FenceGranted, position: int, changes: Changes) -> None:
    _shift(event, event.channel, event.quantity, 0, position, changes)


def _returned(event: FenceReturned, position: int, changes: Changes) -> None:
    _shift(event, event.channel, -event.quantity, 0, position, changes)


def _limited(event: BackorderLimitSet, position: int, changes: Changes) -> None:
    changes.limits[event.location, event.sku] = event.limit, position


def _confirmed(event: HoldConfirmed, _: int, changes: Changes) -> None:
    _hold(event, event.reservation_id, changes).gone = True


def _extended(event: HoldExtended, _: int, changes: Changes) -> None:
    _hold(event, event.reservation_id, changes).expires_at = event.expires_at


def _expired(event: HoldsExpired, position: int, changes: Changes) -> None:
    for swept in event.holds:
        if swept.fence is not None:
            channel, quantity = swept.fence.channel, swept.fence.quantity
            _shift(event, channel, quantity, -quantity, position, changes)
            _hold(event, swept.reservation_id, changes).quantity -= quantity


_RULES: Final[dict[type, Any]] = {
    FenceGranted: _granted,
    FenceReturned: _returned,
    BackorderLimitSet: _limited,
    HoldConfirmed: _confirmed,
    HoldExtended: _extended,
    HoldsExpired: _expired,
}


def _shift(
    event: StockEvent, channel: str, free: int, held: int, position: int, changes: Changes
) -> None:
    change = changes.fences.setdefault((event.location, event.sku, channel), FenceChange())
    change.free += free
    change.held += held
    change.position = position


def _hold(event: StockEvent, reservation_id: str, changes: Changes) -> HoldChange:
    return changes.holds.setdefault((event.location, event.sku, reservation_id), HoldChange())
