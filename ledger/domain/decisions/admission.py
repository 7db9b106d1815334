"""Commands in the words of their callers, turned into what the ledger decides on."""

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec.structs import replace

from ledger.domain.commands import (
    AnyCommand,
    FulfilReservation,
    PlaceReservation,
    ReleaseReservation,
    Sale,
)
from ledger.domain.decisions import catalog, parking
from ledger.domain.decisions.standing import find, state_of
from ledger.domain.decisions.world import Context, Deciding, Decision, World
from ledger.domain.outcomes import ConflictNote, Outcome, ReservationState, ServiceLine
from ledger.domain.values import Instant

Decide: TypeAlias = Callable[[AnyCommand, World, Instant, Context], Decision]


def decide(
    command: AnyCommand, world: World, now: Instant, context: Context, inner: Decide
) -> Decision:
    """Decide a command with its codes, units and lines as the catalog has them.

    Lines of services are left out, and named in what a reservation answers; lines of a fact
    about what nobody has defined are parked.
    """
    admitted = catalog.admit(command, world, now, context)
    notes = yield from _parked(command, admitted, world, now, context)
    if admitted.command is not None:
        outcome = yield from inner(admitted.command, world, now, context)
    else:
        outcome = _nothing_left(command, admitted, world, now)
    if isinstance(outcome, ReservationState) and (notes or admitted.services):
        return replace(
            outcome,
            position=world.head,
            conflicts=(*outcome.conflicts, *notes),
            not_stocked=tuple(map(_service, admitted.services)),
        )
    return outcome


def _parked(
    command: AnyCommand,
    admitted: catalog.Admitted,
    world: World,
    now: Instant,
    context: Context,
) -> Deciding[tuple[ConflictNote, ...]]:
    """Keep each line that waits as a sale of its reservation: that is what a fulfilment is."""
    notes: list[ConflictNote] = []
    if not admitted.unknown:
        return ()
    assert isinstance(command, FulfilReservation), "only facts wait"
    channel = find(world, command.reservation_id).placed.channel
    for number, (line, stated) in enumerate(admitted.unknown, start=1):
        sale = Sale(
            sku=line.sku,
            location=line.location,
            quantity=line.quantity,
            stated=stated,
            channel=channel,
            reservation_id=command.reservation_id,
            occurred_at=command.occurred_at,
        )
        movement_id = f"{context.command_id}/{number}"
        result = yield from parking.park(sale, movement_id, world, now, context, number)
        notes += result.conflicts
    return tuple(notes)


def _nothing_left(command: Any, admitted: catalog.Admitted, world: World, now: Instant) -> Outcome:
    """The answer to a command of which no line is about goods the ledger can record now."""
    if isinstance(command, PlaceReservation):
        return ReservationState(
            reservation_id=command.reservation_id,
            status="not_stocked",
            channel=command.channel,
            kind=command.kind,
            expires_at=command.expires_at,
            lines=(),
            position=world.head,
        )
    if admitted.unknown or isinstance(command, FulfilReservation | ReleaseReservation):
        return state_of(find(world, command.reservation_id), now, world.head)
    raise catalog.nothing_stocked(admitted.services)


def _service(line: Any) -> ServiceLine:
    location = getattr(line, "location", None)
    return ServiceLine(sku=line.sku, quantity=getattr(line, "quantity", 0), location=location)
