"""Writes transfers and their lines: one statement for each table."""

from typing import Any, Final

from psycopg import Cursor

from ledger.domain.transfer import Totals
from projections.batch import Batch
from projections.statements import LIVE, statements
from projections.transfers.projection import Transfer, Transfers, concerned, fold, needed
from projections.wire import int8s, texts

_TEXTS: Final = ("transfer_id", "from_location", "to_location", "status")
_NUMBERS: Final = ("requested_at", "requested_position", "version", "position")
_LINE_NUMBERS: Final = ("requested", "dispatched", "received", "damaged", "lost", "returned")


class TransfersView:
    """Keeps `transfers` and `transfer_lines` at the runner's position."""

    name = "transfers"
    tables = ("transfers", "transfer_lines")
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
        """Write what a batch makes of the transfers it touches."""
        events = concerned(batch)
        if not events:
            return
        known = self._load(cursor, sorted(needed(events)))
        changed = fold(events, known)
        self._write(cursor, [changed[key] for key in sorted(changed)])

    def _load(self, cursor: Cursor[Any], wanted: list[str]) -> Transfers:
        known: Transfers = {}
        if not wanted:
            return known
        ids = texts(wanted)
        cursor.execute(self._sql["load_transfers"], (ids,))
        for row in cursor:
            known[row[0]] = Transfer(*row)
        cursor.execute(self._sql["load_lines"], (ids,))
        for transfer_id, sku, *numbers in cursor:
            amounts = dict(zip(_LINE_NUMBERS, numbers, strict=True))
            known[transfer_id].lines[sku] = Totals(sku=sku, **amounts)
        return known

    def _write(self, cursor: Cursor[Any], rows: list[Transfer]) -> None:
        cursor.execute(
            self._sql["save_transfers"],
            (
                *(texts([getattr(row, name) for row in rows]) for name in _TEXTS),
                *(int8s([getattr(row, name) for row in rows]) for name in _NUMBERS),
            ),
        )
        lines = [
            (row, place, line) for row in rows for place, line in enumerate(row.lines.values())
        ]
        cursor.execute(
            self._sql["save_lines"],
            (
                texts([row.transfer_id for row, _, _ in lines]),
                int8s([place for _, place, _ in lines]),
                texts([line.sku for _, _, line in lines]),
                int8s([row.requested_position for row, _, _ in lines]),
                *(int8s([getattr(line, name) for _, _, line in lines]) for name in _LINE_NUMBERS),
            ),
        )
