"""Row for row: the present, as the projections keep it, against the auditor's books."""

from collections.abc import Callable
from typing import Any

from ledger.domain.laws import Breach
from projections.audit.checker import Checker
from projections.audit.log import Source, wait_for
from projections.audit.table import Key, Table, Values

Advance = Callable[[int], None]
"""Takes the checker on to a position, because a projection has got there."""


def compare(
    source: Source, checker: Checker, table: Table, advance: Advance, timeout_s: float
) -> int:
    """Compare a table with the books, page by page; the number of rows compared.

    The ledger may grow meanwhile. A page comes with the position it reflects; the books are
    brought to that position before they are compared.
    """
    began = wait_for(source, table.projection, checker.place.position, timeout_s)
    seen: set[Key] = set()
    key = table.start
    while page := _page(source, table, key, checker, timeout_s):
        advance(page[0][0])
        for row in page:
            key, values = row[1 : len(table.start) + 1], row[len(table.start) + 1 :]
            seen.add(key)
            _judge(checker, table, key, values)
    _missing(checker, table, seen, began)
    return len(seen)


def _page(
    source: Source, table: Table, after: Key, checker: Checker, timeout_s: float
) -> list[tuple[Any, ...]]:
    """The next rows, each with the position the table reflects."""
    while True:
        rows = source.all(table.name, (*after, source.page_rows))
        if not rows or rows[0][0] >= checker.place.position:
            return [row for row in rows if row[1] is not None]
        # Another projection was ahead when its page was read; this one is about to follow.
        wait_for(source, table.projection, checker.place.position, timeout_s)


def _judge(checker: Checker, table: Table, key: Key, values: Values) -> None:
    found = table.find(checker, key)
    if found is None:
        position = _own_position(table, values) or checker.place.position
        what = f"projection {table.name} has a row {_named(key)} that no event explains"
        checker.found([Breach(12, position, what)])
    elif found.values != values:
        differences = ", ".join(
            f"{column} is {value!r}, the events say {expected!r}"
            for column, value, expected in zip(table.columns, values, found.values, strict=True)
            if value != expected
        )
        what = f"projection {table.name}, row {_named(key)}: {differences}"
        checker.found([Breach(12, found.position, what)])


def _own_position(table: Table, values: Values) -> int | None:
    if "position" not in table.columns:
        return None
    return int(values[table.columns.index("position")])


def _missing(checker: Checker, table: Table, seen: set[Key], began: int) -> None:
    """Rows that were due before the first page was read, and were in none."""
    for key, position in table.keys(checker):
        if position <= began and key not in seen:
            what = f"projection {table.name} has no row {_named(key)}"
            checker.found([Breach(12, position, what)])


def _named(key: Key) -> str:
    return "/".join(str(part) for part in key)
