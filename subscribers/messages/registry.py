"""Every message there is, by the type of its envelope."""

from typing import Final

from msgspec import Struct

from subscribers.messages.base import (
    Message,
)
from subscribers.messages.conflicts import (
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
)
from subscribers.messages.movements import (
    MovementVoided,
)
from subscribers.messages.reservations import (
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationFulfilled,
    ReservationPlaced,
    ReservationReleased,
)
from subscribers.messages.stock import (
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldsExpired,
    SaleVoided,
    StockAdjusted,
    StockMoved,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    StockScrapped,
    StockSold,
    StockState,
)

EVENT_MESSAGES: Final[tuple[type[Message], ...]] = (
    StockOpened,
    StockReceived,
    StockSold,
    SaleVoided,
    StockReturned,
    StockAdjusted,
    StockMoved,
    StockScrapped,
    StockReserved,
    HoldConfirmed,
    HoldExtended,
    HoldAmended,
    HoldReleased,
    HoldFulfilled,
    HoldsExpired,
    ReservationPlaced,
    ReservationConfirmed,
    ReservationExtended,
    ReservationAmended,
    ReservationFulfilled,
    ReservationReleased,
    MovementVoided,
    ConflictOpened,
    ConflictChanged,
    ConflictCleared,
    ConflictResolved,
)
"""Every event a subscriber may meet in this version."""

DATA_TYPES: Final[dict[str, type[Struct]]] = {
    **{kind.TYPE: kind for kind in EVENT_MESSAGES},
    StockState.TYPE: StockState,
}
"""CloudEvents type -> the shape of its data."""
