"""Public messages: what leaves the house. Versioned by their type, tolerant when read.

They mirror the ledger's events in public form (times RFC 3339 UTC with microseconds, quantities
integers in the SKU's base unit, fields at their default left out) and import nothing of ours, so
that partners can take this module and `subscribers.sdk` without our server. A field may be added
with a default; a new meaning is a new type.
"""

from typing import Annotated, Any, ClassVar, Final, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct, field

EVENTS_STREAM: Final = "INVENTORY_EVENTS"
STOCK_STREAM: Final = "INVENTORY_STOCK"
CONFLICTS_STREAM: Final = "INVENTORY_CONFLICTS"
INBOX_STREAM: Final = "INVENTORY_INBOX"
DLQ_STREAM: Final = "INVENTORY_DLQ"

MESSAGE_ID: Final = "Nats-Msg-Id"
EXPECTED_LAST_SEQUENCE: Final = "Nats-Expected-Last-Sequence"
POSITION: Final = "Ledger-Position"
GENERATION: Final = "Ledger-Generation"
SHARD: Final = "Ledger-Shard"
HASH: Final = "Ledger-Hash"
"""Digest of the event's row in the ledger: tells two histories apart at one position."""
THROUGH: Final = "Ledger-Through"
"""On stock messages: every stock touched up to this position had been told before this one."""
TRACE: Final = "traceparent"

Timestamp: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, UTC, six digits of a second."""


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every event says of itself beside its own fields."""

    TYPE: ClassVar[str] = ""

    occurred_at: Timestamp
    provenance: "Provenance"


class Provenance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who reported it, from where and why; `claimed_at` where a claimed time was corrected."""

    actor: str
    source: str
    reason: str
    movement_id: str | None = None
    reference: str | None = None
    claimed_at: Timestamp | None = None


class Money(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An amount in millionths of the currency's unit, and its ISO 4217 code."""

    millionths: int
    currency: str


class ConflictChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The amount one conflict of this stock is short from now on; 0 clears it."""

    conflict_id: str
    kind: str
    holder: str
    short: int


class StockMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one SKU at one location."""

    location: str
    sku: str
    effective_at: Timestamp
    lot: str | None = None
    conflicts: tuple[ConflictChange, ...] = ()


class StockOpened(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were there before the ledger was."""

    TYPE = "inventory.stock.opened.v1"
    quantity: int


class StockReceived(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods arrived from a supplier and may be sold."""

    TYPE = "inventory.stock.received.v1"
    quantity: int
    unit_cost: Money | None = None


class StockSold(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods left to a customer without consuming a hold."""

    TYPE = "inventory.stock.sold.v1"
    quantity: int
    channel: str | None = None
    order: str | None = None
    reservation_id: str | None = None


class SaleVoided(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A sale, or a part of it, never took place."""

    TYPE = "inventory.stock.sale_voided.v1"
    quantity: int
    of: str


class StockReturned(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A customer handed goods back."""

    TYPE = "inventory.stock.returned.v1"
    quantity: int
    to_bucket: str
    order: str | None = None


class StockAdjusted(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The sellable level was corrected by a signed amount."""

    TYPE = "inventory.stock.adjusted.v1"
    delta: int


class StockMoved(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units moved from one condition to another."""

    TYPE = "inventory.stock.moved.v1"
    quantity: int
    from_bucket: str
    to_bucket: str


class StockScrapped(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units were destroyed or given away."""

    TYPE = "inventory.stock.scrapped.v1"
    quantity: int
    bucket: str


class StockReserved(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Units are held for a reservation."""

    TYPE = "inventory.stock.reserved.v1"
    reservation_id: str
    quantity: int
    kind: str
    expires_at: Timestamp | None = None


class HoldConfirmed(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A hold no longer runs out."""

    TYPE = "inventory.stock.hold_confirmed.v1"
    reservation_id: str


class HoldExtended(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A hold runs out at another time."""

    TYPE = "inventory.stock.hold_extended.v1"
    reservation_id: str
    expires_at: Timestamp


class HoldAmended(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A hold has more or fewer units open."""

    TYPE = "inventory.stock.hold_amended.v1"
    reservation_id: str
    delta: int


class HoldReleased(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Held units are free again."""

    TYPE = "inventory.stock.hold_released.v1"
    reservation_id: str
    quantity: int


class HoldFulfilled(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Held units left to the customer they were held for."""

    TYPE = "inventory.stock.hold_fulfilled.v1"
    reservation_id: str
    quantity: int
    channel: str | None = None


class ExpiredHold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hold that ran out, how much of it was open, and when."""

    reservation_id: str
    quantity: int
    expired_at: Timestamp


class HoldsExpired(StockMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Holds had run out, each at its own time."""

    TYPE = "inventory.stock.holds_expired.v1"
    holds: tuple[ExpiredHold, ...]


class ReservationMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one reservation."""

    reservation_id: str


class PlacedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked of one stock and what was granted."""

    sku: str
    location: str
    requested: int
    granted: int


class LineQuantity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one line; signed where the message amends."""

    sku: str
    location: str
    quantity: int


class ReservationPlaced(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A promise was made."""

    TYPE = "inventory.reservation.placed.v1"
    channel: str | None
    kind: str
    expires_at: Timestamp | None
    policy: str
    lines: tuple[PlacedLine, ...]


class ReservationConfirmed(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The promise no longer runs out."""

    TYPE = "inventory.reservation.confirmed.v1"


class ReservationExtended(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The promise runs out at another time."""

    TYPE = "inventory.reservation.extended.v1"
    expires_at: Timestamp


class ReservationAmended(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The promised quantities changed, by signed amounts."""

    TYPE = "inventory.reservation.amended.v1"
    lines: tuple[LineQuantity, ...]


class ReservationFulfilled(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Promised units left."""

    TYPE = "inventory.reservation.fulfilled.v1"
    lines: tuple[LineQuantity, ...]


class ReservationReleased(ReservationMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Promised units were given up."""

    TYPE = "inventory.reservation.released.v1"
    lines: tuple[LineQuantity, ...]


class MovementVoided(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a recorded movement was voided."""

    TYPE = "inventory.movement.voided.v1"
    owner: str
    movement_id: str
    recorded: int
    quantity: int


class ConflictMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one conflict: something a fact broke."""

    conflict_id: str
    kind: str
    location: str
    sku: str


class ConflictOpened(ConflictMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A fact broke something; `short` says how much (microseconds for clock skew)."""

    TYPE = "inventory.conflict.opened.v1"
    short: int
    bucket: str | None = None
    reservation_id: str | None = None
    quantity: int | None = None


class ConflictChanged(ConflictMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The amount short rose or fell."""

    TYPE = "inventory.conflict.changed.v1"
    short: int


class ConflictCleared(ConflictMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The cause ended by itself."""

    TYPE = "inventory.conflict.cleared.v1"


class ConflictResolved(ConflictMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody dealt with it and said how."""

    TYPE = "inventory.conflict.resolved.v1"
    resolution: str
    note: str | None = None


class StockState(Struct, frozen=True, kw_only=True):
    """The last state of one stock: a value, not a change; apply it if its version is newer.

    `reserved` counts holds as recorded; `position` and `version` are those of the last event it
    reflects, `effective_at` the latest business time among them.
    """

    TYPE: ClassVar[str] = "inventory.stock.state.v1"

    location: str
    sku: str
    on_hand: int
    sellable: int
    quarantine: int
    damaged: int
    returned: int
    blocked: int
    reserved: int
    available: int
    position: int
    version: int
    effective_at: Timestamp


EVENT_MESSAGES: Final[tuple[type[Message], ...]] = (
    StockOpened,
    StockReceived,
    StockSold,
    SaleVoided,
    StockReturned,
    StockAdjusted,
    StockMoved,
    StockScrapped,
    StockReserved,
    HoldConfirmed,
    HoldExtended,
    HoldAmended,
    HoldReleased,
    HoldFulfilled,
    HoldsExpired,
    ReservationPlaced,
    ReservationConfirmed,
    ReservationExtended,
    ReservationAmended,
    ReservationFulfilled,
    ReservationReleased,
    MovementVoided,
    ConflictOpened,
    ConflictChanged,
    ConflictCleared,
    ConflictResolved,
)
"""Every event a subscriber may meet in this version."""

DATA_TYPES: Final[dict[str, type[Struct]]] = {
    **{kind.TYPE: kind for kind in EVENT_MESSAGES},
    StockState.TYPE: StockState,
}
"""CloudEvents type -> the shape of its data."""


class CloudEvent(Struct, frozen=True):
    """The envelope of every payload: CloudEvents 1.0 in JSON, with the ledger's extensions.

    `id` is `<generation>:<shard>:<position>`; `streamversion` is the place in the stream that
    `subject` names; `ruleversion` is 0 where no channel rule took part.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Timestamp
    datacontenttype: str
    position: int
    streamversion: int
    recordedat: Timestamp
    correlationid: str
    causationid: str
    ruleversion: int
    data: Any


class _Envelope(Struct):
    """The envelope as read: unknown attributes are ignored, missing extensions have defaults."""

    id: str
    source: str
    type: str
    subject: str = ""
    time: str = ""
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    position: int = 0
    streamversion: int = 0
    recordedat: str = ""
    correlationid: str = ""
    causationid: str = ""
    ruleversion: int = 0
    data: Raw = field(default_factory=lambda: Raw(b"null"))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Envelope).decode
_decode_data: Final = {name: msgspec.json.Decoder(kind).decode for name, kind in DATA_TYPES.items()}


def encode(event: CloudEvent) -> bytes:
    """The payload of one message."""
    return _encode(event)


def decode(payload: bytes) -> CloudEvent:
    """Read a payload; data of a type this version does not know stays plain JSON values."""
    raw = _decode(payload)
    read = _decode_data.get(raw.type, msgspec.json.decode)
    return CloudEvent(
        raw.specversion,
        raw.id,
        raw.source,
        raw.type,
        raw.subject,
        raw.time,
        raw.datacontenttype,
        raw.position,
        raw.streamversion,
        raw.recordedat,
        raw.correlationid,
        raw.causationid,
        raw.ruleversion,
        read(raw.data),
    )
