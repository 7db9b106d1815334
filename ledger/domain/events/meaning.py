"""What events mean for the buckets and for what is held: said here and nowhere else."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ledger.domain.events.base import Event
from ledger.domain.events.stock import (
    AnyStockEvent,
    HoldAmended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    SaleVoided,
    StockAbsorbed,
    StockAdjusted,
    StockCorrected,
    StockCountCancelled,
    StockCounted,
    StockDispatched,
    StockDispositioned,
    StockEvent,
    StockMoved,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    StockScrapped,
    StockSold,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
)
from ledger.domain.values import Bucket, StockId, stock_id_of

Posting: TypeAlias = tuple[StockId, Bucket, int]
"""A stock, one of its buckets, and a signed change at the event's `occurred_at`."""


Postings: TypeAlias = tuple[Posting, ...]


def postings(event: Event) -> Postings:
    """What an event means for the buckets: changes that sum to zero per SKU.

    The only place that knows; events without a physical effect mean nothing.
    """
    meaning = _MEANINGS.get(type(event))
    return () if meaning is None else meaning(event)


def _between(event: StockEvent, source: Bucket, target: Bucket, quantity: int) -> Postings:
    stock_id = stock_id_of(event.location, event.sku)
    return (stock_id, source, -quantity), (stock_id, target, quantity)


def _arrived(event: StockTransferReceived) -> Postings:
    """Out of transit, into one bucket for each condition that occurs."""
    stock_id = StockId(event.location, event.sku)
    conditions: tuple[tuple[Bucket, int], ...] = (
        ("sellable", event.received),
        ("damaged", event.damaged),
        ("scrap", event.lost),
    )
    found = [(stock_id, bucket, quantity) for bucket, quantity in conditions if quantity]
    total = sum(quantity for _, _, quantity in found)
    return (stock_id, "transit", -total), *found


# Which virtual bucket stands against a physical one, per kind of event.
_MEANINGS: Final[dict[type, Callable[[Any], Postings]]] = {
    StockOpened: lambda e: _between(e, "opening", "sellable", e.quantity),
    StockReceived: lambda e: _between(e, "supplier", "sellable", e.quantity),
    StockSold: lambda e: _between(e, "sellable", "customer", e.quantity),
    HoldFulfilled: lambda e: _between(e, "sellable", "customer", e.quantity),
    SaleVoided: lambda e: _between(e, "customer", "sellable", e.quantity),
    StockReturned: lambda e: _between(e, "customer", e.to_bucket, e.quantity),
    StockDispositioned: lambda e: _between(e, "returned", e.to_bucket, e.quantity),
    StockAdjusted: lambda e: _between(e, "variance", "sellable", e.delta),
    StockMoved: lambda e: _between(e, e.from_bucket, e.to_bucket, e.quantity),
    StockScrapped: lambda e: _between(e, e.bucket, "scrap", e.quantity),
    StockCounted: lambda e: _between(e, "variance", e.bucket, e.delta),
    StockAbsorbed: lambda e: _between(e, "variance", e.bucket, e.delta),
    StockCountCancelled: lambda e: _between(e, "variance", e.bucket, e.delta),
    StockCorrected: lambda e: _between(e, e.from_bucket, e.to_bucket, e.quantity),
    StockDispatched: lambda e: _between(e, "sellable", "transit", e.quantity),
    StockTransferReceived: _arrived,
    StockTransferReturned: lambda e: _between(e, "transit", "quarantine", e.quantity),
    StockTransferSurplus: lambda e: _between(e, "variance", "transit", e.delta),
}


Transit: TypeAlias = tuple[StockId, int]
"""The stock at the end of the way, and a signed change of what is on its way there."""


def in_transit_delta(event: Event) -> Transit | None:
    """What an event means for the units on their way to a stock; nothing for most events.

    What it posts to the transit bucket belongs to where the goods go, not to the stock that
    tells of it.
    """
    destination = _DESTINATIONS.get(type(event))
    if destination is None:
        return None
    delta = sum(delta for _, bucket, delta in postings(event) if bucket == "transit")
    return StockId(destination(event), event.sku), delta  # type: ignore[attr-defined]


_DESTINATIONS: Final[dict[type, Callable[[Any], str]]] = {
    StockDispatched: lambda e: e.to_location,
    StockTransferReceived: lambda e: e.location,
    StockTransferReturned: lambda e: e.to_location,
    StockTransferSurplus: lambda e: e.location,
}


def held_delta(event: AnyStockEvent) -> int:
    """How many more units (fewer: negative) are open in holds after an event, as recorded."""
    change = _HELD.get(type(event))
    return 0 if change is None else change(event)


_HELD: Final[dict[type, Callable[[Any], int]]] = {
    StockReserved: lambda e: e.quantity,
    HoldAmended: lambda e: e.delta,
    HoldReleased: lambda e: -e.quantity,
    HoldRelocated: lambda e: -e.quantity,
    HoldFulfilled: lambda e: -e.quantity,
    HoldsExpired: lambda e: -sum(hold.quantity for hold in e.holds),
}
