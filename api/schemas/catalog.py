"""SKUs and locations as they are defined, and as they are answered."""

import re
from functools import lru_cache
from typing import Annotated, Any, Final, Self, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct, field

from api.schemas.fields import check_code, check_text, rfc3339
from api.schemas.questions import Page, PagedQuery, Timestamp
from ledger.domain import commands
from ledger.domain.events import Authority, CasePolicy, LocationDefined, Pack, SkuDefined
from ledger.domain.outcomes import LocationState, SkuState
from ledger.domain.refusals import Malformed
from ledger.domain.units import FACTOR_MAX, PACKS_MAX, SCALE_MAX
from ledger.domain.values import Code, Text

_SOURCES_MAX: Final = 100
_FACTS_MAX: Final = 50
_TAGS_MAX: Final = 50
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")

Factor: TypeAlias = Annotated[int, Meta(ge=1, le=FACTOR_MAX)]
Scale: TypeAlias = Annotated[int, Meta(ge=0, le=SCALE_MAX)]
Kind: TypeAlias = Annotated[str, Meta(pattern=r"\A(?:[a-z][a-z0-9_-]{0,31})\Z")]
Tag: TypeAlias = Kind
Fact: TypeAlias = Annotated[str, Meta(pattern=r"\A(?:\*|[a-z][a-z_]{0,31})\Z")]
Sources: TypeAlias = Annotated[tuple[Text, ...], Meta(max_length=_SOURCES_MAX)]
TimeZone: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class PackOf(_Request, frozen=True):
    """A pack that holds other packs."""

    of: Code
    factor: Factor


AnyPack: TypeAlias = Factor | PackOf
"""How many base units a pack holds, or how many of which other pack."""


class SkuRequest(_Request, frozen=True):
    """What a SKU is from now on, in full: what is left out has its default."""

    base_unit: Code = "each"
    scale: Scale = 0
    packs: Annotated[dict[Code, AnyPack], Meta(max_length=PACKS_MAX)] = {}
    service: bool = False
    case_policy: CasePolicy = "exact"
    sku_class: Code | None = field(default=None, name="class")


class LocationRequest(_Request, frozen=True):
    """What a location is from now on, in full: what is left out has its default."""

    kind: Kind = "store"
    time_zone: TimeZone = "UTC"
    sells: bool = True
    parent: Code | None = None
    authority: Annotated[dict[Fact, Sources], Meta(max_length=_FACTS_MAX)] = {}
    tags: Annotated[tuple[Tag, ...], Meta(max_length=_TAGS_MAX)] = ()


class PackAnswer(Struct, frozen=True, kw_only=True):
    """A pack that holds other packs."""

    of: str
    factor: int


class SkuItem(Struct, frozen=True, kw_only=True):
    """A SKU as it is defined. Quantities are integers of 10^-scale base units."""

    sku: str
    base_unit: str
    scale: int
    packs: dict[str, int | PackAnswer]
    service: bool
    case_policy: CasePolicy
    sku_class: str | None = field(name="class")
    version: int
    defined_at: Timestamp

    @classmethod
    def of(cls, event: SkuDefined, version: int, **more: Any) -> Self:
        """The public form of a definition."""
        return cls(
            sku=event.sku,
            base_unit=event.base_unit,
            scale=event.scale,
            packs={
                pack.name: pack.factor
                if pack.of is None
                else PackAnswer(of=pack.of, factor=pack.factor)
                for pack in event.packs
            },
            service=event.service,
            case_policy=event.case_policy,
            sku_class=event.sku_class,
            version=version,
            defined_at=rfc3339(event.occurred_at),
            **more,
        )


class SkuAnswer(SkuItem, frozen=True, kw_only=True):
    """One SKU, and the position at which it was written."""

    position: int


class SkuFound(SkuItem, frozen=True, kw_only=True):
    """One SKU, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class LocationItem(Struct, frozen=True, kw_only=True):
    """A location as it is defined. Types of facts without `authority`: anybody's."""

    location: str
    kind: str
    time_zone: str
    sells: bool
    parent: str | None
    authority: dict[str, tuple[str, ...]]
    tags: tuple[str, ...]
    version: int
    defined_at: Timestamp

    @classmethod
    def of(cls, event: LocationDefined, version: int, **more: Any) -> Self:
        """The public form of a definition."""
        return cls(
            location=event.location,
            kind=event.kind,
            time_zone=event.time_zone,
            sells=event.sells,
            parent=event.parent,
            authority={one.fact: one.sources for one in event.authority},
            tags=event.tags,
            version=version,
            defined_at=rfc3339(event.occurred_at),
            **more,
        )


class LocationAnswer(LocationItem, frozen=True, kw_only=True):
    """One location, and the position at which it was written."""

    position: int


class LocationFound(LocationItem, frozen=True, kw_only=True):
    """One location, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class SkusQuery(PagedQuery, frozen=True):
    """Which SKUs."""

    service: bool | None = None


class LocationsQuery(PagedQuery, frozen=True):
    """Which locations."""

    kind: Kind | None = None
    parent: Code | None = None


class SkusPage(Page, frozen=True, kw_only=True):
    """SKUs in the order of their codes."""

    items: list[SkuItem]


class LocationsPage(Page, frozen=True, kw_only=True):
    """Locations in the order of their codes."""

    items: list[LocationItem]


SKU: Final = msgspec.json.Decoder(SkuRequest)
LOCATION: Final = msgspec.json.Decoder(LocationRequest)


def sku_of(sku: str, request: SkuRequest) -> commands.DefineSku:
    """The command. Raises Malformed."""
    check_code("$.base_unit", request.base_unit)
    check_code("$.class", request.sku_class)
    for name in request.packs:
        check_code(f"$.packs.{name}", name)
    packs = tuple(
        Pack(name=name, factor=pack)
        if isinstance(pack, int)
        else Pack(name=name, factor=pack.factor, of=pack.of)
        for name, pack in sorted(request.packs.items())
    )
    return commands.DefineSku(
        sku=sku,
        base_unit=request.base_unit,
        scale=request.scale,
        packs=packs,
        service=request.service,
        case_policy=request.case_policy,
        sku_class=request.sku_class,
    )


def location_of(location: str, request: LocationRequest) -> commands.DefineLocation:
    """The command. Raises Malformed, also for a time zone that IANA does not list."""
    check_code("$.parent", request.parent)
    if not _is_zone(request.time_zone):
        raise Malformed("$.time_zone", f"no IANA time zone is called {request.time_zone!r}")
    for fact, sources in request.authority.items():
        for index, source in enumerate(sources):
            check_text(f"$.authority.{fact}[{index}]", source)
    authority = tuple(
        Authority(fact=fact, sources=sources) for fact, sources in sorted(request.authority.items())
    )
    return commands.DefineLocation(
        location=location,
        kind=request.kind,
        time_zone=request.time_zone,
        sells=request.sells,
        parent=request.parent,
        authority=authority,
        tags=request.tags,
    )


@lru_cache(maxsize=1_024)
def _is_zone(name: str) -> bool:
    """Whether it is one; its form comes first, because a name is looked up as a file."""
    if _ZONE.fullmatch(name) is None:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def sku_answer(state: SkuState) -> SkuAnswer:
    """What the ledger answered, in public form."""
    return SkuAnswer.of(state.definition, state.version, position=state.position)


def location_answer(state: LocationState) -> LocationAnswer:
    """What the ledger answered, in public form."""
    return LocationAnswer.of(state.definition, state.version, position=state.position)
