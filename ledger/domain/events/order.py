"""Events of `order/<ref>`: what was sold and what came back, where a fact names an order."""

from typing import TypeAlias

from ledger.domain.events.base import Event
from ledger.domain.events.stock import ConflictChange
from ledger.domain.values import Code, Id, Text, order_stream


class OrderEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one order's totals for one SKU.

    `delta` is signed: a void, a correction or goods that go back to the customer take units off
    again. `conflict` says what the change did to the order's conflict over this SKU; that
    conflict's own stream says the same at more length.
    """

    order: Text
    sku: Code
    location: Code  # Where the fact behind it happened.
    delta: int
    conflict: ConflictChange | None = None

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return order_stream(self.order)


class OrderSold(OrderEvent, frozen=True, tag="order.sold.v1"):
    """Units were sold on an order; fewer where a sale was voided or corrected."""


class OrderReturned(OrderEvent, frozen=True, tag="order.returned.v1"):
    """Units sold on an order came back; fewer where they went to the customer again."""

    return_id: Id | None = None


AnyOrderEvent: TypeAlias = OrderSold | OrderReturned
