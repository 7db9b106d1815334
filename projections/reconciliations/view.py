"""Writes reconciliations, their locations and their proposals: one statement for each table."""

from typing import Any, Final

import msgspec
from psycopg import Cursor

from ledger.domain.events import ReconciliationRecorded
from projections.batch import Batch
from projections.reconciliations.projection import Changes, Progress, concerned, fold, needed
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_encode: Final = msgspec.json.Encoder().encode


class ReconciliationsView:
    """Keeps three tables at the runner's position."""

    name = "reconciliations"
    tables = ("reconciliations", "reconciliation_locations", "reconciliation_lines")
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
        """Write what a batch makes of the reconciliations it touches."""
        events = concerned(batch)
        if not events:
            return
        changes = fold(events, self._load(cursor, sorted(needed(events))))
        begun = {key: one for key, one in changes.progress.items() if one.recorded is not None}
        gone_on = {key: one for key, one in changes.progress.items() if one.recorded is None}
        if begun:
            self._insert(cursor, begun)
        if gone_on:
            self._update(cursor, gone_on)
        self._write_locations(cursor, changes)
        self._write_lines(cursor, changes)

    def _load(self, cursor: Cursor[Any], wanted: list[str]) -> dict[str, Progress]:
        if not wanted:
            return {}
        cursor.execute(self._sql["load_progress"], (texts(wanted),))
        return {
            key: Progress(version=version, proposed=proposed, approved=approved, position=position)
            for key, version, proposed, approved, position in cursor
        }

    def _insert(self, cursor: Cursor[Any], begun: dict[str, Progress]) -> None:
        rows = list(begun.values())
        found = [_recorded(row) for row in rows]
        cursor.execute(
            self._sql["insert_reconciliations"],
            (
                texts(list(begun)),
                texts([one.source for one in found]),
                texts([one.measure for one in found]),
                texts([_encode(one.tally).decode() for one in found]),
                texts([one.content for one in found]),
                int8s([one.as_of for one in found]),
                int8s([one.known_position for one in found]),
                int8s([one.cut_position for one in found]),
                int8s([one.horizon for one in found]),
                int8s([one.tolerance_units for one in found]),
                int8s([one.tolerance_per_mille for one in found]),
                int8s([int(one.complete) for one in found]),
                int8s([int(one.alert) for one in found]),
                int8s([one.keys_elsewhere for one in found]),
                int8s([one.proposals for one in found]),
                int8s([one.proposals_left_out for one in found]),
                int8s([row.approved for row in rows]),
                int8s([row.version for row in rows]),
                int8s([one.occurred_at for one in found]),
                int8s([row.recorded_position for row in rows]),
                int8s([row.position for row in rows]),
            ),
        )

    def _update(self, cursor: Cursor[Any], gone_on: dict[str, Progress]) -> None:
        rows = list(gone_on.values())
        cursor.execute(
            self._sql["update_reconciliations"],
            (
                texts(list(gone_on)),
                int8s([row.approved for row in rows]),
                int8s([row.version for row in rows]),
                int8s([row.position for row in rows]),
            ),
        )

    def _write_locations(self, cursor: Cursor[Any], changes: Changes) -> None:
        if not changes.locations:
            return
        begun = [(changes.progress[key], key, one) for key, one in changes.locations]
        cursor.execute(
            self._sql["insert_locations"],
            (
                texts([key for _, key, _ in begun]),
                texts([one.location for _, _, one in begun]),
                texts([_recorded(row).source for row, _, _ in begun]),
                texts([_encode(one.tally).decode() for _, _, one in begun]),
                int8s([int(one.tally.beyond > 0) for _, _, one in begun]),
                int8s([row.recorded_position for row, _, _ in begun]),
            ),
        )

    def _write_lines(self, cursor: Cursor[Any], changes: Changes) -> None:
        if changes.lines:
            cursor.execute(
                self._sql["insert_lines"],
                (
                    texts([one.reconciliation_id for one in changes.lines]),
                    texts([one.line.sku for one in changes.lines]),
                    texts([one.line.location for one in changes.lines]),
                    int8s([one.place for one in changes.lines]),
                    int8s([one.line.theirs for one in changes.lines]),
                    int8s([one.line.ours for one in changes.lines]),
                    int8s([one.line.delta for one in changes.lines]),
                ),
            )
        if changes.approved:
            keys, skus, locations, positions = zip(*changes.approved, strict=True)
            cursor.execute(
                self._sql["approve_lines"],
                (texts(keys), texts(skus), texts(locations), int8s(positions)),
            )


def _recorded(progress: Progress) -> ReconciliationRecorded:
    assert progress.recorded is not None, "the batch begins with it"
    return progress.recorded
