"""Writes fences, the soft holds that have a part of one, and limits: one statement each."""

from typing import Any, Final

from psycopg import Cursor

from projections.batch import Batch
from projections.fences.projection import Changes, fold
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_KEY: Final = range(3)


class FencesView:
    """Keeps `fences`, `fence_holds` and `backorder_limits` at the runner's position."""

    name = "fences"
    tables = ("fences", "fence_holds", "backorder_limits")
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE) -> None:
        """Write to the tables of one schema."""
        self._sql = statements(__package__ or "", schema)

    @property
    def remembered(self) -> int:
        """Nothing."""
        return 0

    def forget(self) -> None:
        """Nothing is remembered between batches."""

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch comes to."""
        changes = fold(batch)
        if changes.fences:
            self._write_fences(cursor, changes)
        if changes.holds:
            self._write_holds(cursor, changes)
        if changes.limits:
            self._write_limits(cursor, changes)

    def _write_fences(self, cursor: Cursor[Any], changes: Changes) -> None:
        keys = sorted(changes.fences)
        rows = [changes.fences[key] for key in keys]
        cursor.execute(
            self._sql["add_to_fences"],
            (
                *(texts([key[place] for key in keys]) for place in _KEY),
                int8s([row.free for row in rows]),
                int8s([row.held for row in rows]),
                int8s([row.position for row in rows]),
            ),
        )

    def _write_holds(self, cursor: Cursor[Any], changes: Changes) -> None:
        """Most holds have nothing of a fence: where no hold has, there is nothing to look for."""
        if not any(hold.quantity for hold in changes.holds.values()):
            cursor.execute(self._sql["any_holds"])
            if cursor.fetchone() is None:
                return
        keys = sorted(changes.holds)
        rows = [changes.holds[key] for key in keys]
        cursor.execute(
            self._sql["change_holds"],
            (
                *(texts([key[place] for key in keys]) for place in _KEY),
                texts([row.channel for row in rows]),
                int8s([row.quantity for row in rows]),
                int8s([row.expires_at for row in rows]),
                int8s([int(row.gone) for row in rows]),
            ),
        )

    def _write_limits(self, cursor: Cursor[Any], changes: Changes) -> None:
        keys = sorted(changes.limits)
        cursor.execute(
            self._sql["set_limits"],
            (
                texts([location for location, _ in keys]),
                texts([sku for _, sku in keys]),
                int8s([changes.limits[key][0] for key in keys]),
                int8s([changes.limits[key][1] for key in keys]),
            ),
        )
