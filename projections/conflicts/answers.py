"""The shape of a conflict in an answer."""

from typing import Self

from msgspec import Struct, structs

from ledger.domain.values import Instant
from projections.conflicts.projection import Conflict


class ConflictAnswer(Struct, frozen=True):
    """One conflict; `short` is what is short now, `short_max` the worst it has been."""

    conflict_id: str
    kind: str
    location: str
    sku: str
    bucket: str | None
    reservation_id: str | None
    quantity: int | None
    order: str | None
    movement: str | None  # JSON: the fact that waits, as a command has it.
    short: int
    short_max: int
    status: str
    resolution: str | None
    note: str | None
    opened_at: Instant
    opened_position: int
    closed_at: Instant | None
    closed_position: int | None
    position: int

    @classmethod
    def of(cls, conflict: Conflict) -> Self:
        """From a conflict as recorded."""
        return cls(*structs.astuple(conflict))
