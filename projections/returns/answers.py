"""The shapes of returns and orders in answers."""

from msgspec import Struct

from ledger.domain.outcomes import ReturnLineState
from ledger.domain.values import Instant


class ReturnAnswer(Struct, frozen=True, kw_only=True):
    """One return."""

    return_id: str
    status: str
    order: str | None
    authorised_at: Instant
    closed_at: Instant | None
    version: int
    lines: tuple[ReturnLineState, ...]


class ReturnFound(Struct, frozen=True, kw_only=True):
    """The return asked for, if there is one, and where this was read."""

    found: ReturnAnswer | None
    position: int


class ReturnsPage(Struct, frozen=True, kw_only=True):
    """A page of returns, newest first."""

    items: list[ReturnAnswer]
    position: int
    next_cursor: str | None


class OrderAnswer(Struct, frozen=True, kw_only=True):
    """What an order comes to for one SKU; `excess` came back and was never sold on it."""

    order: str
    sku: str
    sold: int
    returned: int
    excess: int
    conflict_id: str | None


class OrdersPage(Struct, frozen=True, kw_only=True):
    """A page of what orders come to, by order and SKU."""

    items: list[OrderAnswer]
    position: int
    next_cursor: str | None
