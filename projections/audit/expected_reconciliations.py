"""The rows of reconciliations, worked out from the auditor's own books."""

from collections.abc import Iterator
from typing import Final

import msgspec

from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table


def _found(checker: Checker, key: Key) -> Found | None:
    book = checker.reconciled.found.get(key[0])
    if book is None:
        return None
    told = book.told
    approved = sum(line.approved_position is not None for line in book.lines.values())
    values = (
        *(told.source, told.as_of, told.known_position, told.cut_position, told.horizon),
        *(told.measure, told.tolerance_units, told.tolerance_per_mille, told.complete),
        *(told.alert, msgspec.json.encode(told.tally).decode(), told.keys_elsewhere),
        *(told.proposals, told.proposals_left_out, approved, told.content, book.version),
        *(told.occurred_at, book.first, book.last),
    )
    return Found(values, book.last)


def _all(checker: Checker) -> Iterator[tuple[Key, int]]:
    for reconciliation_id, book in checker.reconciled.found.items():
        yield (reconciliation_id,), book.last


def _place(checker: Checker, key: Key) -> Found | None:
    book = checker.reconciled.found.get(key[0])
    tally = None if book is None else book.places.get(key[1])
    if book is None or tally is None:
        return None
    text = msgspec.json.encode(tally).decode()
    return Found((book.told.source, tally.beyond > 0, text, book.first), book.first)


def _places(checker: Checker) -> Iterator[tuple[Key, int]]:
    for reconciliation_id, book in checker.reconciled.found.items():
        for location in book.places:
            yield (reconciliation_id, location), book.first


def _line(checker: Checker, key: Key) -> Found | None:
    book = checker.reconciled.found.get(key[0])
    if book is None or not 0 <= key[1] < len(book.order):
        return None
    found = book.order[key[1]]
    line = found.line
    values = (line.sku, line.location, line.theirs, line.ours, line.delta, found.approved_position)
    return Found(values, book.last)


def _lines(checker: Checker) -> Iterator[tuple[Key, int]]:
    for reconciliation_id, book in checker.reconciled.found.items():
        for number in range(len(book.order)):
            yield (reconciliation_id, number), book.last


TABLES: Final = (
    Table(
        "reconciliations",
        "reconciliations",
        ("",),
        (
            *("source", "as_of", "known_position", "cut_position", "horizon", "measure"),
            *("tolerance_units", "tolerance_per_mille", "complete", "alert", "tally"),
            *("keys_elsewhere", "proposals", "proposals_left_out", "approved", "content"),
            *("version", "recorded_at", "recorded_position", "position"),
        ),
        _found,
        _all,
    ),
    Table(
        "reconciliation_locations",
        "reconciliations",
        ("", ""),
        ("source", "alert", "tally", "recorded_position"),
        _place,
        _places,
    ),
    Table(
        "reconciliation_lines",
        "reconciliations",
        ("", -1),
        ("sku", "location", "theirs", "ours", "delta", "approved_position"),
        _line,
        _lines,
    ),
)
