"""Events of `conflict/<id>`: something a fact broke that people may have to work off."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import Code, Id, PhysicalBucket, Text, stream_id


class ConflictEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one conflict: something a fact broke that people may have to work off."""

    conflict_id: Id
    kind: Code
    location: Code
    sku: Code

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("conflict", self.conflict_id)


class ParkedFact(Struct, frozen=True, kw_only=True, gc=False):
    """A movement that waits, whole, until its SKU and its location are defined.

    `movement` is the movement as a command has it, in JSON, with the time it happened;
    `owner` is the principal in whose name space its id lives.
    """

    owner: Text
    movement_id: Id
    movement: str


class ConflictOpened(ConflictEvent, frozen=True, tag="conflict.opened.v1"):
    """A fact broke something, or could not be understood yet.

    `short` is how much, in units (microseconds for clock skew, movements for an unknown item).
    """

    short: int
    bucket: PhysicalBucket | None = None
    reservation_id: Id | None = None
    quantity: int | None = None  # Open units of the broken promise.
    order: Text | None = None  # The order of which more came back than was sold.
    parked: ParkedFact | None = None  # The fact about an unknown item.


class ConflictChanged(ConflictEvent, frozen=True, tag="conflict.changed.v1"):
    """The amount short rose or fell."""

    short: int


class ConflictCleared(ConflictEvent, frozen=True, tag="conflict.cleared.v1"):
    """The cause ended by itself: stock came, or the promise went."""


class ConflictResolved(ConflictEvent, frozen=True, tag="conflict.resolved.v1"):
    """Somebody dealt with it and said how."""

    resolution: Text
    note: Text | None = None


AnyConflictEvent: TypeAlias = ConflictOpened | ConflictChanged | ConflictCleared | ConflictResolved
