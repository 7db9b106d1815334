"""Events of `conflict/<id>`: something a fact broke that people may have to work off."""

from typing import TypeAlias

from ledger.domain.events.base import Event
from ledger.domain.values import PhysicalBucket, stream_id


class ConflictEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one conflict: something a fact broke that people may have to work off."""

    conflict_id: str
    kind: str
    location: str
    sku: str

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("conflict", self.conflict_id)


class ConflictOpened(ConflictEvent, frozen=True, tag="conflict.opened.v1"):
    """A fact broke something. `short` is how much, in units (microseconds for clock skew)."""

    short: int
    bucket: PhysicalBucket | None = None
    reservation_id: str | None = None
    quantity: int | None = None  # Open units of the broken promise.


class ConflictChanged(ConflictEvent, frozen=True, tag="conflict.changed.v1"):
    """The amount short rose or fell."""

    short: int


class ConflictCleared(ConflictEvent, frozen=True, tag="conflict.cleared.v1"):
    """The cause ended by itself: stock came, or the promise went."""


class ConflictResolved(ConflictEvent, frozen=True, tag="conflict.resolved.v1"):
    """Somebody dealt with it and said how."""

    resolution: str
    note: str | None = None


AnyConflictEvent: TypeAlias = ConflictOpened | ConflictChanged | ConflictCleared | ConflictResolved
