"""The shapes of the past."""

from msgspec import Struct

from ledger.domain.events import ConflictChange
from ledger.domain.values import Instant
from projections.answers import Balance, Levels, Total
from projections.clocks import Clocks


class Past(Struct, frozen=True, kw_only=True):
    """A page of balances of the past, and whether there are more."""

    items: list[Balance]
    position: int
    more: bool


class PastTotals(Struct, frozen=True, kw_only=True):
    """A page of sums of the past, and whether there are more."""

    items: list[Total]
    position: int
    more: bool


class Movement(Struct, frozen=True, kw_only=True):
    """One change of a stock, with the balances after it in the order that was asked for.

    `changes` names every bucket that changed, and `reserved` where holds did. One event has
    several parts where it wrote down several holds that had run out. `claimed_at` is the time its
    reporter gave, where that lay in the future. `conflicts` are those of the stock that it opened,
    changed or (`short` 0) cleared.
    """

    position: int
    part: int
    version: int
    type: str
    occurred_at: Instant
    effective_at: Instant
    recorded_at: Instant
    changes: dict[str, int]
    balances: Levels
    actor: str
    source: str
    reason: str
    reference: str | None
    correlation_id: str
    command_id: str
    movement_id: str | None
    reservation_id: str | None
    transfer_id: str | None
    return_id: str | None
    count_id: str | None
    order: str | None
    restates: str | None  # The movement that is voided or corrected.
    counted: int | None
    claimed_at: Instant | None
    conflicts: tuple[ConflictChange, ...]


class MovementsPage(Struct, frozen=True, kw_only=True):
    """A page of changes, at the clocks of the first page."""

    items: list[Movement]
    order: str
    clocks: Clocks
    position: int
    next_cursor: str | None
