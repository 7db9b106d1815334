"""Questions about definitions, and about the facts that wait for them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger.domain.catalog import canonical
from ledger.domain.events import Authority, LocationDefined, Pack, SkuDefined
from projections.catalog.answers import Defined, Found, Page
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_packs: Final = msgspec.json.Decoder(tuple[Pack, ...]).decode
_authority: Final = msgspec.json.Decoder(tuple[Authority, ...]).decode


class Place(Struct, frozen=True, array_like=True):
    """The last code of a page."""

    after: str


async def get_sku(pool: Pool, code: str) -> Found[SkuDefined]:
    """The SKU that a code stands for."""
    forms = {"upper": canonical(code, "upper"), "fold": canonical(code, "fold")}
    rows = await _rows(pool, "get_sku", {"sku": code, **forms})
    position, *row = rows[0]
    return Found(defined=None if row[0] is None else _sku(row), position=position)


async def get_skus(pool: Pool, codes: list[str]) -> dict[str, SkuDefined]:
    """The SKUs that codes stand for, as they are defined now; undefined ones are left out."""
    forms = {
        "skus": codes,
        "upper": [canonical(code, "upper") for code in codes],
        "fold": [canonical(code, "fold") for code in codes],
    }
    rows = await _rows(pool, "get_skus", forms)
    return {codes[place - 1]: _sku(row).event for place, *row in rows}


async def get_location(pool: Pool, code: str) -> Found[LocationDefined]:
    """The location of a code."""
    rows = await _rows(pool, "get_location", {"location": code})
    position, *row = rows[0]
    return Found(defined=None if row[0] is None else _location(row), position=position)


async def list_skus(
    pool: Pool, *, service: bool | None, cursor: str | None = None, limit: int = 100
) -> Page[SkuDefined]:
    """A page of SKUs by code."""
    wanted = {"service": service, "after": _after(cursor), "limit": limit + 1}
    rows = await _rows(pool, "list_skus", wanted)
    items = [_sku(row) for _, *row in rows if row[0] is not None]
    last = items[limit - 1].event.sku if len(items) > limit else None
    return Page(items=items[:limit], position=rows[0][0], next_cursor=_cursor(last))


async def list_locations(
    pool: Pool,
    *,
    kind: str | None,
    parent: str | None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[LocationDefined]:
    """A page of locations by code."""
    wanted = {"kind": kind, "parent": parent, "after": _after(cursor), "limit": limit + 1}
    rows = await _rows(pool, "list_locations", wanted)
    items = [_location(row) for _, *row in rows if row[0] is not None]
    last = items[limit - 1].event.location if len(items) > limit else None
    return Page(items=items[:limit], position=rows[0][0], next_cursor=_cursor(last))


async def last_definition(pool: Pool) -> int:
    """The position of the newest definition; 0 where there is none."""
    return int((await _rows(pool, "last_definition", {}))[0][0])


async def due(pool: Pool, *, strict: bool, limit: int) -> list[str]:
    """Conflicts whose parked facts can be recorded now, the first parked first."""
    rows = await _rows(pool, "due", {"open": not strict, "limit": limit})
    return [row[0] for row in rows]


async def _rows(pool: Pool, name: str, wanted: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL[name], wanted, prepare=False)
        return await cursor.fetchall()


def _after(cursor: str | None) -> str:
    return "" if cursor is None else decode(cursor, Place).after


def _cursor(last: str | None) -> str | None:
    return None if last is None else encode(Place(last))


def _sku(row: list[Any]) -> Defined[SkuDefined]:
    sku, base_unit, scale, packs, service, case_policy, version, defined_at = row
    event = SkuDefined(
        occurred_at=defined_at,
        sku=sku,
        base_unit=base_unit,
        scale=scale,
        packs=_packs(packs),
        service=service,
        case_policy=case_policy,
    )
    return Defined(event, version)


def _location(row: list[Any]) -> Defined[LocationDefined]:
    location, kind, time_zone, sells, parent, authority, version, defined_at = row
    event = LocationDefined(
        occurred_at=defined_at,
        location=location,
        kind=kind,
        time_zone=time_zone,
        sells=sells,
        parent=parent,
        authority=_authority(authority),
    )
    return Defined(event, version)
