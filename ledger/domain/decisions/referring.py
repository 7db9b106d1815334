"""Movements that speak of a recorded one: finding it, and what is left of it."""

from typing import Final, NamedTuple, TypeAlias

from ledger.domain.commands import Cancel, Correct, Count, SaleVoid
from ledger.domain.decisions.world import Cause, ConflictIds, MovementId, World
from ledger.domain.movement import MovementState, Origin
from ledger.domain.outcomes import ConflictNote
from ledger.domain.refusals import IllegalState, NotFound
from ledger.domain.stock import Stock
from ledger.domain.values import Instant, stream_id

Notes: TypeAlias = tuple[ConflictNote, ...]

RESTATING: Final = frozenset({SaleVoid, Count, Correct, Cancel})
"""Movements that change what the ledger says of the past, and may name a recorded one."""


class Telling(NamedTuple):
    """One movement being told: about which stock, in which world, of what time, by whom."""

    stock: Stock
    world: World
    at: Instant
    cause: Cause
    ids: ConflictIds
    owner: str


class Referred(NamedTuple):
    """A recorded movement that another one names."""

    key: MovementId
    origin: Origin
    state: MovementState

    def refusal(self, asked: str, **numbers: int) -> IllegalState:
        """Its state does not allow what was asked."""
        status = self.state.status
        return IllegalState("movement", self.key.movement_id, status, asked, **numbers)


def referred(of: str, asked: str, telling: Telling, *kinds: str) -> Referred:
    """The movement of an id. Refused: an unknown one, one of another stock or kind, or cancelled.

    Without kinds every one will do, but what itself speaks of another: a correct or a cancel.
    """
    key = MovementId(telling.owner, of)
    origin = telling.world.origin(key)
    if origin is None:
        raise NotFound("movement", of)
    fits = origin.kind in kinds if kinds else origin.kind != "correction"
    if not fits or origin.stock_id != telling.stock.stock_id:
        raise IllegalState("movement", of, described(origin), asked)
    found = Referred(key, origin, state_of(key, origin, telling.world))
    if found.state.cancelled:
        raise found.refusal(asked, left=0)
    return found


def state_of(key: MovementId, origin: Origin, world: World) -> MovementState:
    """What became of a movement until now."""
    state = world.state(stream_id("movement", *key))
    assert state is None or isinstance(state, MovementState)
    return MovementState(recorded=origin.quantity) if state is None else state


def described(origin: Origin) -> str:
    """A movement in words, for a refusal."""
    location, sku = origin.stock_id
    return f"a {origin.kind} of {sku!r} at {location!r}"
