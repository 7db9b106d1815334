"""What every event has: when it happened in the world."""

from msgspec import Struct

from ledger.domain.values import Instant


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something that happened. `occurred_at` is when it happened in the world."""

    occurred_at: Instant


class LineQuantity(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one line; signed where the event amends."""

    sku: str
    location: str
    quantity: int
