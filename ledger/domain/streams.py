"""Every kind of stream: what it is before its first event, and what one more event makes of it."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, get_args

from ledger.domain import (
    catalog,
    channel,
    conflict,
    count,
    movement,
    order,
    period,
    reconciliation,
    reservation,
    return_,
    transfer,
)
from ledger.domain.catalog import Location, Sku
from ledger.domain.channel import Channel
from ledger.domain.conflict import Conflict
from ledger.domain.count import CountDocument
from ledger.domain.events import (
    AnyChannelEvent,
    AnyConflictEvent,
    AnyCountEvent,
    AnyEvent,
    AnyMovementEvent,
    AnyOrderEvent,
    AnyReconciliationEvent,
    AnyReservationEvent,
    AnyReturnEvent,
    AnyStockEvent,
    AnyTransferEvent,
    CalendarAdvanced,
    LocationDefined,
    PeriodClosed,
    SkuDefined,
)
from ledger.domain.movement import MovementState
from ledger.domain.order import Order
from ledger.domain.period import Calendar, Period
from ledger.domain.reconciliation import Reconciliation
from ledger.domain.reservation import Reservation
from ledger.domain.return_ import CustomerReturn
from ledger.domain.stock import Stock
from ledger.domain.transfer import Transfer
from ledger.domain.values import StockId

State: TypeAlias = (
    Stock
    | Reservation
    | Conflict
    | Transfer
    | MovementState
    | Order
    | CustomerReturn
    | Sku
    | Location
    | Channel
    | CountDocument
    | Period
    | Calendar
    | Reconciliation
    | None
)
"""What a stream folds to; nothing where it has no events, except for stocks."""


def initial(stream: str) -> State:
    """The state of a stream without events. A stock's name is in its stream's."""
    kind, _, rest = stream.partition("/")
    if kind == "stock":
        location, _, sku = rest.partition("/")
        return Stock(StockId(decode_part(location), decode_part(sku)))
    return None


def evolved(state: State, event: AnyEvent) -> State:
    """A stream's state after one more event. Stocks evolve in place and are returned."""
    return _FOLDS[type(event)](state, event)


def decode_part(text: str) -> str:
    """Undo `encode_part`."""
    if "%" not in text:
        return text
    head, *rest = text.split("%")
    octets = head.encode() + b"".join(
        bytes((int(piece[:2], 16),)) + piece[2:].encode() for piece in rest
    )
    return octets.decode()


def _stock(stock: Stock, event: AnyStockEvent) -> Stock:
    stock.evolve(event)
    return stock


_FOLDS: Final[dict[type, Callable[[Any, Any], State]]] = {
    **dict.fromkeys(get_args(AnyStockEvent), _stock),
    **dict.fromkeys(get_args(AnyReservationEvent), reservation.evolve),
    **dict.fromkeys(get_args(AnyConflictEvent), conflict.evolve),
    **dict.fromkeys(get_args(AnyTransferEvent), transfer.evolve),
    **dict.fromkeys(get_args(AnyOrderEvent), order.evolve),
    **dict.fromkeys(get_args(AnyReturnEvent), return_.evolve),
    **dict.fromkeys(get_args(AnyCountEvent), count.evolve),
    **dict.fromkeys(get_args(AnyReconciliationEvent), reconciliation.evolve),
    **dict.fromkeys(get_args(AnyChannelEvent), channel.evolve),
    SkuDefined: catalog.evolve_sku,
    LocationDefined: catalog.evolve_location,
    PeriodClosed: period.evolve_period,
    CalendarAdvanced: period.evolve_calendar,
    **dict.fromkeys(get_args(AnyMovementEvent), movement.evolve),
}
