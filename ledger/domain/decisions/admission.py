"""Commands in the words of their callers, turned into what the ledger decides on."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import replace

from ledger.domain.commands import (
    AmendReservation,
    AnyCommand,
    FulfilReservation,
    PlaceReservation,
    ReceiveReturn,
    ReleaseReservation,
    RelocateReservation,
    Sale,
)
from ledger.domain.decisions import catalog, parking
from ledger.domain.decisions.standing import find, state_of
from ledger.domain.decisions.world import Context, Deciding, Decision, World
from ledger.domain.events import LineQuantity
from ledger.domain.outcomes import ConflictNote, Outcome, ReservationState, ServiceLine
from ledger.domain.refusals import IllegalState, Malformed, NotFound
from ledger.domain.units import Stated
from ledger.domain.values import Instant

Decide: TypeAlias = Callable[[AnyCommand, World, Instant, Context], Decision]

Waiting: TypeAlias = tuple[LineQuantity, tuple[Stated, ...]]
"""A line of a fact about what nobody has defined, and its quantity where it came in words."""


class Admitted(NamedTuple):
    """A command as the ledger understands it, and what it leaves out.

    `command` is none where nothing of it is goods. `services` are lines that no stock is kept
    of, `unknown` are lines of a fact about what nobody has defined.
    """

    command: Any
    services: tuple[Any, ...] = ()
    unknown: tuple[Waiting, ...] = ()


def decide(
    command: AnyCommand, world: World, now: Instant, context: Context, inner: Decide
) -> Decision:
    """Decide a command with its codes, units and lines as the catalog has them.

    Lines of services are left out, and named in what a reservation answers; lines of a fact
    about what nobody has defined are parked.
    """
    admitted = admit(command, world, now, context)
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
    admitted: Admitted,
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


def _nothing_left(command: Any, admitted: Admitted, world: World, now: Instant) -> Outcome:
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
    raise _nothing_stocked(admitted.services)


def _service(line: Any) -> ServiceLine:
    location = getattr(line, "location", None)
    return ServiceLine(sku=line.sku, quantity=getattr(line, "quantity", 0), location=location)


# --- lines ------------------------------------------------------------------------------------


def admit(command: AnyCommand, world: World, now: Instant, context: Context) -> Admitted:
    """A command other than a batch of movements in smallest units and known codes.

    Refused where the catalog is strict and a code unknown (a fulfilment is a fact: its unknown
    lines are left to wait), where a conversion loses something, and where a location does not
    sell what is asked of it.
    """
    if isinstance(command, catalog.OWN_WAY):
        return Admitted(command)
    waiting: tuple[Waiting, ...] = ()
    if isinstance(command, FulfilReservation):
        _check_fulfilment(command, world, context)
        known, waiting = _known_lines(command, world)
        if known is None:
            return Admitted(None, (), waiting)
        command = known
    _check_document(command, world, context)
    if world.catalog.strict:
        _refuse_unknown(command, world)
    at = min(getattr(command, "occurred_at", None) or now, now)
    if command.stated:
        command = _with_amounts(command, world, at)
    if world.catalog.folding:
        command = catalog.spelled(command, world)
    _refuse_closed_locations(command, world)
    command, services = _goods(command, world, at)
    return Admitted(command, services, waiting)


def _check_fulfilment(command: FulfilReservation, world: World, context: Context) -> None:
    reservation = world.reservation(command.reservation_id)
    lines: Iterable[Any] = command.lines or ()
    if command.lines is None and reservation is not None:
        lines = (line for line in reservation.lines if line.open)
    for code in dict.fromkeys(line.location for line in lines):
        location = catalog.location_of(world, code)
        if location is not None:
            catalog.check_authority(location, "fulfil", context.source)


def _check_document(command: AnyCommand, world: World, context: Context) -> None:
    """Facts of documents are asserted by the sources that may assert the same as movements."""
    code, fact = catalog.counted_at(command, world), "count"
    if isinstance(command, ReceiveReturn):
        code, fact = command.location, "return"
    location = None if code is None else catalog.location_of(world, code)
    if location is not None:
        catalog.check_authority(location, fact, context.source)


def _refuse_unknown(command: AnyCommand, world: World) -> None:
    for kind, code in catalog.codes_of(command):
        known = (
            catalog.location_of(world, code) if kind == "location" else catalog.sku_of(world, code)
        )
        if known is None:
            raise NotFound(kind, code)


def _known_lines(command: FulfilReservation, world: World) -> tuple[Any, tuple[Waiting, ...]]:
    """Split the lines of a fact: those that can be recorded, those that wait for the catalog."""
    if not world.catalog.strict or command.lines is None or command.if_open:
        return command, ()
    kept: list[LineQuantity] = []
    waiting: list[Waiting] = []
    stated: list[Stated] = []
    for index, line in enumerate(command.lines):
        at = f"lines.{index}.quantity"
        own = [one for one in command.stated if one.field == at]
        if (
            catalog.sku_of(world, line.sku) is None
            or catalog.location_of(world, line.location) is None
        ):
            waiting.append((line, tuple(replace(one, field="quantity", path=None) for one in own)))
        else:
            stated += [replace(one, field=f"lines.{len(kept)}.quantity") for one in own]
            kept.append(line)
    if not waiting:
        return command, ()
    known = replace(command, lines=tuple(kept), stated=tuple(stated)) if kept else None
    return known, tuple(waiting)


def _with_amounts(command: Any, world: World, at: Instant) -> Any:
    """The command with its stated quantities converted, each by the SKU it stands beside."""
    changed: dict[str, Any] = {}
    for stated in command.stated:
        name, _, rest = stated.field.partition(".")
        if not rest:
            units = catalog.units_of(catalog.sku_of(world, command.sku), at, stated)
            changed[name] = units.count(stated, command.sku, f"$.{name}")
            continue
        index, _, field = rest.partition(".")
        lines = changed.setdefault(name, list(getattr(command, name)))
        line = lines[int(index)]
        units = catalog.units_of(
            catalog.sku_of(world, line.sku), getattr(line, "counted_at", None) or at, stated
        )
        path = stated.path or f"$.{name}[{index}].{field}"
        lines[int(index)] = replace(line, **{field: units.count(stated, line.sku, path)})
    lists = {name: tuple(new) for name, new in changed.items() if isinstance(new, list)}
    return replace(command, **changed | lists)


def _refuse_closed_locations(command: AnyCommand, world: World) -> None:
    """A location that does not sell gives no promises; what it has given, it may take back."""
    for code in _promising(command, world):
        location = catalog.location_of(world, code)
        if location is not None and not location.current.sells:
            raise IllegalState("location", code, "not selling", "reserve at")


def _promising(command: AnyCommand, world: World) -> Iterator[str]:
    """The locations a command wants more of."""
    if isinstance(command, RelocateReservation):
        yield from (move.to_location for move in command.moves)
    elif isinstance(command, PlaceReservation | AmendReservation):
        known = (
            world.reservation(command.reservation_id)
            if isinstance(command, AmendReservation)
            else None
        )
        for line in command.lines:
            promised = next(
                (
                    one.granted
                    for one in (known.lines if known is not None else ())
                    if (one.sku, one.location) == (line.sku, line.location)
                ),
                0,
            )
            if line.quantity > promised:
                yield line.location
        for sourced in command.sourced:
            yield from sourced.locations


def _goods(command: Any, world: World, at: Instant) -> tuple[Any, tuple[Any, ...]]:
    """The command without its lines of services, and those lines."""
    changed: dict[str, tuple[Any, ...]] = {}
    services: list[Any] = []
    for name in command.__struct_fields__ if command is not None else ():
        lines = getattr(command, name)
        if not isinstance(lines, tuple) or not lines or not hasattr(lines[0], "sku"):
            continue
        kept = tuple(line for line in lines if not _is_service(line.sku, world, at))
        if len(kept) < len(lines):
            changed[name] = kept
            services += [line for line in lines if line not in kept]
    if not services:
        return command, ()
    left = replace(command, **changed)
    return (left if any(_lines_of(left)) else None), tuple(services)


def _lines_of(command: Any) -> Iterator[Any]:
    for name in command.__struct_fields__:
        lines = getattr(command, name)
        if isinstance(lines, tuple):
            yield from (line for line in lines if hasattr(line, "sku"))


def _is_service(code: str, world: World, at: Instant) -> bool:
    sku = catalog.sku_of(world, code)
    return sku is not None and sku.at(at).event.service


def _nothing_stocked(services: tuple[Any, ...]) -> Malformed:
    """The refusal of a document that would be about services only."""
    return Malformed("$.lines", f"no stock is kept of {services[0].sku!r}: it is a service")
