"""Messages about goods that customers send back, and about what orders come to."""

from msgspec import Struct

from subscribers.messages.base import Message, SkuQuantity
from subscribers.messages.stock import ConflictChange


class ReturnMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one return."""

    return_id: str


class ReturnAuthorised(ReturnMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A customer may send goods back."""

    TYPE = "inventory.return.authorised.v1"
    lines: tuple[SkuQuantity, ...]
    order: str | None = None


class ReturnReceived(ReturnMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods of a return arrived at a location."""

    TYPE = "inventory.return.received.v1"
    location: str
    lines: tuple[SkuQuantity, ...]


class GradedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were looked at, and what was found."""

    sku: str
    quantity: int
    grade: str


class ReturnInspected(ReturnMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Received goods were looked at."""

    TYPE = "inventory.return.inspected.v1"
    lines: tuple[GradedLine, ...]


class DispositionedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units and what becomes of them; without a location they were never received."""

    sku: str
    quantity: int
    disposition: str
    location: str | None = None


class ReturnDispositioned(ReturnMessage, frozen=True, kw_only=True, omit_defaults=True):
    """It was decided what becomes of some units."""

    TYPE = "inventory.return.dispositioned.v1"
    lines: tuple[DispositionedLine, ...]


class ReturnClosed(ReturnMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing more is expected of a return."""

    TYPE = "inventory.return.closed.v1"


class OrderMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A signed change of what an order comes to for one SKU."""

    order: str
    sku: str
    location: str
    delta: int
    conflict: ConflictChange | None = None


class OrderSold(OrderMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units were sold on an order; fewer where a sale was voided or corrected."""

    TYPE = "inventory.order.sold.v1"


class OrderReturned(OrderMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units of an order came back; fewer where the customer has them again."""

    TYPE = "inventory.order.returned.v1"
    return_id: str | None = None
