"""The rows of transfers as the auditor's books have them."""

from collections.abc import Iterator
from typing import Final

from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table


def _transfer(checker: Checker, key: Key) -> Found | None:
    book = checker.transit.transfers.get(key[0])
    if book is None:
        return None
    values = (
        book.from_location,
        book.to_location,
        book.status,
        book.requested_at,
        book.first,
        book.version,
        book.last,
    )
    return Found(values, book.last)


def _transfers(checker: Checker) -> Iterator[tuple[Key, int]]:
    for transfer_id, book in checker.transit.transfers.items():
        yield (transfer_id,), book.last


def _line(checker: Checker, key: Key) -> Found | None:
    book = checker.transit.transfers.get(key[0])
    if book is None or not 0 <= key[1] < len(book.lines):
        return None
    sku, line = list(book.lines.items())[key[1]]
    values = (sku, book.first, line.requested, line.dispatched, *line.reported.values())
    return Found(values, book.last)


def _lines(checker: Checker) -> Iterator[tuple[Key, int]]:
    for transfer_id, book in checker.transit.transfers.items():
        for number in range(len(book.lines)):
            yield (transfer_id, number), book.last


TABLES: Final = (
    Table(
        "transfers",
        "transfers",
        ("",),
        (
            *("from_location", "to_location", "status", "requested_at", "requested_position"),
            *("version", "position"),
        ),
        _transfer,
        _transfers,
    ),
    Table(
        "transfer_lines",
        "transfers",
        ("", -1),
        (
            *("sku", "requested_position", "requested", "dispatched"),
            *("received", "damaged", "lost", "returned"),
        ),
        _line,
        _lines,
    ),
)
