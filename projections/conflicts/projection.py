"""Events to conflicts, given those a batch goes on with."""

from typing import Final, TypeAlias, get_args

from msgspec import Struct

from ledger.domain.events import (
    AnyConflictEvent,
    ConflictChanged,
    ConflictCleared,
    ConflictEvent,
    ConflictOpened,
    ConflictResolved,
)
from ledger.recorded import Recorded
from projections.batch import Batch


class Conflict(Struct, gc=False):
    """A conflict as it stands; the fields are the columns, in order."""

    conflict_id: str
    kind: str
    location: str
    sku: str
    bucket: str | None
    reservation_id: str | None
    quantity: int | None
    order_ref: str | None
    movement: str | None
    short: int
    short_max: int
    status: str
    resolution: str | None
    note: str | None
    opened_at: int
    opened_position: int
    closed_at: int | None
    closed_position: int | None
    position: int


Conflicts: TypeAlias = dict[str, Conflict]

_CONCERNED: Final = frozenset[type](get_args(AnyConflictEvent))


def concerned(batch: Batch) -> list[Recorded]:
    """The events of a batch that change a conflict."""
    return batch.of(_CONCERNED)


def needed(events: list[Recorded]) -> set[str]:
    """Conflicts that the events go on with: all but those they open."""
    opened = {one.event.conflict_id for one in events if isinstance(one.event, ConflictOpened)}
    return {one.event.conflict_id for one in events} - opened  # type: ignore[union-attr]


def fold(events: list[Recorded], known: Conflicts) -> Conflicts:
    """The conflicts that the events changed, as they are afterwards."""
    changed: Conflicts = {}
    for recorded in events:
        event, position = recorded.event, recorded.position
        assert isinstance(event, ConflictEvent)
        if isinstance(event, ConflictOpened):
            known[event.conflict_id] = _opened(event, position)
        conflict = changed[event.conflict_id] = known[event.conflict_id]
        conflict.position = position
        match event:
            case ConflictOpened():
                pass
            case ConflictChanged():
                conflict.short = event.short
                conflict.short_max = max(conflict.short_max, event.short)
            case ConflictCleared():
                conflict.short = 0
                if conflict.status == "open":  # Else people closed it: their word stays.
                    _close(conflict, "cleared", event.occurred_at, position)
            case ConflictResolved():
                conflict.resolution, conflict.note = event.resolution, event.note
                _close(conflict, "resolved", event.occurred_at, position)
            case _:
                raise AssertionError(f"{type(event).__name__} is not known to this projection")
    return changed


def _opened(event: ConflictOpened, position: int) -> Conflict:
    return Conflict(
        conflict_id=event.conflict_id,
        kind=event.kind,
        location=event.location,
        sku=event.sku,
        bucket=event.bucket,
        reservation_id=event.reservation_id,
        quantity=event.quantity,
        order_ref=event.order,
        movement=None if event.parked is None else event.parked.movement,
        short=event.short,
        short_max=event.short,
        status="open",
        resolution=None,
        note=None,
        opened_at=event.occurred_at,
        opened_position=position,
        closed_at=None,
        closed_position=None,
        position=position,
    )


def _close(conflict: Conflict, status: str, at: int, position: int) -> None:
    conflict.status, conflict.closed_at, conflict.closed_position = status, at, position
