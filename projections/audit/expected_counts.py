"""The rows of count documents, worked out from the auditor's own books."""

from collections.abc import Iterator
from typing import Final

import msgspec

from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table


def _count(checker: Checker, key: Key) -> Found | None:
    book = checker.counted.counts.get(key[0])
    if book is None:
        return None
    asked = book.asked
    values = (
        asked.location,
        asked.kind,
        asked.blind,
        asked.approval_above,
        msgspec.json.encode(asked.skus).decode(),
        book.status,
        book.approved_by,
        book.version,
        asked.occurred_at,
        book.first,
        book.posted_at,
        book.posted_position,
        book.last,
    )
    return Found(values, book.last)


def _counts(checker: Checker) -> Iterator[tuple[Key, int]]:
    for count_id, book in checker.counted.counts.items():
        yield (count_id,), book.last


def _line(checker: Checker, key: Key) -> Found | None:
    book = checker.counted.counts.get(key[0])
    if book is None or not 0 <= key[1] < len(book.figures):
        return None
    figure = list(book.figures.values())[key[1]]
    values = (
        figure.sku,
        figure.bucket,
        book.first,
        figure.counted,
        figure.at,
        figure.expected,
        figure.approved,
        figure.posted,
        msgspec.json.encode(figure.earlier).decode(),
    )
    return Found(values, book.last)


def _lines(checker: Checker) -> Iterator[tuple[Key, int]]:
    for count_id, book in checker.counted.counts.items():
        for number in range(len(book.figures)):
            yield (count_id, number), book.last


TABLES: Final = (
    Table(
        "counts",
        "counts",
        ("",),
        (
            *("location", "kind", "blind", "approval_above", "skus", "status", "approved_by"),
            *("version", "opened_at", "opened_position", "posted_at", "posted_position"),
            "position",
        ),
        _count,
        _counts,
    ),
    Table(
        "count_lines",
        "counts",
        ("", -1),
        (
            *("sku", "bucket", "opened_position", "counted", "counted_at", "expected"),
            *("approved", "posted", "earlier"),
        ),
        _line,
        _lines,
    ),
)
