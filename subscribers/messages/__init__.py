"""Public messages: what leaves the house. Versioned by their type, tolerant when read.

They mirror the ledger's events in public form (times RFC 3339 UTC with microseconds, quantities
integers in the SKU's base unit, fields at their default left out) and import nothing of ours, so
that partners can take this module and `subscribers.sdk` without our server. A field may be added
with a default; a new meaning is a new type.
"""

from subscribers.messages.base import (
    LineQuantity,
    Message,
    Money,
    Provenance,
    Timestamp,
)
from subscribers.messages.conflicts import (
    ConflictChanged,
    ConflictCleared,
    ConflictMessage,
    ConflictOpened,
    ConflictResolved,
)
from subscribers.messages.envelope import (
    CloudEvent,
    decode,
    encode,
)
from subscribers.messages.headers import (
    CONFLICTS_STREAM,
    DLQ_STREAM,
    EVENTS_STREAM,
    EXPECTED_LAST_SEQUENCE,
    GENERATION,
    HASH,
    INBOX_STREAM,
    MESSAGE_ID,
    POSITION,
    SHARD,
    STOCK_STREAM,
    THROUGH,
    TRACE,
)
from subscribers.messages.movements import (
    MovementVoided,
)
from subscribers.messages.registry import (
    DATA_TYPES,
    EVENT_MESSAGES,
)
from subscribers.messages.reservations import (
    PlacedLine,
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationFulfilled,
    ReservationMessage,
    ReservationPlaced,
    ReservationReleased,
)
from subscribers.messages.stock import (
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
    StockMessage,
    StockMoved,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    StockScrapped,
    StockSold,
    StockState,
)

__all__ = [
    "CONFLICTS_STREAM",
    "DATA_TYPES",
    "DLQ_STREAM",
    "EVENTS_STREAM",
    "EVENT_MESSAGES",
    "EXPECTED_LAST_SEQUENCE",
    "GENERATION",
    "HASH",
    "INBOX_STREAM",
    "MESSAGE_ID",
    "POSITION",
    "SHARD",
    "STOCK_STREAM",
    "THROUGH",
    "TRACE",
    "CloudEvent",
    "ConflictChange",
    "ConflictChanged",
    "ConflictCleared",
    "ConflictMessage",
    "ConflictOpened",
    "ConflictResolved",
    "ExpiredHold",
    "HoldAmended",
    "HoldConfirmed",
    "HoldExtended",
    "HoldFulfilled",
    "HoldReleased",
    "HoldsExpired",
    "LineQuantity",
    "Message",
    "Money",
    "MovementVoided",
    "PlacedLine",
    "Provenance",
    "ReservationAmended",
    "ReservationConfirmed",
    "ReservationExtended",
    "ReservationFulfilled",
    "ReservationMessage",
    "ReservationPlaced",
    "ReservationReleased",
    "SaleVoided",
    "StockAdjusted",
    "StockMessage",
    "StockMoved",
    "StockOpened",
    "StockReceived",
    "StockReserved",
    "StockReturned",
    "StockScrapped",
    "StockSold",
    "StockState",
    "Timestamp",
    "decode",
    "encode",
]
