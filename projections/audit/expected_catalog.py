"""The rows of the catalog, and of the facts that wait for it, as the auditor's books have them."""

from collections.abc import Iterator
from typing import Final

import msgspec

from projections.audit.catalog import spelled
from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table


def _sku(checker: Checker, key: Key) -> Found | None:
    book = checker.catalog.skus.get(key[0])
    if book is None:
        return None
    now = book.definitions[-1]
    packs = [
        {"name": pack.name, "factor": pack.factor} | ({} if pack.of is None else {"of": pack.of})
        for pack in now.packs
    ]
    values = (
        now.base_unit,
        now.scale,
        _text(packs),
        now.service,
        now.case_policy,
        now.sku_class,
        book.version,
        now.occurred_at,
        book.last,
    )
    return Found(values, book.last)


def _skus(checker: Checker) -> Iterator[tuple[Key, int]]:
    for sku, book in checker.catalog.skus.items():
        yield (sku,), book.last


def _location(checker: Checker, key: Key) -> Found | None:
    book = checker.catalog.locations.get(key[0])
    if book is None:
        return None
    now = book.definition
    authority = [{"fact": one.fact, "sources": one.sources} for one in now.authority]
    values = (
        now.kind,
        now.time_zone,
        now.sells,
        now.parent,
        _text(authority),
        list(now.tags),
        book.version,
        now.occurred_at,
        book.last,
    )
    return Found(values, book.last)


def _locations(checker: Checker) -> Iterator[tuple[Key, int]]:
    for location, book in checker.catalog.locations.items():
        yield (location,), book.last


def _fact(checker: Checker, key: Key) -> Found | None:
    book = checker.catalog.waiting.get(key[0])
    if book is None:
        return None
    forms = spelled(book.sku, "upper"), spelled(book.sku, "fold")
    return Found((book.location, book.sku, *forms, book.position), book.position)


def _facts(checker: Checker) -> Iterator[tuple[Key, int]]:
    for conflict_id, book in checker.catalog.waiting.items():
        yield (conflict_id,), book.position


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


_PLACE: Final = ("version", "defined_at", "position")

TABLES: Final = (
    Table(
        "catalog_skus",
        "catalog",
        ("",),
        ("base_unit", "scale", "packs", "service", "case_policy", "class", *_PLACE),
        _sku,
        _skus,
    ),
    Table(
        "catalog_locations",
        "catalog",
        ("",),
        ("kind", "time_zone", "sells", "parent", "authority", "tags", *_PLACE),
        _location,
        _locations,
    ),
    Table(
        "catalog_parked",
        "catalog",
        ("",),
        ("location", "sku", "sku_upper", "sku_fold", "position"),
        _fact,
        _facts,
    ),
)
