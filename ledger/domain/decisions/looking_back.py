"""What a command needs of the past beyond its streams: recorded movements, levels of that time."""

from collections.abc import Iterator
from itertools import starmap
from typing import Final, NamedTuple

from ledger.domain.commands import (
    AnyCommand,
    AnyMovement,
    Cancel,
    Correct,
    Count,
    CountCommand,
    EnterCount,
    PostCount,
    RecordMovements,
    SaleVoid,
)
from ledger.domain.decisions import catalog, counts, parking
from ledger.domain.decisions.referring import RESTATING
from ledger.domain.decisions.world import MovementId, World
from ledger.domain.values import Instant, StockId, order_stream, stream_id


class PastLevel(NamedTuple):
    """Levels of a stock that a decision asks for: as they were at a moment, as known now."""

    stock_id: StockId
    at: Instant


_COUNTING: Final = frozenset({EnterCount, PostCount})


def looks_back(command: AnyCommand) -> bool:
    """Whether a command may need more than the streams it reads."""
    if type(command) is RecordMovements:
        return any(type(movement) in RESTATING for movement in command.movements)
    return type(command) in _COUNTING or parking.releases(command)


def origins(command: AnyCommand, owner: str, world: World) -> Iterator[MovementId]:
    """The recorded movements a command refers to. Of a void that is one of them, its sale, too."""
    for movement, reporter in _movements(command, owner, world):
        if (named := _named(movement)) is not None:
            key = MovementId(reporter, named)
            yield key
            origin = world.origin(key)
            if origin is not None and origin.of is not None:
                yield MovementId(reporter, origin.of)


def referred_streams(movement: AnyMovement, owner: str, world: World) -> Iterator[str]:
    """The streams of the movement that another one names, and what hangs on that."""
    named = _named(movement)
    while named is not None:
        key = MovementId(owner, named)
        yield stream_id("movement", *key)
        origin = world.origin(key)
        if origin is not None and origin.order is not None:
            yield order_stream(origin.order)
        named = None if origin is None else origin.of


def past_levels(command: AnyCommand, owner: str, world: World) -> Iterator[PastLevel]:
    """The levels of the past that counts are compared with."""
    if isinstance(command, CountCommand):
        kept = catalog.spelled(command, world) if world.catalog.folding else command
        yield from starmap(PastLevel, counts.past_levels(kept, world))
    for movement, _ in _movements(command, owner, world):
        if type(movement) is Count and movement.occurred_at is not None:
            yield PastLevel(movement.stock_id, movement.occurred_at)


def _named(movement: AnyMovement) -> str | None:
    match movement:
        case SaleVoid() | Correct() | Cancel():
            return movement.of
        case Count():
            return movement.replaces
        case _:
            return None


def _movements(command: AnyCommand, owner: str, world: World) -> Iterator[tuple[AnyMovement, str]]:
    """The movements a command comes to, under the codes the ledger keeps, and their reporters."""
    if isinstance(command, RecordMovements):
        told = command
    elif (kept := parking.released_by(command, world)) is not None:
        told, owner = kept
    else:
        return
    if world.catalog.folding:
        told = catalog.spelled(told, world)
    for movement in told.movements:
        yield movement, owner
