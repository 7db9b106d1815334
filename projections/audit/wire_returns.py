"""What the auditor reads in the events of returns and orders: shapes of his own, as in `wire`."""

from typing import TypeAlias

from msgspec import Struct


class SkuLine(Struct, gc=False):
    """Units of one SKU."""

    sku: str
    quantity: int


class GradedLine(Struct, gc=False):
    """Units of one SKU that were looked at."""

    sku: str
    quantity: int
    grade: str


class FateLine(Struct, gc=False):
    """Units of one SKU and what became of them; no location: never received."""

    sku: str
    quantity: int
    disposition: str
    location: str | None = None


class Return(Struct, gc=False, kw_only=True):
    """What all events of one return have."""

    return_id: str
    occurred_at: int


class Authorised(Return, gc=False, kw_only=True, tag="return.authorised.v1"):
    """Goods may come."""

    lines: tuple[SkuLine, ...]
    order: str | None = None


class Arrived(Return, gc=False, kw_only=True, tag="return.received.v1"):
    """Goods came."""

    location: str
    lines: tuple[SkuLine, ...]


class Inspected(Return, gc=False, kw_only=True, tag="return.inspected.v1"):
    """Goods were looked at."""

    lines: tuple[GradedLine, ...]


class Dispositioned(Return, gc=False, kw_only=True, tag="return.dispositioned.v1"):
    """It was decided what becomes of some."""

    lines: tuple[FateLine, ...]


class Closed(Return, gc=False, tag="return.closed.v1"):
    """Nothing more is expected."""


class OrderConflict(Struct, gc=False):
    """What an event of an order says it did to the conflict over one SKU."""

    conflict_id: str
    kind: str
    holder: str
    short: int


class Order(Struct, gc=False, kw_only=True):
    """What all events of one order have."""

    order: str
    sku: str
    location: str
    occurred_at: int
    delta: int
    conflict: OrderConflict | None = None


class OrderSold(Order, gc=False, kw_only=True, tag="order.sold.v1"):
    """Sold, or taken back."""


class OrderReturned(Order, gc=False, kw_only=True, tag="order.returned.v1"):
    """Came back, or went to the customer again."""

    return_id: str | None = None


AnyReturn: TypeAlias = Authorised | Arrived | Inspected | Dispositioned | Closed
AnyOrder: TypeAlias = OrderSold | OrderReturned
