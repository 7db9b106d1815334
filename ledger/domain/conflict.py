"""Something a fact broke, from its opening to its end."""

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import (
    AnyConflictEvent,
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
    ParkedFact,
)

ConflictStatus: TypeAlias = Literal["open", "cleared", "resolved"]

CLOCK_SKEW = "clock_skew"
FULFILLED_WITHOUT_HOLD = "fulfilled_without_hold"
UNKNOWN_ITEM = "unknown_item"


class Conflict(Struct, frozen=True, kw_only=True):
    """A conflict after its last event.

    What people resolved stays resolved, by their word, also where its cause changes or ends
    afterwards: `short` goes on telling what is true of the cause.
    """

    conflict_id: str
    version: int
    kind: str
    location: str
    sku: str
    short: int
    status: ConflictStatus
    resolution: str | None = None
    note: str | None = None
    parked: ParkedFact | None = None
    reservation_id: str | None = None


def evolve(conflict: Conflict | None, event: AnyConflictEvent) -> Conflict:
    """The conflict after one more event of its stream."""
    if isinstance(event, ConflictOpened):
        assert conflict is None, "a conflict is opened once"
        return Conflict(
            conflict_id=event.conflict_id,
            version=1,
            kind=event.kind,
            location=event.location,
            sku=event.sku,
            short=event.short,
            status="open",
            parked=event.parked,
            reservation_id=event.reservation_id,
        )
    assert conflict is not None, "a conflict's first event opens it"
    version = conflict.version + 1
    match event:
        case ConflictChanged():
            return msgspec.structs.replace(conflict, version=version, short=event.short)
        case ConflictCleared():
            status = "cleared" if conflict.status == "open" else conflict.status
            return msgspec.structs.replace(conflict, version=version, short=0, status=status)
        case ConflictResolved():
            return msgspec.structs.replace(
                conflict,
                version=version,
                status="resolved",
                resolution=event.resolution,
                note=event.note,
            )
