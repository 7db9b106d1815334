"""Decisions over several streams: which ones a command reads, and what it comes to."""

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from ledger.domain.commands import (
    AmendReservation,
    AnyCommand,
    ConfirmReservation,
    ExpireHolds,
    ExtendReservation,
    FulfilReservation,
    PlaceReservation,
    RecordMovements,
    ReleaseReservation,
    ResolveConflict,
    Sale,
    SaleVoid,
)
from ledger.domain.decisions import conflicts, facts, fulfilment, promises
from ledger.domain.decisions.world import (
    Cause,
    Context,
    Decision,
    Effect,
    MovementId,
    Origin,
    World,
)
from ledger.domain.events import LineQuantity
from ledger.domain.outcomes import MovementsRecorded
from ledger.domain.values import Instant, reservation_stream, stock_stream, stream_id

__all__ = [
    "Cause",
    "Context",
    "Decision",
    "Effect",
    "MovementId",
    "Origin",
    "World",
    "decide",
    "instants_of",
    "movement_id_of",
    "origins",
    "reads",
]


def decide(command: AnyCommand, world: World, now: Instant, context: Context) -> Decision:
    """Yield the events a command comes to and return its outcome, or raise a `Refusal`.

    Pure but for the clock of the stocks it reads: time given as `now` only ever grows.
    """
    match command:
        case RecordMovements():
            return _record(command, world, now, context)
        case PlaceReservation():
            return promises.place(command, world, now)
        case ConfirmReservation():
            return promises.confirm(command, world, now)
        case ExtendReservation():
            return promises.extend(command, world, now)
        case AmendReservation():
            return promises.amend(command, world, now)
        case FulfilReservation():
            return fulfilment.fulfil(command, world, now, context)
        case ReleaseReservation():
            return promises.release(command, world, now)
        case ExpireHolds():
            return fulfilment.expire(command, world, now)
        case ResolveConflict():
            return conflicts.resolve(command, world, now)
        case _:
            assert_never(command)


def instants_of(command: AnyCommand) -> int:
    """How many instants a command uses up: one for each thing that may have happened."""
    return len(command.movements) if isinstance(command, RecordMovements) else 1


def movement_id_of(context: Context, index: int, explicit: str | None) -> str:
    """A movement's id: its own, or its batch's key and its place in it."""
    return f"{context.command_id}/{index}" if explicit is None else explicit


def reads(command: AnyCommand, owner: str, world: World) -> Iterator[str]:
    """The streams a command needs. Asked again after each load, until it names nothing new."""
    match command:
        case RecordMovements():
            for movement in command.movements:
                yield stock_stream(movement.location, movement.sku)
                if type(movement) is Sale and movement.reservation_id is not None:
                    yield reservation_stream(movement.reservation_id)
                elif type(movement) is SaleVoid:
                    yield stream_id("movement", owner, movement.of)
        case PlaceReservation():
            yield reservation_stream(command.reservation_id)
            yield from _stocks(command.lines)
        case ExpireHolds():
            yield stock_stream(command.location, command.sku)
        case ResolveConflict():
            yield stream_id("conflict", command.conflict_id)
        case _:
            yield reservation_stream(command.reservation_id)
            yield from _stocks(getattr(command, "lines", None) or ())
            reservation = world.reservation(command.reservation_id)
            if reservation is not None:
                yield from (line.stock_id.stream for line in reservation.lines if line.open)


def origins(command: AnyCommand, owner: str) -> Iterator[MovementId]:
    """The recorded movements a command refers to."""
    if isinstance(command, RecordMovements):
        for movement in command.movements:
            if type(movement) is SaleVoid:
                yield MovementId(owner, movement.of)


def _stocks(lines: tuple[LineQuantity, ...]) -> Iterator[str]:
    for line in lines:
        yield stock_stream(line.location, line.sku)


def _record(command: RecordMovements, world: World, now: Instant, context: Context) -> Decision:
    """Record facts in order, each an instant later than the one before it."""
    results = []
    for index, movement in enumerate(command.movements):
        if (before := context.recorded.get(index)) is not None:
            results.append(replace(before, replayed=True))
            continue
        movement_id = movement_id_of(context, index, movement.movement_id)
        result = yield from facts.record(movement, movement_id, world, now + index, context)
        results.append(result)
    return MovementsRecorded(position=world.head, results=tuple(results))
