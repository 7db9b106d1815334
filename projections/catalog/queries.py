"""Questions about definitions, and about the facts that wait for them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, structs

from ledger.domain.catalog import canonical
from ledger.domain.events import Authority, LocationDefined, Pack, SkuDefined
from ledger.domain.values import Instant, stream_id
from ledger.recorded import Recorded
from projections.batch import Batch
from projections.catalog.answers import Defined
from projections.catalog.projection import fold
from projections.documents import Documents, One, Some
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_packs: Final = msgspec.json.Decoder(tuple[Pack, ...]).decode
_authority: Final = msgspec.json.Decoder(tuple[Authority, ...]).decode


class SkuFilter(Struct, frozen=True, kw_only=True):
    """Which SKUs; what is left out matches all."""

    service: bool | None = None


class LocationFilter(Struct, frozen=True, kw_only=True):
    """Which locations; what is left out matches all."""

    kind: str | None = None
    parent: str | None = None


class Kept(NamedTuple):
    """Where it was read, whether codes may be written in several ways at all, and which were."""

    position: int
    spelled: bool
    codes: dict[str, str]


async def get_sku(pool: Pool, code: str, _: Instant) -> One[Defined[SkuDefined]]:
    """The SKU that a code stands for."""
    forms = {"upper": canonical(code, "upper"), "fold": canonical(code, "fold")}
    rows = await _rows(pool, "get_sku", {"sku": code, **forms})
    position, *row = rows[0]
    return One(None if row[0] is None else _sku(row), position)


async def get_skus(pool: Pool, codes: list[str]) -> dict[str, SkuDefined]:
    """The SKUs that codes stand for, as they are defined now; undefined ones are left out."""
    rows = await _rows(pool, "get_skus", _written(codes))
    return {codes[place - 1]: _sku(row).event for place, *row in rows}


async def kept_codes(pool: Pool, codes: Sequence[str]) -> Kept:
    """The codes under which the ledger keeps what codes stand for, where those are others."""
    # Asked before many a question: making the plan takes twice as long as the look itself.
    rows = await _rows(pool, "kept_codes", _written(codes), prepare=True)
    kept = {sku: code for _, _, sku, code in rows if sku is not None}
    return Kept(rows[0][0], rows[0][1], kept)


async def get_location(pool: Pool, code: str, _: Instant) -> One[Defined[LocationDefined]]:
    """The location of a code."""
    rows = await _rows(pool, "get_location", {"location": code})
    position, *row = rows[0]
    return One(None if row[0] is None else _location(row), position)


async def list_skus(
    pool: Pool, wanted: SkuFilter, _: Instant, limit: int
) -> Some[Defined[SkuDefined]]:
    """The first SKUs by code."""
    rows = await _rows(pool, "list_skus", {**structs.asdict(wanted), "limit": limit + 1})
    items = [_sku(row) for _, *row in rows if row[0] is not None]
    after = (items[limit - 1].event.sku,) if len(items) > limit else None
    return Some(items[:limit], rows[0][0], after)


async def list_locations(
    pool: Pool, wanted: LocationFilter, _: Instant, limit: int
) -> Some[Defined[LocationDefined]]:
    """The first locations by code."""
    rows = await _rows(pool, "list_locations", {**structs.asdict(wanted), "limit": limit + 1})
    items = [_location(row) for _, *row in rows if row[0] is not None]
    after = (items[limit - 1].event.location,) if len(items) > limit else None
    return Some(items[:limit], rows[0][0], after)


async def last_definition(pool: Pool) -> int:
    """The position of the newest definition; 0 where there is none."""
    return int((await _rows(pool, "last_definition", {}))[0][0])


async def due(pool: Pool, *, strict: bool, limit: int) -> list[str]:
    """Conflicts whose parked facts can be recorded now, the first parked first."""
    rows = await _rows(pool, "due", {"open": not strict, "limit": limit})
    return [row[0] for row in rows]


def _written(codes: Sequence[str]) -> dict[str, Any]:
    return {
        "skus": list(codes),
        "upper": [canonical(code, "upper") for code in codes],
        "fold": [canonical(code, "fold") for code in codes],
    }


async def _rows(
    pool: Pool, name: str, wanted: Mapping[str, Any], *, prepare: bool = False
) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL[name], wanted, prepare=prepare)
        return await cursor.fetchall()


def _sku(row: list[Any]) -> Defined[SkuDefined]:
    sku, base_unit, scale, packs, service, case_policy, sku_class, version, defined_at = row
    event = SkuDefined(
        occurred_at=defined_at,
        sku=sku,
        base_unit=base_unit,
        scale=scale,
        packs=_packs(packs),
        service=service,
        case_policy=case_policy,
        sku_class=sku_class,
    )
    return Defined(event, version)


def _location(row: list[Any]) -> Defined[LocationDefined]:
    location, kind, time_zone, sells, parent, authority, tags, version, defined_at = row
    event = LocationDefined(
        occurred_at=defined_at,
        location=location,
        kind=kind,
        time_zone=time_zone,
        sells=sells,
        parent=parent,
        authority=_authority(authority),
        tags=tuple(tags),
    )
    return Defined(event, version)


def _forms(code: str) -> Sequence[str]:
    """The streams of the SKUs that a code may stand for."""
    forms = dict.fromkeys((code, canonical(code, "upper"), canonical(code, "fold")))
    return [stream_id("sku", form) for form in forms]


def _stood_for(defined: Mapping[str, Recorded], code: str) -> Recorded | None:
    """What `get_sku` finds, among definitions of the past."""
    if code in defined:
        return defined[code]
    for policy in ("upper", "fold"):
        found = defined.get(canonical(code, policy))
        event = None if found is None else found.event
        if isinstance(event, SkuDefined) and event.case_policy == policy:
            return found
    return None


def _sku_wanted(defined: Defined[SkuDefined], wanted: SkuFilter) -> bool:
    return wanted.service in (None, defined.event.service)


def _location_wanted(defined: Defined[LocationDefined], wanted: LocationFilter) -> bool:
    return wanted.kind in (None, defined.event.kind) and wanted.parent in (
        None,
        defined.event.parent,
    )


SKUS: Final = Documents(
    name="skus",
    projection="catalog",
    first=("",),
    one=get_sku,
    some=list_skus,
    streams=_forms,
    fold=lambda events: fold(Batch(events)).skus,
    answer=lambda found, _: Defined[SkuDefined](found.event, found.version),
    keys=lambda wanted: (_SQL["skus_after"], structs.asdict(wanted)),
    matches=_sku_wanted,
    named=_stood_for,
)
"""SKUs at any pair of clocks."""

LOCATIONS: Final = Documents(
    name="locations",
    projection="catalog",
    first=("",),
    one=get_location,
    some=list_locations,
    streams=lambda location: (stream_id("location", location),),
    fold=lambda events: fold(Batch(events)).locations,
    answer=lambda found, _: Defined[LocationDefined](found.event, found.version),
    keys=lambda wanted: (_SQL["locations_after"], structs.asdict(wanted)),
    matches=_location_wanted,
)
"""Locations at any pair of clocks."""
