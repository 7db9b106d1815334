"""Writes count documents and their lines: one statement for each table."""

from typing import Any, Final

import msgspec
from psycopg import Cursor

from ledger.domain.count import CountDocument, CountLine
from ledger.domain.events import CountOpened
from ledger.domain.outcomes import EarlierFigure
from projections.batch import Batch
from projections.counts.projection import Count, Counts, concerned, fold, needed
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_encode: Final = msgspec.json.Encoder().encode
_skus: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_figures: Final = msgspec.json.Decoder(tuple[EarlierFigure, ...]).decode

COLUMNS: Final = 14
"""Of a document's row, before those of its lines."""


class CountsView:
    """Keeps `counts` and `count_lines` at the runner's position."""

    name = "counts"
    tables = ("counts", "count_lines")
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
        """Write what a batch makes of the documents it touches."""
        events = concerned(batch)
        if not events:
            return
        changed = fold(events, self._load(cursor, sorted(needed(events))))
        self._write(cursor, [changed[key] for key in sorted(changed)])

    def _load(self, cursor: Cursor[Any], wanted: list[str]) -> Counts:
        if not wanted:
            return {}
        ids = texts(wanted)
        cursor.execute(self._sql["load_lines"], (ids,))
        lines: dict[str, list[CountLine]] = {}
        for count_id, *line in cursor:
            lines.setdefault(count_id, []).append(line_of(line))
        cursor.execute(self._sql["load_counts"], (ids,))
        return {row[0]: count_of(row, lines.get(row[0], [])) for row in cursor}

    def _write(self, cursor: Cursor[Any], rows: list[Count]) -> None:
        documents = [row.document for row in rows]
        asked = [document.opened for document in documents]
        cursor.execute(
            self._sql["save_counts"],
            (
                texts([document.count_id for document in documents]),
                texts([one.location for one in asked]),
                texts([one.kind for one in asked]),
                texts([_encode(one.skus).decode() for one in asked]),
                texts([document.status for document in documents]),
                texts([document.approved_by for document in documents]),
                int8s([int(one.blind) for one in asked]),
                int8s([one.approval_above for one in asked]),
                int8s([document.version for document in documents]),
                int8s([one.occurred_at for one in asked]),
                int8s([row.opened_position for row in rows]),
                int8s([row.posted_at for row in rows]),
                int8s([row.posted_position for row in rows]),
                int8s([row.position for row in rows]),
            ),
        )
        self._write_lines(
            cursor,
            [
                (row, place, line)
                for row in rows
                for place, line in enumerate(row.document.lines.values())
            ],
        )

    def _write_lines(self, cursor: Cursor[Any], lines: list[tuple[Count, int, CountLine]]) -> None:
        cursor.execute(
            self._sql["save_lines"],
            (
                texts([row.document.count_id for row, _, _ in lines]),
                texts([line.sku for _, _, line in lines]),
                texts([line.bucket for _, _, line in lines]),
                texts([_encode(line.earlier).decode() for _, _, line in lines]),
                int8s([place for _, place, _ in lines]),
                int8s([row.opened_position for row, _, _ in lines]),
                int8s([line.counted for _, _, line in lines]),
                int8s([line.counted_at for _, _, line in lines]),
                int8s([line.expected for _, _, line in lines]),
                int8s([int(line.approved) for _, _, line in lines]),
                int8s([int(line.posted) for _, _, line in lines]),
            ),
        )


def line_of(row: Any) -> CountLine:
    """A line from its columns."""
    sku, bucket, counted, counted_at, expected, approved, posted, earlier = row
    return CountLine(
        sku=sku,
        bucket=bucket,
        counted=counted,
        counted_at=counted_at,
        expected=expected,
        approved=approved,
        posted=posted,
        earlier=_figures(earlier),
    )


def count_of(row: Any, lines: list[CountLine]) -> Count:
    """A document from its columns and its lines."""
    count_id, location, kind, blind, above, skus, status, approved_by, version, *rest = row
    opened_at, opened_position, posted_at, posted_position, position = rest
    opened = CountOpened(
        occurred_at=opened_at,
        count_id=count_id,
        location=location,
        kind=kind,
        skus=_skus(skus),
        blind=blind,
        approval_above=above,
    )
    document = CountDocument(
        count_id=count_id,
        version=version,
        opened=opened,
        lines={line.key: line for line in lines},
        approved_by=approved_by,
        posted=posted_at is not None,
        cancelled=status == "cancelled",
    )
    return Count(document, opened_position, posted_at, posted_position, position)
