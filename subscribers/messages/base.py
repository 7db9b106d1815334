"""What every message has."""

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta, Struct

Timestamp: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, UTC, six digits of a second."""


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every event says of itself beside its own fields."""

    TYPE: ClassVar[str] = ""

    occurred_at: Timestamp
    provenance: "Provenance"


class Provenance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who reported it, from where and why; `claimed_at` where a claimed time was corrected.

    `stated` is the quantity in the reporter's words, where it was converted; `owner` the principal
    to whom the movement id belongs, where another one had it recorded.
    """

    actor: str
    source: str
    reason: str
    movement_id: str | None = None
    reference: str | None = None
    claimed_at: Timestamp | None = None
    stated: str | None = None
    owner: str | None = None


class Money(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An amount in millionths of the currency's unit, and its ISO 4217 code."""

    millionths: int
    currency: str


class SkuQuantity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one SKU, in a document that says where."""

    sku: str
    quantity: int


class LineQuantity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one line; signed where the message amends."""

    sku: str
    location: str
    quantity: int
