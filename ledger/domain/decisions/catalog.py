"""Judging commands by the catalog: what codes and units mean, and who may say what where.

Asked only where somebody has defined something, or where a quantity came in words: a ledger
without a catalog pays nothing for it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.catalog import Location, Sku, location_stream, spellings
from ledger.domain.commands import (
    AmendReservation,
    AnyCommand,
    AnyMovement,
    ApproveCount,
    CancelCount,
    DefineLocation,
    DefineSku,
    EnterCount,
    ExpireHolds,
    FulfilReservation,
    OpenCount,
    PlaceReservation,
    PostCount,
    ReceiveReturn,
    RecordMovements,
    ReleaseParked,
    RelocateReservation,
)
from ledger.domain.count import CountDocument
from ledger.domain.decisions.world import Context, MovementId, World
from ledger.domain.events import LineQuantity
from ledger.domain.refusals import Forbidden, IllegalState, Malformed, NotFound
from ledger.domain.units import UNDEFINED, Stated, Units
from ledger.domain.values import Instant, count_stream

CodeKind: TypeAlias = Literal["sku", "location"]

_CODES: Final[dict[str, CodeKind]] = {
    "sku": "sku",
    "skus": "sku",
    "location": "location",
    "locations": "location",
    "from_location": "location",
    "to_location": "location",
}
"""Which fields of commands hold codes, at any depth."""

_OWN_WAY: Final = (RecordMovements, DefineSku, DefineLocation, ExpireHolds, ReleaseParked)
"""Commands whose codes are looked at elsewhere, or come from the ledger itself."""


def sku_of(world: World, code: str) -> Sku | None:
    """The SKU that a code stands for, if it is defined."""
    for stream, _, policy in spellings(code):
        state = world.state(stream)
        if isinstance(state, Sku) and policy in ("exact", state.current.case_policy):
            return state
    return None


def location_of(world: World, code: str) -> Location | None:
    """The location of a code, if it is defined."""
    state = world.state(location_stream(code))
    return state if isinstance(state, Location) else None


def reads(command: AnyCommand, world: World) -> Iterator[str]:
    """The streams that say what a command's codes mean, and who may say it."""
    if isinstance(command, RecordMovements):
        for movement in command.movements:
            for spelling in spellings(movement.sku):
                yield spelling.stream
            yield location_stream(movement.location)
        return
    counted_at = _counted_at(command, world)
    if counted_at is not None:
        yield location_stream(counted_at)
    if not isinstance(command, _OWN_WAY):
        for kind, code in _codes(command):
            if kind == "location":
                yield location_stream(code)
            else:
                for spelling in spellings(code):
                    yield spelling.stream


def spelled(command: Any, world: World) -> Any:
    """The command with every SKU's code as the ledger keeps it."""
    own = isinstance(command, _OWN_WAY) and not isinstance(command, RecordMovements)
    return command if own else _spelled(command, world)


# --- movements ----------------------------------------------------------------------------------


class Unknown(NamedTuple):
    """What nobody has defined: the kind of thing, and its code."""

    what: CodeKind
    code: str


def unknown(movement: AnyMovement, world: World) -> Unknown | None:
    """What of a movement has to be defined before it can be recorded, if anything has."""
    if sku_of(world, movement.sku) is None:
        return Unknown("sku", movement.sku)
    if location_of(world, movement.location) is None:
        return Unknown("location", movement.location)
    return None


def check_source(movement: AnyMovement, world: World, context: Context) -> None:
    """Refuse what its source may not assert at its location."""
    location = location_of(world, movement.location)
    if location is not None:
        fact = str(movement.__struct_config__.tag)
        check_authority(location, fact, movement.source or context.source)


def check_authority(location: Location, fact: str, source: str) -> None:
    """Refuse a type of fact from a source that may not assert it here."""
    sources = location.sources_of(fact)
    if sources is not None and source not in sources:
        raise Forbidden(source, fact, location.current.location, sources)


def counted(
    movement: AnyMovement, path: str, world: World, now: Instant, context: Context
) -> AnyMovement | None:
    """The movement in smallest units under the SKU's own code; none where that is no goods.

    Units are those of the business time: a pack that was redefined since counts as it did then.
    """
    sku = sku_of(world, movement.sku)
    if sku is None:
        return _converted(movement, path, None, now) if movement.stated else movement
    if movement.stated or len(sku.definitions) > 1:
        at = _business_time(movement, world, now, context)
        if sku.at(at).event.service:
            return None
        if movement.stated:
            movement = _converted(movement, path, sku, at)
    elif sku.current.service:
        return None
    return movement if movement.sku == sku.sku else replace(movement, sku=sku.sku)


def _business_time(movement: AnyMovement, world: World, now: Instant, context: Context) -> Instant:
    of = getattr(movement, "of", None)
    origin = None if of is None else world.origin(MovementId(context.principal, of))
    if origin is not None:
        return origin.occurred_at
    return now if movement.occurred_at is None else min(movement.occurred_at, now)


def _converted(movement: AnyMovement, path: str, sku: Sku | None, at: Instant) -> AnyMovement:
    amounts = {
        stated.field: _units(sku, at, stated).count(stated, movement.sku, f"{path}.{stated.field}")
        for stated in movement.stated
    }
    return replace(movement, **amounts)


def _units(sku: Sku | None, at: Instant, stated: Stated) -> Units:
    return UNDEFINED if sku is None else sku.units_at(at, stated.uom)


# --- everything else ----------------------------------------------------------------------------


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


def admit(command: AnyCommand, world: World, now: Instant, context: Context) -> Admitted:
    """A command other than a batch of movements in smallest units and known codes.

    Refused where the catalog is strict and a code unknown (a fulfilment is a fact: its unknown
    lines are left to wait), where a conversion loses something, and where a location does not
    sell what is asked of it.
    """
    if isinstance(command, _OWN_WAY):
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
        command = _spelled(command, world)
    _refuse_closed_locations(command, world)
    command, services = _goods(command, world, at)
    return Admitted(command, services, waiting)


def _check_fulfilment(command: FulfilReservation, world: World, context: Context) -> None:
    reservation = world.reservation(command.reservation_id)
    lines: Iterable[Any] = command.lines or ()
    if command.lines is None and reservation is not None:
        lines = (line for line in reservation.lines if line.open)
    for code in dict.fromkeys(line.location for line in lines):
        location = location_of(world, code)
        if location is not None:
            check_authority(location, "fulfil", context.source)


def _counted_at(command: AnyCommand, world: World) -> str | None:
    """Where a count document counts, as far as it is known."""
    if not isinstance(command, OpenCount | EnterCount | ApproveCount | PostCount | CancelCount):
        return None
    if isinstance(command, OpenCount):
        return command.location
    document = world.state(count_stream(command.count_id))
    return document.opened.location if isinstance(document, CountDocument) else None


def _check_document(command: AnyCommand, world: World, context: Context) -> None:
    """Facts of documents are asserted by the sources that may assert the same as movements."""
    code, fact = _counted_at(command, world), "count"
    if isinstance(command, ReceiveReturn):
        code, fact = command.location, "return"
    location = None if code is None else location_of(world, code)
    if location is not None:
        check_authority(location, fact, context.source)


def _refuse_unknown(command: AnyCommand, world: World) -> None:
    for kind, code in _codes(command):
        known = location_of(world, code) if kind == "location" else sku_of(world, code)
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
        if sku_of(world, line.sku) is None or location_of(world, line.location) is None:
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
            units = _units(sku_of(world, command.sku), at, stated)
            changed[name] = units.count(stated, command.sku, f"$.{name}")
            continue
        index, _, field = rest.partition(".")
        lines = changed.setdefault(name, list(getattr(command, name)))
        line = lines[int(index)]
        units = _units(sku_of(world, line.sku), getattr(line, "counted_at", None) or at, stated)
        path = stated.path or f"$.{name}[{index}].{field}"
        lines[int(index)] = replace(line, **{field: units.count(stated, line.sku, path)})
    lists = {name: tuple(new) for name, new in changed.items() if isinstance(new, list)}
    return replace(command, **changed | lists)


def _refuse_closed_locations(command: AnyCommand, world: World) -> None:
    """A location that does not sell gives no promises; what it has given, it may take back."""
    for code in _promising(command, world):
        location = location_of(world, code)
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
    sku = sku_of(world, code)
    return sku is not None and sku.at(at).event.service


def nothing_stocked(services: tuple[Any, ...]) -> Malformed:
    """The refusal of a document that would be about services only."""
    return Malformed("$.lines", f"no stock is kept of {services[0].sku!r}: it is a service")


# --- codes --------------------------------------------------------------------------------------


def _codes(value: Any) -> Iterator[tuple[CodeKind, str]]:
    """Every code in a command, with what it is the code of."""
    for name in value.__struct_fields__:
        found = getattr(value, name)
        kind = _CODES.get(name)
        if kind is not None:
            for code in (found,) if isinstance(found, str) else found or ():
                yield kind, code
        elif isinstance(found, Struct):
            yield from _codes(found)
        elif isinstance(found, tuple):
            for one in found:
                if isinstance(one, Struct):
                    yield from _codes(one)


def _spelled(value: Any, world: World) -> Any:
    changed: dict[str, Any] = {}
    for name in value.__struct_fields__:
        found = getattr(value, name)
        new = found
        if _CODES.get(name) == "sku":
            one = isinstance(found, str)
            new = _code(found, world) if one else tuple(_code(code, world) for code in found)
        elif isinstance(found, Struct):
            new = _spelled(found, world)
        elif isinstance(found, tuple):
            new = tuple(_spelled(one, world) if isinstance(one, Struct) else one for one in found)
        if new != found:
            changed[name] = new
    return replace(value, **changed) if changed else value


def _code(code: str, world: World) -> str:
    sku = sku_of(world, code)
    return code if sku is None else sku.sku
