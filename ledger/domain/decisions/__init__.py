"""Decisions over several streams: which ones a command reads, and what it comes to."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, get_args

from msgspec.structs import replace

from ledger.domain.channel import channel_stream
from ledger.domain.commands import (
    AmendReservation,
    AnyChannelCommand,
    AnyCommand,
    AnyCountCommand,
    AnyMovement,
    AnyReturnCommand,
    ApproveReconciliation,
    CancelTransfer,
    ClosePeriod,
    CloseTransfer,
    ConfirmReservation,
    DefineChannel,
    DefineLocation,
    DefineSku,
    DispatchTransfer,
    ExpireHolds,
    ExtendReservation,
    FulfilReservation,
    GrantFence,
    IssueCredential,
    PlaceReservation,
    ReceiveTransfer,
    RecordMovements,
    RecordReconciliation,
    ReleaseParked,
    ReleaseReservation,
    RelocateReservation,
    ReportStaleness,
    RequestTransfer,
    ResolveConflict,
    Return,
    ReturnFence,
    RevokeCredential,
    Sale,
    SetBackorderLimit,
)
from ledger.domain.conflict import Conflict
from ledger.domain.decisions import (
    admission,
    catalog,
    channels,
    counts,
    definitions,
    facts,
    fences,
    fulfilment,
    parking,
    periods,
    placing,
    promises,
    reconciliations,
    relocation,
    resolutions,
    returns,
    transfers,
)
from ledger.domain.decisions.looking_back import (
    looks_back,
    origins,
    past_levels,
    referred_streams,
)
from ledger.domain.decisions.referring import RESTATING
from ledger.domain.decisions.world import (
    Cause,
    Context,
    Decision,
    Effect,
    MovementId,
    World,
)
from ledger.domain.events import AnyStockEvent, LineQuantity, SourcedLine
from ledger.domain.outcomes import MovementResult, MovementsRecorded
from ledger.domain.refusals import Refusal
from ledger.domain.values import Instant, order_stream, reservation_stream, stock_stream, stream_id

__all__ = [
    "Cause",
    "Context",
    "Decision",
    "Effect",
    "MovementId",
    "World",
    "decide",
    "instants_of",
    "looks_back",
    "movement_id_of",
    "origins",
    "past_levels",
    "reads",
]


def decide(command: AnyCommand, world: World, now: Instant, context: Context) -> Decision:
    """Yield the events a command comes to and return its outcome, or raise a `Refusal`.

    Pure but for the clock of the stocks it reads: time given as `now` only ever grows.
    """
    asked = world.catalog.consulted or command.stated
    if asked and type(command) is not RecordMovements:  # Movements are admitted one by one.
        return admission.decide(command, world, now, context, _decide)
    return _DECISIONS[type(command)](command, world, now, context)


def _decide(command: AnyCommand, world: World, now: Instant, context: Context) -> Decision:
    return _DECISIONS[type(command)](command, world, now, context)


def instants_of(command: AnyCommand) -> int:
    """How many instants a command uses up: one for each thing that may have happened."""
    return len(command.movements) if isinstance(command, RecordMovements) else 1


def movement_id_of(command_id: str, index: int, explicit: str | None) -> str:
    """A movement's id: its own, or its batch's key and its place in it."""
    return f"{command_id}/{index}" if explicit is None else explicit


def reads(command: AnyCommand, owner: str, world: World) -> Iterator[str]:
    """The streams a command needs. Asked again after each load, until it names nothing new."""
    if world.catalog.consulted:
        return _by_the_catalog(command, owner, world)
    return _READS.get(type(command), _promise)(command, owner, world)


# --- what commands read -------------------------------------------------------------------------


def _by_the_catalog(command: AnyCommand, owner: str, world: World) -> Iterator[str]:
    """What its codes mean, and what a command reads under the codes the ledger keeps."""
    yield from catalog.reads(command, world)
    if world.catalog.folding:
        command = catalog.spelled(command, world)
    yield from _READS.get(type(command), _promise)(command, owner, world)


def _release(command: ReleaseParked, _: str, world: World) -> Iterator[str]:
    """A conflict, then everything that the movement it keeps reads."""
    yield stream_id("conflict", command.conflict_id)
    yield from _released(command, world)


def _released(command: ReleaseParked | ResolveConflict, world: World) -> Iterator[str]:
    kept = parking.released_by(command, world)
    if kept is not None:
        yield from _by_the_catalog(kept.command, kept.owner, world)


def _movements(command: RecordMovements, owner: str, world: World) -> Iterator[str]:
    movements = command.movements
    if len(movements) == 1 and facts.touches_one(movements[0]):
        return iter((stock_stream(movements[0].location, movements[0].sku),))
    return _of_movements(movements, owner, world)


def _of_movements(movements: tuple[AnyMovement, ...], owner: str, world: World) -> Iterator[str]:
    for movement in movements:
        yield stock_stream(movement.location, movement.sku)
        if type(movement) is Sale:
            if movement.reservation_id is not None:
                yield reservation_stream(movement.reservation_id)
            if movement.order is not None:
                yield order_stream(movement.order)
        elif type(movement) is Return and movement.order is not None:
            yield order_stream(movement.order)
        elif type(movement) in RESTATING:
            yield from referred_streams(movement, owner, world)


def _placing(command: PlaceReservation, _: str, world: World) -> Iterator[str]:
    streams = [reservation_stream(command.reservation_id)]
    if command.channel is not None and command.channel in world.binding:
        streams.append(channel_stream(command.channel))
    streams += [stock_stream(line.location, line.sku) for line in command.lines]
    if command.sourced:
        streams += _candidates(command.sourced)
    return iter(streams)


def _of_stock(command: Any, _: str, __: World) -> Iterator[str]:
    yield stock_stream(command.location, command.sku)


def _resolution(command: ResolveConflict, _: str, world: World) -> Iterator[str]:
    """A conflict, then what its resolution may change: its stock, its promise, other places."""
    stream = stream_id("conflict", command.conflict_id)
    yield stream
    conflict = world.state(stream)
    if isinstance(conflict, Conflict) and conflict.reservation_id is not None:
        yield stock_stream(conflict.location, conflict.sku)
        yield reservation_stream(conflict.reservation_id)
        for location in () if command.candidates is None else command.candidates.locations:
            yield stock_stream(location, conflict.sku)
    yield from _released(command, world)


def _promise(command: Any, _: str, world: World) -> Iterator[str]:
    """A reservation, the stocks that a change of it names, and those where it holds units.

    And its channel, where the rules of that may bind it.
    """
    yield reservation_stream(command.reservation_id)
    yield from _stocks(getattr(command, "lines", None) or ())
    yield from _candidates(getattr(command, "sourced", ()))
    for move in getattr(command, "moves", ()):
        yield stock_stream(move.from_location, move.sku)
        yield stock_stream(move.to_location, move.sku)
    reservation = world.reservation(command.reservation_id)
    if reservation is not None:
        yield from (line.stock_id.stream for line in reservation.lines if line.open)
        channel = reservation.placed.channel
        if channel is not None and channel in world.binding:
            yield channel_stream(channel)


def _candidates(lines: tuple[SourcedLine, ...]) -> Iterator[str]:
    for line in lines:
        for location in line.locations:
            yield stock_stream(location, line.sku)


def _stocks(lines: tuple[LineQuantity, ...]) -> Iterator[str]:
    for line in lines:
        yield stock_stream(line.location, line.sku)


def _record(command: RecordMovements, world: World, now: Instant, context: Context) -> Decision:
    """Record facts in order, each an instant later than the one before it."""
    results = []
    catalogued = world.catalog.consulted
    for index, movement in enumerate(command.movements):
        if (before := context.recorded.get(index)) is not None:
            results.append(replace(before, replayed=True))
            continue
        movement_id = movement_id_of(context.command_id, index, movement.movement_id)
        if catalogued or movement.stated:
            place = _place_of(index)
            deciding = parking.record(movement, place, movement_id, world, now + index, context)
        elif (plain := _plain(movement, movement_id, world, now + index)) is not None:
            event, cause, result = plain
            yield Effect(event, cause)
            results.append(result)
            continue
        else:
            deciding = facts.record(movement, movement_id, world, now + index, context)
        try:
            results.append((yield from deciding))
        except Refusal as refusal:
            refusal.stands_at(_place_of(index))
            raise
    return MovementsRecorded(position=world.head, results=tuple(results))


def _place_of(index: int) -> str:
    """Where its caller wrote a movement."""
    return f"$.movements[{index}]"


def _plain(
    movement: AnyMovement, movement_id: str, world: World, now: Instant
) -> tuple[AnyStockEvent, Cause, MovementResult] | None:
    if not facts.touches_one(movement):
        return None
    return facts.plain(movement, movement_id, world.stock(movement.stock_id), world.head, now)


def plain_movement(command: AnyCommand, world: World) -> AnyMovement | None:
    """The movement of a command that is no more than one, and reads its own stock only."""
    if type(command) is not RecordMovements or len(command.movements) != 1:
        return None
    movement = command.movements[0]
    if world.catalog.consulted or movement.stated or not facts.touches_one(movement):
        return None
    return movement


def _resolve(command: ResolveConflict, world: World, now: Instant, context: Context) -> Decision:
    """Work a conflict off: record the fact it keeps, where it is one and that is the word."""
    if parking.released_by(command, world) is not None:
        return parking.resolve(command, world, now, context)
    return resolutions.resolve(command, world, now)


Decide: TypeAlias = Callable[[Any, World, Instant, Context], Decision]
Reads: TypeAlias = Callable[[Any, str, World], Iterator[str]]

_DECISIONS: Final[dict[type, Decide]] = {
    RecordMovements: _record,
    PlaceReservation: lambda c, w, n, _: placing.place(c, w, n),
    ConfirmReservation: lambda c, w, n, _: promises.confirm(c, w, n),
    ExtendReservation: lambda c, w, n, _: promises.extend(c, w, n),
    AmendReservation: lambda c, w, n, _: promises.amend(c, w, n),
    RelocateReservation: lambda c, w, n, _: relocation.relocate(c, w, n),
    FulfilReservation: fulfilment.fulfil,
    ReleaseReservation: lambda c, w, n, _: promises.release(c, w, n),
    ExpireHolds: lambda c, w, n, _: fulfilment.expire(c, w, n),
    ResolveConflict: _resolve,
    GrantFence: lambda c, w, n, _: fences.grant(c, w, n),
    ReturnFence: lambda c, w, n, _: fences.give_back(c, w, n),
    SetBackorderLimit: lambda c, w, n, _: fences.limit(c, w, n),
    RequestTransfer: lambda c, w, n, _: transfers.request(c, w, n),
    DispatchTransfer: transfers.dispatch,
    ReceiveTransfer: transfers.receive,
    CancelTransfer: lambda c, w, n, _: transfers.cancel(c, w, n),
    CloseTransfer: lambda c, w, n, _: transfers.close(c, w, n),
    **dict.fromkeys(get_args(AnyReturnCommand), returns.decide),
    **dict.fromkeys(get_args(AnyCountCommand), counts.decide),
    DefineSku: lambda c, w, n, _: definitions.define_sku(c, w, n),
    DefineLocation: lambda c, w, n, _: definitions.define_location(c, w, n),
    ReleaseParked: parking.release,
    ClosePeriod: lambda c, w, n, _: periods.close(c, w, n),
    RecordReconciliation: lambda c, w, n, _: reconciliations.record(c, w, n),
    ApproveReconciliation: reconciliations.approve,
    DefineChannel: lambda c, w, n, _: channels.define(c, w, n),
    ReportStaleness: lambda c, w, n, _: channels.report_staleness(c, w, n),
    IssueCredential: lambda c, w, n, _: channels.issue(c, w, n),
    RevokeCredential: lambda c, w, n, _: channels.revoke(c, w, n),
}

_READS: Final[dict[type, Reads]] = {
    RecordMovements: _movements,
    PlaceReservation: _placing,
    ExpireHolds: _of_stock,
    GrantFence: _of_stock,
    ReturnFence: _of_stock,
    SetBackorderLimit: _of_stock,
    ResolveConflict: _resolution,
    **dict.fromkeys(
        (RequestTransfer, DispatchTransfer, ReceiveTransfer, CancelTransfer, CloseTransfer),
        lambda command, _, world: transfers.reads(command, world),
    ),
    **dict.fromkeys(
        get_args(AnyReturnCommand),
        lambda command, _, world: returns.reads(command, world),
    ),
    **dict.fromkeys(
        get_args(AnyCountCommand),
        lambda command, _, world: counts.reads(command, world),
    ),
    **dict.fromkeys(
        (DefineSku, DefineLocation),
        lambda command, _, world: definitions.reads(command, world),
    ),
    **dict.fromkeys(get_args(AnyChannelCommand), lambda command, _, __: channels.reads(command)),
    ReleaseParked: _release,
    ClosePeriod: lambda command, _, __: periods.reads(command),
    **dict.fromkeys(
        (RecordReconciliation, ApproveReconciliation),
        lambda command, _, world: reconciliations.reads(command, world),
    ),
}
"""What is not in here changes a reservation, and reads that."""
