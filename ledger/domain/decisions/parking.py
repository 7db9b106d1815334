"""Facts about what nobody has defined: kept whole, and recorded once somebody has.

A parked fact is an open conflict of the kind `unknown_item` that carries the movement and the
time it happened. Its release records the movement as it would have been recorded had the
definition come first, and closes the conflict in the same commit: at most once.
"""

from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ledger.domain.commands import AnyMovement, RecordMovements, ReleaseParked, ResolveConflict
from ledger.domain.conflict import CLOCK_SKEW, UNKNOWN_ITEM, Conflict
from ledger.domain.decisions import catalog, facts
from ledger.domain.decisions.world import (
    Cause,
    Context,
    Deciding,
    Decision,
    Effect,
    World,
)
from ledger.domain.events import ConflictOpened, ConflictResolved, ParkedFact
from ledger.domain.outcomes import ConflictNote, ConflictState, MovementResult
from ledger.domain.refusals import NotFound, Refusal
from ledger.domain.values import TEXT_LENGTH_MAX, Instant, stream_id

RELEASED: Final = "release"
NOT_STOCKED: Final = "not_stocked"
REFUSED: Final = "refused"
"""How a parked fact ends: recorded; about a service; refused as it would have been at once."""


class Kept(NamedTuple):
    """A parked fact as the command that reported it, and the principal who did."""

    command: RecordMovements
    owner: str


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(AnyMovement).decode


def record(
    movement: AnyMovement,
    place: str,
    movement_id: str,
    world: World,
    now: Instant,
    context: Context,
) -> Deciding[MovementResult]:
    """Decide one movement by the catalog: record it, let it wait, or see that it is no goods.

    `place` is where the caller wrote it, for refusals.
    """
    catalog.check_source(movement, world, context)
    if world.catalog.strict and catalog.unknown(movement, world) is not None:
        return (yield from park(movement, movement_id, world, now, context))
    goods = catalog.counted(movement, place, world, now, context)
    if goods is None:
        return MovementResult(position=world.head, version=0, status="not_stocked")
    return (yield from facts.record(goods, movement_id, world, now, context))


def park(
    movement: AnyMovement,
    movement_id: str,
    world: World,
    now: Instant,
    context: Context,
    number: int = 1,
) -> Deciding[MovementResult]:
    """Keep a fact whole, with the time it happened, until it can be recorded."""
    when = facts.timing(movement.occurred_at, now)
    kept = replace(
        movement,
        occurred_at=when.occurred_at,
        movement_id=movement_id,
        source=movement.source or context.source,
    )
    cause = Cause(
        now,
        "unknown_item",
        movement.source,
        movement.reference,
        movement_id,
        when.claimed_at,
    )
    position = world.head + 1
    opened = ConflictOpened(
        occurred_at=now,
        conflict_id=f"{now:x}-p{number}",
        kind=UNKNOWN_ITEM,
        location=movement.location,
        sku=movement.sku,
        short=1,
        parked=ParkedFact(
            owner=context.principal, movement_id=movement_id, movement=_encode(kept).decode()
        ),
    )
    yield Effect(opened, cause, fresh=True)
    notes = [ConflictNote(conflict_id=opened.conflict_id, kind=UNKNOWN_ITEM, short=1)]
    if when.claimed_at is not None and when.claimed_at - now > context.skew_max:
        skew = ConflictOpened(
            occurred_at=now,
            conflict_id=f"{now:x}-s{number}",
            kind=CLOCK_SKEW,
            location=movement.location,
            sku=movement.sku,
            short=when.claimed_at - now,
        )
        yield Effect(skew, cause, fresh=True)
        notes.append(ConflictNote(conflict_id=skew.conflict_id, kind=CLOCK_SKEW, short=skew.short))
    return MovementResult(position=position, version=1, conflicts=tuple(notes), status="parked")


def movement_of(conflict: object) -> AnyMovement | None:
    """The movement that an open conflict keeps, if it keeps one."""
    if not isinstance(conflict, Conflict) or conflict.parked is None or conflict.status != "open":
        return None
    movement: AnyMovement = _decode(conflict.parked.movement)
    return movement


def released_by(command: object, world: World) -> Kept | None:
    """The fact that a command releases, where it is one that does, and there is one to release."""
    if not releases(command):
        return None
    assert isinstance(command, ReleaseParked | ResolveConflict)
    conflict = world.state(stream_id("conflict", command.conflict_id))
    movement = movement_of(conflict)
    if movement is None:
        return None
    assert isinstance(conflict, Conflict)
    assert conflict.parked is not None
    return Kept(RecordMovements(movements=(movement,)), conflict.parked.owner)


def releases(command: object) -> bool:
    """Whether a command may release a parked fact."""
    if isinstance(command, ResolveConflict):
        return command.resolution == RELEASED
    return isinstance(command, ReleaseParked)


def release(command: ReleaseParked, world: World, now: Instant, context: Context) -> Decision:
    """Record a parked fact at the time it happened. One that has ended decides nothing.

    What would have been refused had the definition come first ends as refused, with the reason.
    """
    conflict = world.conflict(command.conflict_id)
    if conflict is None or conflict.parked is None:
        raise NotFound("parked fact", command.conflict_id)
    if conflict.status != "open":
        return _state_of(conflict, world.head)
    _refuse_unknown(conflict, world)
    try:
        yield from _recorded(conflict, None, world, now, context)
    except Refusal as refusal:
        yield _ended(conflict, REFUSED, str(refusal)[:TEXT_LENGTH_MAX], now)
    return _after(conflict, world)


def resolve(command: ResolveConflict, world: World, now: Instant, context: Context) -> Decision:
    """Record a parked fact by somebody's word; refused as the fact itself would be."""
    conflict = world.conflict(command.conflict_id)
    assert conflict is not None, "it was found to keep a fact"
    _refuse_unknown(conflict, world)
    yield from _recorded(conflict, command.note, world, now, context)
    return _after(conflict, world)


def _refuse_unknown(conflict: Conflict, world: World) -> None:
    """While nobody has defined what it is about, a fact waits; under an open catalog none does."""
    movement = movement_of(conflict)
    assert movement is not None, "an open conflict of this kind keeps one"
    missing = catalog.unknown(movement, world)
    if missing is not None and world.catalog.strict:
        raise NotFound(*missing)


def _recorded(
    conflict: Conflict, note: str | None, world: World, now: Instant, context: Context
) -> Deciding[None]:
    """Record what a conflict keeps, and close it. Refused before anything is recorded."""
    movement, parked = movement_of(conflict), conflict.parked
    assert movement is not None, "an open conflict of this kind keeps one"
    assert parked is not None, "and whose it is"
    reporter = replace(context, principal=parked.owner, source=movement.source or "", recorded={})
    deciding = record(movement, "$", parked.movement_id, world, now, reporter)
    try:
        first = next(deciding)
    except StopIteration:
        yield _ended(conflict, NOT_STOCKED, note, now)
        return
    yield _ended(conflict, RELEASED, note, now)
    while True:
        cause = replace(first.cause, owner=parked.owner)
        yield replace(first, cause=cause)
        try:
            first = next(deciding)
        except StopIteration:
            return


def _ended(conflict: Conflict, resolution: str, note: str | None, now: Instant) -> Effect:
    event = ConflictResolved(
        occurred_at=now,
        conflict_id=conflict.conflict_id,
        kind=conflict.kind,
        location=conflict.location,
        sku=conflict.sku,
        resolution=resolution,
        note=note,
    )
    return Effect(event, Cause(now, "parked_fact_ended"))


def _after(conflict: Conflict, world: World) -> ConflictState:
    after = world.conflict(conflict.conflict_id)
    assert after is not None, "it has just been closed"
    return _state_of(after, world.head)


def _state_of(conflict: Conflict, position: int) -> ConflictState:
    return ConflictState(
        conflict_id=conflict.conflict_id,
        kind=conflict.kind,
        status=conflict.status,
        resolution=conflict.resolution,
        note=conflict.note,
        position=position,
    )
