"""The shape of a conflict in an answer."""

from msgspec import Struct

from ledger.domain.values import Instant


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


class ConflictFound(Struct, frozen=True, kw_only=True):
    """The conflict asked for, if there is one, and where this was read."""

    conflict: ConflictAnswer | None
    position: int


class ConflictsPage(Struct, frozen=True, kw_only=True):
    """A page of conflicts, newest first."""

    items: list[ConflictAnswer]
    position: int
    next_cursor: str | None
