"""Events to returns and to the lines of orders, given those a batch goes on with."""

from typing import Final, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.events import (
    AnyOrderEvent,
    AnyReturnEvent,
    OrderEvent,
    OrderSold,
    ReturnAuthorised,
    ReturnClosed,
    ReturnEvent,
)
from ledger.domain.return_ import CustomerReturn, evolve
from ledger.recorded import Recorded
from projections.batch import Batch


class Return(Struct):
    """A return as recorded, with when and where it began and ended."""

    document: CustomerReturn
    authorised_at: int
    authorised_position: int
    closed_at: int | None
    position: int


class OrderLine(Struct, gc=False):
    """What an order comes to for one SKU; the fields are the columns, in order."""

    order_ref: str
    sku: str
    sold: int
    returned: int
    conflict_id: str | None
    first_position: int
    position: int


OrderKey: TypeAlias = tuple[str, str]
Returns: TypeAlias = dict[str, Return]
OrderLines: TypeAlias = dict[OrderKey, OrderLine]

_RETURNS: Final = frozenset[type](get_args(AnyReturnEvent))
_ORDERS: Final = frozenset[type](get_args(AnyOrderEvent))


def of_returns(batch: Batch) -> list[Recorded]:
    """The events of a batch that change a return."""
    return batch.of(_RETURNS)


def of_orders(batch: Batch) -> list[Recorded]:
    """The events of a batch that change an order."""
    return batch.of(_ORDERS)


def needed_returns(events: list[Recorded]) -> set[str]:
    """Returns that the events go on with: all but those they authorise."""
    named = {one.event.return_id for one in events if isinstance(one.event, ReturnEvent)}
    begun = {one.event.return_id for one in events if isinstance(one.event, ReturnAuthorised)}
    return named - begun


def needed_orders(events: list[Recorded]) -> set[OrderKey]:
    """Lines of orders that the events may go on with."""
    return {(one.event.order, one.event.sku) for one in events if isinstance(one.event, OrderEvent)}


def fold_returns(events: list[Recorded], known: Returns) -> Returns:
    """The returns that the events changed, as they are afterwards."""
    changed: Returns = {}
    for recorded in events:
        event, position = recorded.event, recorded.position
        assert isinstance(event, AnyReturnEvent)
        if isinstance(event, ReturnAuthorised):
            document = evolve(None, event)
            at = event.occurred_at
            known[event.return_id] = Return(document, at, position, None, position)
        else:
            row = known[event.return_id]
            row.document = replace(evolve(row.document, event), version=recorded.version)
            row.position = position
            if isinstance(event, ReturnClosed):
                row.closed_at = event.occurred_at
        changed[event.return_id] = known[event.return_id]
    return changed


def fold_orders(events: list[Recorded], known: OrderLines) -> OrderLines:
    """The lines of orders that the events changed, as they are afterwards."""
    changed: OrderLines = {}
    for recorded in events:
        event, position = recorded.event, recorded.position
        assert isinstance(event, OrderEvent)
        key = (event.order, event.sku)
        line = known.get(key)
        if line is None:
            line = known[key] = OrderLine(*key, 0, 0, None, position, position)
        if isinstance(event, OrderSold):
            line.sold += event.delta
        else:
            line.returned += event.delta
        if event.conflict is not None:
            line.conflict_id = event.conflict.conflict_id if event.conflict.short else None
        line.position = position
        changed[key] = line
    return changed
