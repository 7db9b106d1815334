"""Every event of the ledger: what happened, in the past tense, never changed.

A tag is permanent: what comes to mean something else gets a tag of its own, and the old one a
step to it (`ledger.store.upcasts`). Fields may be added with a default; none is ever renamed,
dropped or given another meaning.
"""

from typing import TypeAlias

from ledger.domain.events.base import (
    Event,
    LineQuantity,
)
from ledger.domain.events.conflict import (
    AnyConflictEvent,
    ConflictChanged,
    ConflictCleared,
    ConflictEvent,
    ConflictOpened,
    ConflictResolved,
)
from ledger.domain.events.meaning import (
    Posting,
    Postings,
    held_delta,
    postings,
)
from ledger.domain.events.movement import (
    AnyMovementEvent,
    MovementVoided,
)
from ledger.domain.events.reservation import (
    AnyReservationEvent,
    PlacedLine,
    ReservationAmended,
    ReservationConfirmed,
    ReservationEvent,
    ReservationExtended,
    ReservationFulfilled,
    ReservationPlaced,
    ReservationReleased,
)
from ledger.domain.events.stock import (
    AnyStockEvent,
    ConflictChange,
    ExpiredHold,
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldsExpired,
    SaleVoided,
    StockAdjusted,
    StockEvent,
    StockMoved,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    StockScrapped,
    StockSold,
)

AnyEvent: TypeAlias = AnyStockEvent | AnyReservationEvent | AnyMovementEvent | AnyConflictEvent

__all__ = [
    "AnyConflictEvent",
    "AnyEvent",
    "AnyMovementEvent",
    "AnyReservationEvent",
    "AnyStockEvent",
    "ConflictChange",
    "ConflictChanged",
    "ConflictCleared",
    "ConflictEvent",
    "ConflictOpened",
    "ConflictResolved",
    "Event",
    "ExpiredHold",
    "HoldAmended",
    "HoldConfirmed",
    "HoldExtended",
    "HoldFulfilled",
    "HoldReleased",
    "HoldsExpired",
    "LineQuantity",
    "MovementVoided",
    "PlacedLine",
    "Posting",
    "Postings",
    "ReservationAmended",
    "ReservationConfirmed",
    "ReservationEvent",
    "ReservationExtended",
    "ReservationFulfilled",
    "ReservationPlaced",
    "ReservationReleased",
    "SaleVoided",
    "StockAdjusted",
    "StockEvent",
    "StockMoved",
    "StockOpened",
    "StockReceived",
    "StockReserved",
    "StockReturned",
    "StockScrapped",
    "StockSold",
    "held_delta",
    "postings",
]
