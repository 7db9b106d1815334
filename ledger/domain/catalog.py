"""What codes mean: SKUs and locations as they were defined, and since when."""

import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.events import CasePolicy, LocationDefined, SkuDefined
from ledger.domain.units import Units, factors_of
from ledger.domain.values import Instant, asked_code_problem, stream_id

ANY_FACT: Final = "*"
"""The type under which an authority stands for every fact that has none of its own."""


class Use(Struct):
    """How far the catalog takes part in decisions. What has become true here stays true."""

    strict: bool = False  # Codes that nobody has defined are refused, or wait.
    consulted: bool = False  # Something has been defined, or would have to be.
    folding: bool = False  # Of some SKU known here, the code may be written in several ways.
    definitions: int = 0  # Taken in so far: after one more, other streams may be needed.


class Definition(Struct, frozen=True, gc=False):
    """A SKU as it was defined at an instant."""

    since: Instant
    event: SkuDefined
    units: Units


class Sku(Struct, frozen=True, gc=False):
    """A SKU with every definition it has had, oldest first."""

    sku: str
    version: int
    definitions: tuple[Definition, ...]

    @property
    def current(self) -> SkuDefined:
        """What it is now."""
        return self.definitions[-1].event

    def at(self, instant: Instant) -> Definition:
        """The definition in force at a business time; before the first one, the first."""
        for definition in reversed(self.definitions):
            if definition.since <= instant:
                return definition
        return self.definitions[0]

    def units_at(self, instant: Instant, unit: str | None) -> Units:
        """The units in force at a business time; if they lack one, the first later ones with it.

        So a pack that somebody forgot to define can still be defined for what waits for it.
        """
        in_force = self.at(instant)
        for definition in (in_force, *self.definitions):
            known = definition.units.smallest_in(unit) is not None
            if known and definition.since >= in_force.since:
                return definition.units
        return in_force.units


class Location(Struct, frozen=True, gc=False):
    """A location as it is defined now."""

    version: int
    current: LocationDefined

    def sources_of(self, fact: str) -> tuple[str, ...] | None:
        """Who may assert a type of fact here; none where anybody may."""
        everything_else = None
        for authority in self.current.authority:
            if authority.fact == fact:
                return authority.sources
            if authority.fact == ANY_FACT:
                everything_else = authority.sources
        return everything_else


def evolve_sku(sku: Sku | None, event: SkuDefined) -> Sku:
    """The SKU after one more definition."""
    factors = factors_of(event.base_unit, event.scale, event.packs)
    units = Units(event.base_unit, event.scale, factors)
    definition = Definition(event.occurred_at, event, units)
    if sku is None:
        return Sku(event.sku, 1, (definition,))
    return replace(sku, version=sku.version + 1, definitions=(*sku.definitions, definition))


def evolve_location(location: Location | None, event: LocationDefined) -> Location:
    """The location after one more definition."""
    return Location(1 if location is None else location.version + 1, event)


class Spelling(NamedTuple):
    """A stream under which a code may be defined, if its definition compares codes that way."""

    stream: str
    code: str
    policy: CasePolicy


def canonical(code: str, policy: CasePolicy) -> str:
    """The form of a code that stands for all that its policy takes for the same."""
    if policy == "exact":
        return code
    return unicodedata.normalize("NFC", code.upper() if policy == "upper" else code.casefold())


@lru_cache(maxsize=65_536)
def spellings(code: str) -> tuple[Spelling, ...]:
    """Where a SKU may be defined: under the code as written, in capitals, or folded."""
    found = [Spelling(stream_id("sku", code), code, "exact")]
    policies: tuple[CasePolicy, ...] = ("upper", "fold")
    for policy in policies:
        form = canonical(code, policy)
        if form != code and asked_code_problem(form) is None:
            found.append(Spelling(stream_id("sku", form), form, policy))
    return tuple(found)


@lru_cache(maxsize=65_536)
def location_stream(location: str) -> str:
    """Name the stream of one location."""
    return stream_id("location", location)
