"""The shapes of returns and orders in answers."""

from typing import Self

from msgspec import Struct

from ledger.domain import order
from ledger.domain.outcomes import ReturnLineState
from ledger.domain.values import Instant
from projections.returns.projection import OrderLine, Return


class ReturnAnswer(Struct, frozen=True, kw_only=True):
    """One return."""

    return_id: str
    status: str
    order: str | None
    authorised_at: Instant
    closed_at: Instant | None
    version: int
    lines: tuple[ReturnLineState, ...]

    @classmethod
    def of(cls, row: Return) -> Self:
        """From a return as recorded."""
        document = row.document
        return cls(
            return_id=document.return_id,
            status=document.status,
            order=document.order,
            authorised_at=row.authorised_at,
            closed_at=row.closed_at,
            version=document.version,
            lines=document.line_states(),
        )


class OrderAnswer(Struct, frozen=True, kw_only=True):
    """What an order comes to for one SKU; `excess` came back and was never sold on it."""

    order: str
    sku: str
    sold: int
    returned: int
    excess: int
    conflict_id: str | None

    @classmethod
    def of(cls, line: OrderLine) -> Self:
        """From a line as recorded."""
        return cls(
            order=line.order_ref,
            sku=line.sku,
            sold=line.sold,
            returned=line.returned,
            excess=order.OrderLine(line.sold, line.returned).excess,
            conflict_id=line.conflict_id,
        )
