"""An order as the ledger knows it: sold and returned per SKU, and whether that can be."""

from typing import Final

from msgspec import Struct

from ledger.domain.events import AnyOrderEvent, OrderSold

RETURNED_BEYOND_SOLD: Final = "returned_beyond_sold"


class OrderLine(Struct, frozen=True, gc=False):
    """Units of one SKU on one order, and the conflict that is open over them."""

    sold: int = 0
    returned: int = 0
    conflict_id: str | None = None

    @property
    def excess(self) -> int:
        """Units that came back and had never been sold, as far as is known."""
        return max(0, self.returned - max(0, self.sold))


class Order(Struct, frozen=True):
    """An order after its last event. An order nobody has named yet has no lines."""

    lines: dict[str, OrderLine] = {}

    def line(self, sku: str) -> OrderLine:
        """The units of one SKU; none where it is not on the order."""
        return self.lines.get(sku, _NOTHING)


_NOTHING: Final = OrderLine()


def evolve(order: Order | None, event: AnyOrderEvent) -> Order:
    """The order after one more event of its stream."""
    lines = {} if order is None else dict(order.lines)
    line = lines.get(event.sku, _NOTHING)
    sold, returned, conflict_id = line.sold, line.returned, line.conflict_id
    if isinstance(event, OrderSold):
        sold += event.delta
    else:
        returned += event.delta
    if event.conflict is not None:
        conflict_id = event.conflict.conflict_id if event.conflict.short else None
    lines[event.sku] = OrderLine(sold, returned, conflict_id)
    return Order(lines)
