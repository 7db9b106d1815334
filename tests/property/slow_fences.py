"""Fences and limits of a stock at an instant, by reading all its events."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import StockEvent
from ledger.domain.values import Instant
from ledger.recorded import Recorded


class _Part:
    """What a hold has of a fence, and when it runs out."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.units = 0
        self.expires_at: Instant | None = None


def fences_at(
    events: Iterable[Recorded], place: str, sku: str, at: Instant
) -> tuple[dict[str, int], int]:
    """What is free of each channel's fence, and the limit."""
    free: dict[str, int] = defaultdict(int)
    parts: dict[str, _Part] = {}
    limit = 0
    for one in events:
        event = one.event
        if not isinstance(event, StockEvent) or (event.location, event.sku) != (place, sku):
            continue
        if isinstance(event, e.HoldsExpired):
            for hold in event.holds:
                if hold.fence is not None and hold.expired_at <= at:
                    free[hold.fence.channel] += hold.fence.quantity
                    parts.pop(hold.reservation_id, None)
        elif event.occurred_at <= at:
            limit = event.limit if isinstance(event, e.BackorderLimitSet) else limit
            _rule(free, event)
            _part(free, parts, event)
    for part in parts.values():
        if part.expires_at is not None and part.expires_at <= at:
            free[part.channel] += part.units
    return free, limit


def _rule(free: dict[str, int], event: Any) -> None:
    match event:
        case e.FenceGranted():
            free[event.channel] += event.quantity
        case e.FenceReturned():
            free[event.channel] -= event.quantity
        case e.StockSold() if event.fence is not None:
            free[event.fence.channel] -= event.fence.quantity
        case _:
            return


def _part(free: dict[str, int], parts: dict[str, _Part], event: Any) -> None:
    """A hold takes units of a fence, gives them back, or leaves with them."""
    part = parts.get(getattr(event, "reservation_id", None) or "")
    if isinstance(event, e.HoldConfirmed | e.HoldExtended):
        if part is not None:
            part.expires_at = getattr(event, "expires_at", None)
        return
    units = getattr(event, "fence", None)
    if units is None or isinstance(event, e.StockSold):
        return
    part = parts.setdefault(event.reservation_id, _Part(units.channel))
    grows = isinstance(event, e.StockReserved) or getattr(event, "delta", 0) > 0
    change = units.quantity if grows else -units.quantity
    if not isinstance(event, e.HoldFulfilled):
        free[units.channel] -= change
    part.units += change
    part.expires_at = part.expires_at if units.expires_at is None else units.expires_at
