"""Defining SKUs and locations: the same definition again decides nothing."""

from collections.abc import Iterator
from typing import Final

from ledger.domain.catalog import Location, Sku, canonical, location_stream, spellings
from ledger.domain.commands import DefineLocation, DefineSku
from ledger.domain.decisions.catalog import location_of, sku_of
from ledger.domain.decisions.world import Cause, Decision, Effect, World
from ledger.domain.events import LocationDefined, SkuDefined
from ledger.domain.outcomes import LocationState, SkuState
from ledger.domain.refusals import IllegalState, Malformed, NotFound
from ledger.domain.units import factors_of
from ledger.domain.values import Instant, code_problem

DEPTH_MAX: Final = 16
"""Locations above one another: bounds what the definition of a location reads."""


def reads(command: DefineSku | DefineLocation, world: World) -> Iterator[str]:
    """The streams a definition looks at: all spellings of a SKU, all parents of a location."""
    if isinstance(command, DefineSku):
        yield from (spelling.stream for spelling in spellings(command.sku))
        return
    yield location_stream(command.location)
    yield from map(location_stream, _above(command.parent, world))


def define_sku(command: DefineSku, world: World, now: Instant) -> Decision:
    """Say what a SKU is from now on.

    What recorded integers and codes mean never changes: base unit, scale and case policy stay as
    they were first defined, and goods do not become a service. Packs may change; facts count by
    the packs of their business time.
    """
    factors_of(command.base_unit, command.scale, command.packs)
    known = sku_of(world, command.sku)
    code = canonical(command.sku, command.case_policy) if known is None else known.sku
    if (problem := code_problem(code)) is not None:
        raise Malformed("$.case_policy", f"makes the code {code!r}, which {problem}")
    event = SkuDefined(
        occurred_at=now,
        sku=code,
        base_unit=command.base_unit,
        scale=command.scale,
        packs=command.packs,
        service=command.service,
        case_policy=command.case_policy,
        sku_class=command.sku_class,
    )
    if known is not None:
        _refuse_other_meaning(event, known)
        before = known.current
        if _content(event) == _content(before):
            return SkuState(definition=before, version=known.version, position=world.head)
    yield Effect(event, Cause(now, "sku_defined"))
    version = 1 if known is None else known.version + 1
    return SkuState(definition=event, version=version, position=world.head)


def define_location(command: DefineLocation, world: World, now: Instant) -> Decision:
    """Say what a location is from now on. Its parent is defined, and not below it."""
    for code in _above(command.parent, world):
        if code == command.location:
            raise Malformed("$.parent", "a location cannot lie within itself")
        if location_of(world, code) is None:
            raise NotFound("location", code)
    event = LocationDefined(
        occurred_at=now,
        location=command.location,
        kind=command.kind,
        time_zone=command.time_zone,
        sells=command.sells,
        parent=command.parent,
        authority=command.authority,
        tags=tuple(sorted(set(command.tags))),
    )
    known = location_of(world, command.location)
    if known is not None and _content(event) == _content(known.current):
        return LocationState(definition=known.current, version=known.version, position=world.head)
    yield Effect(event, Cause(now, "location_defined"))
    version = 1 if known is None else known.version + 1
    return LocationState(definition=event, version=version, position=world.head)


def _refuse_other_meaning(event: SkuDefined, known: Sku) -> None:
    before = known.current
    for name in ("base_unit", "scale", "case_policy"):
        is_now, asked = getattr(before, name), getattr(event, name)
        if asked != is_now:
            raise IllegalState("sku", known.sku, "defined", "redefine", **{name: is_now})
    if event.service and not before.service:
        raise IllegalState("sku", known.sku, "stocked", "make a service of")


def _content(event: SkuDefined | LocationDefined) -> tuple[object, ...]:
    names = event.__struct_fields__
    return tuple(getattr(event, name) for name in names if name != "occurred_at")


def _above(parent: str | None, world: World) -> Iterator[str]:
    """A location's parents as far as they are known, from the nearest up."""
    for _ in range(DEPTH_MAX):
        if parent is None:
            return
        yield parent
        above: Location | None = location_of(world, parent)
        if above is None:
            return
        parent = above.current.parent
    raise Malformed("$.parent", f"at most {DEPTH_MAX} locations lie within one another")
