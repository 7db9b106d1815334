"""Judging commands by the catalog: what codes and units mean, and who may say what where.

Asked only where somebody has defined something, or where a quantity came in words: a ledger
without a catalog pays nothing for it.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.catalog import Location, Sku, location_stream, spellings
from ledger.domain.commands import (
    AnyCommand,
    AnyMovement,
    ApproveCount,
    ApproveReconciliation,
    CancelCount,
    ClosePeriod,
    DefineLocation,
    DefineSku,
    EnterCount,
    ExpireHolds,
    OpenCount,
    PostCount,
    RecordMovements,
    RecordReconciliation,
    ReleaseParked,
)
from ledger.domain.count import CountDocument
from ledger.domain.decisions.world import Context, MovementId, World
from ledger.domain.refusals import Forbidden
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

OWN_WAY: Final = (
    RecordMovements,
    DefineSku,
    DefineLocation,
    ExpireHolds,
    ReleaseParked,
    ClosePeriod,
    RecordReconciliation,
    ApproveReconciliation,
)
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
    place = counted_at(command, world)
    if place is not None:
        yield location_stream(place)
    if not isinstance(command, OWN_WAY):
        for kind, code in codes_of(command):
            if kind == "location":
                yield location_stream(code)
            else:
                for spelling in spellings(code):
                    yield spelling.stream


def spelled(command: Any, world: World) -> Any:
    """The command with every SKU's code as the ledger keeps it."""
    own = isinstance(command, OWN_WAY) and not isinstance(command, RecordMovements)
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
    amounts = {}
    for stated in movement.stated:
        units, field = units_of(sku, at, stated), stated.field
        amounts[field] = units.count(stated, movement.sku, f"{path}.{field}")
    return replace(movement, **amounts)


def units_of(sku: Sku | None, at: Instant, stated: Stated) -> Units:
    """The units in which a quantity of a SKU is stated, by its business time."""
    return UNDEFINED if sku is None else sku.units_at(at, stated.uom)


def counted_at(command: AnyCommand, world: World) -> str | None:
    """Where a count document counts, as far as it is known."""
    if not isinstance(command, OpenCount | EnterCount | ApproveCount | PostCount | CancelCount):
        return None
    if isinstance(command, OpenCount):
        return command.location
    document = world.state(count_stream(command.count_id))
    return document.opened.location if isinstance(document, CountDocument) else None


# --- codes --------------------------------------------------------------------------------------


def codes_of(value: Any) -> Iterator[tuple[CodeKind, str]]:
    """Every code in a command, with what it is the code of."""
    for name in value.__struct_fields__:
        found = getattr(value, name)
        kind = _CODES.get(name)
        if kind is not None:
            for code in (found,) if isinstance(found, str) else found or ():
                yield kind, code
        elif isinstance(found, Struct):
            yield from codes_of(found)
        elif isinstance(found, tuple):
            for one in found:
                if isinstance(one, Struct):
                    yield from codes_of(one)


def _spelled(value: Any, world: World) -> Any:
    changed: dict[str, Any] = {}
    for name in value.__struct_fields__:
        found = getattr(value, name)
        new = found
        if found is None:
            continue
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
