"""Writes conflicts: one statement a batch."""

from typing import Any, Final

from psycopg import Cursor

from projections.batch import Batch
from projections.conflicts.projection import Conflict, Conflicts, concerned, fold, needed
from projections.statements import LIVE, statements
from projections.wire import Int8Array, TextArray, int8s, texts

_NUMBERS: Final = frozenset(
    {
        "quantity",
        "short",
        "short_max",
        "opened_at",
        "opened_position",
        "closed_at",
        "closed_position",
        "position",
    }
)


class ConflictsView:
    """Keeps `conflicts` at the runner's position."""

    name = "conflicts"
    tables = ("conflicts",)
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE) -> None:
        """Write to the tables of one schema."""
        self._sql = statements(__package__ or "", schema)

    @property
    def remembered(self) -> int:
        """Nothing, beyond what is held back within its own limit."""
        return 0

    def forget(self) -> None:
        """Nothing is remembered between batches."""

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch makes of the conflicts it touches."""
        events = concerned(batch)
        if not events:
            return
        known: Conflicts = {}
        wanted = sorted(needed(events))
        if wanted:
            cursor.execute(self._sql["load_conflicts"], (texts(wanted),))
            known = {row[0]: Conflict(*row) for row in cursor}
        changed = fold(events, known)
        rows = [changed[key] for key in sorted(changed)]
        columns = tuple(_column(name, rows) for name in Conflict.__struct_fields__)
        cursor.execute(self._sql["save_conflicts"], columns)


def _column(name: str, rows: list[Conflict]) -> Int8Array | TextArray:
    values = [getattr(row, name) for row in rows]
    return int8s(values) if name in _NUMBERS else texts(values)
