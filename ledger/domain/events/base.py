"""What every event has: when it happened in the world."""

from msgspec import Struct

from ledger.domain.values import Instant


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something that happened. `occurred_at` is when it happened in the world."""

    occurred_at: Instant


class SkuQuantity(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one SKU, in a document that says where."""

    sku: str
    quantity: int


class Relocation(Struct, frozen=True, kw_only=True, gc=False):
    """Promised units of one SKU that are held at another location from now on."""

    sku: str
    from_location: str
    to_location: str
    quantity: int


class LineQuantity(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one line; signed where the event amends."""

    sku: str
    location: str
    quantity: int
