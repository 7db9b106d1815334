"""Every message there is, by the type of its envelope."""

from typing import Final

from msgspec import Struct

from subscribers.messages.ats import AtsState
from subscribers.messages.base import (
    Message,
)
from subscribers.messages.catalog import (
    LocationDefined,
    SkuDefined,
)
from subscribers.messages.channels import (
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelStalenessChanged,
)
from subscribers.messages.conflicts import (
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
)
from subscribers.messages.counts import (
    CountApproved,
    CountCancelled,
    CountEntered,
    CountOpened,
    CountPosted,
)
from subscribers.messages.dead_letters import DeadLetter
from subscribers.messages.movements import (
    MovementCancelled,
    MovementCorrected,
    MovementUnvoided,
    MovementVoided,
)
from subscribers.messages.periods import CalendarAdvanced, PeriodClosed
from subscribers.messages.reconciliations import (
    ReconciliationApproved,
    ReconciliationProposed,
    ReconciliationRecorded,
)
from subscribers.messages.reservations import (
    ReservationAmended,
    ReservationConfirmed,
    ReservationExtended,
    ReservationFulfilled,
    ReservationPlaced,
    ReservationReleased,
    ReservationRelocated,
)
from subscribers.messages.returns import (
    OrderReturned,
    OrderSold,
    ReturnAuthorised,
    ReturnClosed,
    ReturnDispositioned,
    ReturnInspected,
    ReturnReceived,
)
from subscribers.messages.stock import (
    BackorderLimitSet,
    FenceGranted,
    FenceReturned,
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
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
    StockMoved,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    StockScrapped,
    StockSold,
    StockState,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
)
from subscribers.messages.transfers import (
    TransferCancelled,
    TransferClosed,
    TransferDispatched,
    TransferReceived,
    TransferRequested,
)

EVENT_MESSAGES: Final[tuple[type[Message], ...]] = (
    StockOpened,
    StockReceived,
    StockSold,
    SaleVoided,
    StockReturned,
    StockDispositioned,
    StockAdjusted,
    StockMoved,
    StockScrapped,
    StockCounted,
    StockAbsorbed,
    StockCountCancelled,
    StockCorrected,
    StockReserved,
    HoldConfirmed,
    HoldExtended,
    HoldAmended,
    HoldReleased,
    HoldRelocated,
    HoldFulfilled,
    HoldsExpired,
    FenceGranted,
    FenceReturned,
    BackorderLimitSet,
    StockDispatched,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
    ReservationPlaced,
    ReservationConfirmed,
    ReservationExtended,
    ReservationAmended,
    ReservationFulfilled,
    ReservationReleased,
    ReservationRelocated,
    CountOpened,
    CountEntered,
    CountApproved,
    CountPosted,
    CountCancelled,
    ReconciliationRecorded,
    ReconciliationProposed,
    ReconciliationApproved,
    ReturnAuthorised,
    ReturnReceived,
    ReturnInspected,
    ReturnDispositioned,
    ReturnClosed,
    OrderSold,
    OrderReturned,
    TransferRequested,
    TransferDispatched,
    TransferReceived,
    TransferCancelled,
    TransferClosed,
    MovementVoided,
    MovementUnvoided,
    MovementCorrected,
    MovementCancelled,
    ConflictOpened,
    ConflictChanged,
    ConflictCleared,
    ConflictResolved,
    SkuDefined,
    LocationDefined,
    ChannelDefined,
    ChannelStalenessChanged,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    PeriodClosed,
    CalendarAdvanced,
)
"""Every event a subscriber may meet in this version."""

DATA_TYPES: Final[dict[str, type[Struct]]] = {
    **{kind.TYPE: kind for kind in EVENT_MESSAGES},
    StockState.TYPE: StockState,
    AtsState.TYPE: AtsState,
    DeadLetter.TYPE: DeadLetter,
}
"""CloudEvents type -> the shape of its data."""
