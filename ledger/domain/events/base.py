"""What every event has: when it happened in the world."""

from msgspec import Struct

from ledger.domain.values import Code, Instant


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something that happened. `occurred_at` is when it happened in the world."""

    occurred_at: Instant


class SkuQuantity(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one SKU, in a document that says where."""

    sku: Code
    quantity: int


class Relocation(Struct, frozen=True, kw_only=True, gc=False):
    """Promised units of one SKU that are held at another location from now on."""

    sku: Code
    from_location: Code
    to_location: Code
    quantity: int


class LineQuantity(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one line; signed where the event amends."""

    sku: Code
    location: Code
    quantity: int
