"""What a word may hold: identifiers, quantities, instants, buckets and stream names."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from msgspec import Meta, Struct

Instant: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z. Times are integers inside the ledger; UTC only."""

MICROSECONDS_PER_MILLISECOND: Final = 1_000
MICROSECONDS_PER_SECOND: Final = 1_000_000

QUANTITY_MAX: Final = 1_000_000_000_000
"""Units in one line. Leaves room for nine million such lines before a 64-bit sum is full."""

EARLIEST: Final[Instant] = -62_135_596_800 * MICROSECONDS_PER_SECOND  # 0001-01-01T00:00:00Z
LATEST: Final[Instant] = 253_402_300_799 * MICROSECONDS_PER_SECOND  # 9999-12-31T23:59:59Z

Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
"""A positive count of the SKU's base unit."""

Delta = Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
"""A signed count of the SKU's base unit."""

CODE_LENGTH_MAX: Final = 64
ID_LENGTH_MAX: Final = 133  # An idempotency key of 128, a slash, and the place in its batch.
TEXT_LENGTH_MAX: Final = 200

# Whatever is stored has a length: there is no room for a letter in an event. What may stand in it
# is checked at the door; a pattern here would make every reader of events slower by half.

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH_MAX)]
"""What a caller calls a document, a movement or a command, or the ledger a conflict."""

Code = Annotated[str, Meta(min_length=1, max_length=CODE_LENGTH_MAX)]
"""A SKU, a location, a channel: printable Unicode in NFC; `check_code` has the last word."""

Currency = Annotated[str, Meta(min_length=3, max_length=3)]
"""An ISO 4217 code."""

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
"""Free text: a reason, a reference. Never personal data; `check_text` has the last word."""

PhysicalBucket = Literal["sellable", "quarantine", "damaged", "returned", "blocked"]
VirtualBucket = Literal[
    "supplier", "customer", "transit", "scrap", "variance", "conversion", "opening"
]
Bucket = Literal[PhysicalBucket, VirtualBucket]

PHYSICAL_BUCKETS: Final[tuple[PhysicalBucket, ...]] = (
    "sellable",
    "quarantine",
    "damaged",
    "returned",
    "blocked",
)

HoldKind = Literal["soft", "hard"]
CountKind = Literal["cycle", "full"]
"""Some SKUs of a location in turn, or everything there is."""

Disposition = Literal[
    "restock",
    "refurbish",
    "repackage",
    "resale_hold",
    "damaged",
    "return_to_vendor",
    "scrap",
    "recycle",
    "donate",
    "liquidate",
    "return_to_customer",
    "credit_only",
    "missing",
]
"""What becomes of units a customer returned."""

Policy = Literal["all", "partial"]
Sourcing = Literal["in_order", "most_available"]

StreamKind = Literal[
    "stock",
    "reservation",
    "movement",
    "conflict",
    "transfer",
    "return",
    "count",
    "reconciliation",
    "order",
    "channel",
    "sku",
    "location",
    "period",
    "calendar",
]


class Money(Struct, frozen=True, kw_only=True, gc=False):
    """An amount in millionths of the currency's unit, and its ISO 4217 code."""

    millionths: int
    currency: Currency


class StockId(NamedTuple):
    """One SKU at one location: what a stock stream is about."""

    location: str
    sku: str

    @property
    def stream(self) -> str:
        """The id of this stock's event stream."""
        return stock_stream(self.location, self.sku)


@lru_cache(maxsize=65_536)
def stock_id_of(location: str, sku: str) -> StockId:
    """The same, found again instead of made again: most are asked for many times."""
    return StockId(location, sku)


_ALL_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]*").fullmatch
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def encode_part(text: str) -> str:
    """Percent-encode everything outside `[A-Za-z0-9_-]`, byte by byte.

    Stream ids and NATS subjects share this encoding; it is injective, so two different names
    never meet in one stream or subject.
    """
    return text if _ALL_PLAIN(text) else _encoded(text)


@lru_cache(maxsize=65_536)
def _encoded(text: str) -> str:
    return "".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in text.encode())


def stream_id(kind: StreamKind, *parts: str) -> str:
    """Name a stream: its kind and its encoded parts, joined by slashes."""
    return "/".join((kind, *map(encode_part, parts)))


@lru_cache(maxsize=65_536)
def stock_stream(location: str, sku: str) -> str:
    """Name the stream of one SKU at one location."""
    return f"stock/{encode_part(location)}/{encode_part(sku)}"


@lru_cache(maxsize=8_192)  # Asked for a few times in one decision, hardly ever later.
def reservation_stream(reservation_id: str) -> str:
    """Name the stream of one reservation."""
    return f"reservation/{encode_part(reservation_id)}"


def transfer_stream(transfer_id: str) -> str:
    """Name the stream of one transfer."""
    return f"transfer/{encode_part(transfer_id)}"


def return_stream(return_id: str) -> str:
    """Name the stream of one return."""
    return f"return/{encode_part(return_id)}"


def order_stream(order: str) -> str:
    """Name the stream of one order, as callers refer to it."""
    return f"order/{encode_part(order)}"


def count_stream(count_id: str) -> str:
    """Name the stream of one count document."""
    return f"count/{encode_part(count_id)}"


def period_stream(period_id: str) -> str:
    """Name the stream of one period."""
    return f"period/{encode_part(period_id)}"


def calendar_stream(location: str | None) -> str:
    """Name the stream of the periods of one location, or of the whole network."""
    return "calendar/network" if location is None else stream_id("calendar", "location", location)


def utc_text(instant: Instant) -> str:
    """An instant as sentences have it: UTC, six decimals, Z."""
    seconds, micros = divmod(instant - EARLIEST, MICROSECONDS_PER_SECOND)
    whole = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{whole.isoformat()[:19]}.{micros:06d}Z"


def reconciliation_stream(reconciliation_id: str) -> str:
    """Name the stream of one reconciliation."""
    return f"reconciliation/{encode_part(reconciliation_id)}"


_JOINED: Final = re.compile("(?<=[^\u200c\u200d])[\u200c\u200d](?=[^\u200c\u200d])").sub
"""Takes out joiners that stand between two characters: emoji and some scripts need them there."""


def code_problem(text: str) -> str | None:
    """Say why a text can become no SKU and no location, or nothing."""
    # What nearly every code is; every line of a request pays for this.
    if (
        text.isprintable()
        and 0 < len(text) <= CODE_LENGTH_MAX
        and (text.isascii() or unicodedata.is_normalized("NFC", text))
    ):
        return None
    problem = asked_code_problem(text)
    if problem is not None:
        return problem
    seen = text if text.isprintable() else _JOINED("", text)
    if seen.isprintable():
        return None
    unseen = next(c for c in seen if not c.isprintable())
    return f"must not hold the character U+{ord(unseen):04X} there"


def asked_code_problem(text: str) -> str | None:
    """Say why no ledger has such a SKU or location, or nothing.

    Wider than what may become one: what was recorded under a code can be asked for ever after.
    """
    if not 1 <= len(text) <= CODE_LENGTH_MAX:
        return f"must have 1 to {CODE_LENGTH_MAX} characters, has {len(text)}"
    if text.isascii() and text.isprintable():
        return None
    if not unicodedata.is_normalized("NFC", text):
        return "must be in Unicode normal form C"
    return _unprintable(text)


def text_problem(text: str) -> str | None:
    """Say what is wrong with a free text, or nothing."""
    if text.isascii() and text.isprintable():
        return None
    return _unprintable(text)


def _unprintable(text: str) -> str | None:
    for character in text:
        category = unicodedata.category(character)
        # Spaces, joiners (emoji) and unassigned characters may pass; controls, lone surrogates
        # and line separators may not: they break subjects, logs and the database's text type.
        if category in ("Cc", "Cs", "Zl", "Zp"):
            return f"must not hold the character U+{ord(character):04X}"
    return None
