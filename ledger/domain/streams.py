"""Every kind of stream: what it is before its first event, and what one more event makes of it."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, get_args

from ledger.domain import conflict, reservation
from ledger.domain.conflict import Conflict
from ledger.domain.events import (
    AnyConflictEvent,
    AnyEvent,
    AnyReservationEvent,
    AnyStockEvent,
    MovementVoided,
)
from ledger.domain.reservation import Reservation
from ledger.domain.stock import Stock
from ledger.domain.values import StockId

State: TypeAlias = Stock | Reservation | Conflict | int | None
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


def _movement(voided: int | None, event: MovementVoided) -> int:
    return (voided or 0) + event.quantity


_FOLDS: Final[dict[type, Callable[[Any, Any], State]]] = {
    **dict.fromkeys(get_args(AnyStockEvent), _stock),
    **dict.fromkeys(get_args(AnyReservationEvent), reservation.evolve),
    **dict.fromkeys(get_args(AnyConflictEvent), conflict.evolve),
    MovementVoided: _movement,
}
