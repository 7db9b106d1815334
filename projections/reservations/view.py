"""Writes reservations and their lines: one statement for each table."""

from typing import Any, Final

from psycopg import Cursor

from projections.batch import Batch
from projections.reservations.projection import (
    Line,
    Reservation,
    Reservations,
    concerned,
    fold,
    needed,
)
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_TEXTS: Final = ("reservation_id", "channel", "kind", "policy")
_TEXTS_LATE: Final = ("ended_by", "status")
_NUMBERS: Final = ("version", "placed_at", "placed_position", "position")
_LINE_NUMBERS: Final = ("requested", "granted", "open", "fulfilled", "released", "expired")


class ReservationsView:
    """Keeps `reservations` and `reservation_lines` at the runner's position."""

    name = "reservations"
    tables = ("reservations", "reservation_lines")
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
        """Write what a batch makes of the reservations it touches."""
        events = concerned(batch)
        if not events:
            return
        known = self._load(cursor, sorted(needed(events)))
        changed = fold(events, known)
        self._write(cursor, [changed[key] for key in sorted(changed)])

    def _load(self, cursor: Cursor[Any], wanted: list[str]) -> Reservations:
        known: Reservations = {}
        if not wanted:
            return known
        ids = texts(wanted)
        cursor.execute(self._sql["load_reservations"], (ids,))
        for row in cursor:
            known[row[0]] = Reservation(*row)
        cursor.execute(self._sql["load_lines"], (ids,))
        for reservation_id, *line in cursor:
            known[reservation_id].lines.append(Line(*line))
        return known

    def _write(self, cursor: Cursor[Any], rows: list[Reservation]) -> None:
        cursor.execute(
            self._sql["save_reservations"],
            (
                int8s([row.confirmed for row in rows]),
                *(texts([getattr(row, name) for row in rows]) for name in _TEXTS),
                int8s([row.expires_at for row in rows]),
                int8s([row.open for row in rows]),
                int8s([row.fulfilled for row in rows]),
                *(texts([getattr(row, name) for row in rows]) for name in _TEXTS_LATE),
                *(int8s([getattr(row, name) for row in rows]) for name in _NUMBERS),
            ),
        )
        lines = [(row, place, line) for row in rows for place, line in enumerate(row.lines)]
        cursor.execute(
            self._sql["save_lines"],
            (
                texts([row.reservation_id for row, _, _ in lines]),
                int8s([place for _, place, _ in lines]),
                texts([line.location for _, _, line in lines]),
                texts([line.sku for _, _, line in lines]),
                int8s([row.placed_position for row, _, _ in lines]),
                *(int8s([getattr(line, name) for _, _, line in lines]) for name in _LINE_NUMBERS),
            ),
        )
