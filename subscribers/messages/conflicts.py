"""Messages about what facts broke."""

from msgspec import Struct

from subscribers.messages.base import Message


class ConflictMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one conflict: something a fact broke."""

    conflict_id: str
    kind: str
    location: str
    sku: str


class ParkedFact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A movement that waits for its SKU and location to be defined: in JSON, with its reporter."""

    owner: str
    movement_id: str
    movement: str


class ConflictOpened(ConflictMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A fact broke something; `short` says how much (microseconds for clock skew).

    Of an unknown item it counts movements: the one that is `parked`.
    """

    TYPE = "inventory.conflict.opened.v1"
    short: int
    bucket: str | None = None
    reservation_id: str | None = None
    quantity: int | None = None
    order: str | None = None
    parked: ParkedFact | None = None


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
