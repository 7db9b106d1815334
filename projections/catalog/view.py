"""Writes definitions and parked facts: at most one statement a table and batch."""

from typing import Any, Final

import msgspec
from psycopg import Cursor

from ledger.domain.events import LocationDefined, SkuDefined
from ledger.recorded import Recorded
from projections.batch import Batch
from projections.catalog.projection import Parked, fold
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_json: Final = msgspec.json.Encoder().encode


class CatalogView:
    """Keeps `catalog_skus`, `catalog_locations` and `catalog_parked` at the runner's position."""

    name = "catalog"
    tables = ("catalog_skus", "catalog_locations", "catalog_parked")
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE) -> None:
        """Write to the tables of one schema."""
        self._sql = statements(__package__ or "", schema)

    @property
    def remembered(self) -> int:
        """Nothing between batches."""
        return 0

    def forget(self) -> None:
        """Nothing is remembered between batches."""

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch makes of the catalog."""
        changes = fold(batch)
        if changes.skus:
            cursor.execute(self._sql["save_skus"], _skus(list(changes.skus.values())))
        if changes.locations:
            columns = _locations(list(changes.locations.values()))
            cursor.execute(self._sql["save_locations"], columns)
        if changes.parked:
            cursor.execute(self._sql["save_parked"], _parked(list(changes.parked.values())))
        if changes.ended:
            cursor.execute(self._sql["drop_parked"], (texts(sorted(changes.ended)),))


def _skus(rows: list[Recorded]) -> tuple[Any, ...]:
    events = [row.event for row in rows if isinstance(row.event, SkuDefined)]
    return (
        texts(event.sku for event in events),
        texts(event.base_unit for event in events),
        int8s([event.scale for event in events]),
        texts(_json(event.packs).decode() for event in events),
        int8s([int(event.service) for event in events]),
        texts(event.case_policy for event in events),
        texts(event.sku_class for event in events),
        *_places(rows),
    )


def _locations(rows: list[Recorded]) -> tuple[Any, ...]:
    events = [row.event for row in rows if isinstance(row.event, LocationDefined)]
    return (
        texts(event.location for event in events),
        texts(event.kind for event in events),
        texts(event.time_zone for event in events),
        int8s([int(event.sells) for event in events]),
        texts(event.parent for event in events),
        texts(_json(event.authority).decode() for event in events),
        texts(_json(event.tags).decode() for event in events),
        *_places(rows),
    )


def _places(rows: list[Recorded]) -> tuple[Any, ...]:
    return (
        int8s([row.version for row in rows]),
        int8s([row.event.occurred_at for row in rows]),
        int8s([row.position for row in rows]),
    )


def _parked(rows: list[Parked]) -> tuple[Any, ...]:
    names = ("conflict_id", "location", "sku", "sku_upper", "sku_fold")
    columns = [texts(getattr(row, name) for row in rows) for name in names]
    return (*columns, int8s([row.position for row in rows]))
