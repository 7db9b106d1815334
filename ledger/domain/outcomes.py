"""What an accepted command is answered with; its receipt keeps it, so a repeat gets the same."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.values import HoldKind, Instant

RESERVATIONS_SHOWN_MAX = 100
"""Broken promises listed in one answer; the total is given beside them."""


class BrokenPromise(Struct, frozen=True, kw_only=True, gc=False):
    """A reservation whose stock is gone: open units, and how many of them are short."""

    reservation_id: str
    conflict_id: str
    quantity: int
    short: int


class ConflictNote(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A conflict that a fact opened. Broken promises of one stock share one note."""

    conflict_id: str
    kind: str
    short: int
    reservations: tuple[BrokenPromise, ...] = ()
    reservations_total: int = 0


class MovementResult(Struct, frozen=True, kw_only=True, gc=False):
    """Where one movement was recorded: ledger position and version of its stock's stream."""

    position: int
    version: int
    conflicts: tuple[ConflictNote, ...] = ()
    replayed: bool = False  # It had been recorded before, under its own movement id.


class MovementsRecorded(Struct, frozen=True, kw_only=True, gc=False, tag="movements"):
    """One result a movement, in order. `position` is the last one written."""

    position: int
    results: tuple[MovementResult, ...]


class LineState(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a reservation: requested = granted + rejected, granted = the other four."""

    sku: str
    location: str
    requested: int
    granted: int
    rejected: int
    open: int
    fulfilled: int
    released: int
    expired: int


class ReservationState(Struct, frozen=True, kw_only=True, gc=False, tag="reservation"):
    """A reservation right after the command; `position` is the last one written, or the head's."""

    reservation_id: str
    status: str
    channel: str | None
    kind: HoldKind
    expires_at: Instant | None
    lines: tuple[LineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] = ()


class HoldsSwept(Struct, frozen=True, kw_only=True, gc=False, tag="holds_swept"):
    """How many holds of a stock the sweeper wrote down as expired."""

    position: int
    holds: int


class ConflictState(Struct, frozen=True, kw_only=True, gc=False, tag="conflict"):
    """A conflict right after the command."""

    conflict_id: str
    kind: str
    status: str
    resolution: str | None
    note: str | None
    position: int


Outcome: TypeAlias = MovementsRecorded | ReservationState | HoldsSwept | ConflictState
