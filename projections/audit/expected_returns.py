"""The rows of returns and orders, worked out from the auditor's own books."""

from collections.abc import Iterator
from typing import Final

import msgspec

from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table


def _return(checker: Checker, key: Key) -> Found | None:
    book = checker.paper.returns.get(key[0])
    if book is None:
        return None
    values = (
        book.order,
        book.status,
        book.version,
        book.authorised_at,
        book.first,
        book.closed_at,
        book.last,
    )
    return Found(values, book.last)


def _returns(checker: Checker) -> Iterator[tuple[Key, int]]:
    for return_id, book in checker.paper.returns.items():
        yield (return_id,), book.last


def _line(checker: Checker, key: Key) -> Found | None:
    book = checker.paper.returns.get(key[0])
    if book is None or not 0 <= key[1] < len(book.lines):
        return None
    sku, page = list(book.lines.items())[key[1]]
    values = (
        sku,
        book.first,
        page.authorised,
        page.received,
        page.waived,
        *(msgspec.json.encode(amounts).decode() for amounts in (page.grades, page.fates, page.at)),
    )
    return Found(values, book.last)


def _lines(checker: Checker) -> Iterator[tuple[Key, int]]:
    for return_id, book in checker.paper.returns.items():
        for number in range(len(book.lines)):
            yield (return_id, number), book.last


def _order(checker: Checker, key: Key) -> Found | None:
    book = checker.paper.orders.get((key[0], key[1]))
    if book is None:
        return None
    conflict_id = None if book.conflict is None else book.conflict.conflict_id
    return Found((book.sold, book.returned, conflict_id, book.first, book.last), book.last)


def _orders(checker: Checker) -> Iterator[tuple[Key, int]]:
    for key, book in checker.paper.orders.items():
        yield key, book.last


TABLES: Final = (
    Table(
        "returns",
        "returns",
        ("",),
        (
            *("order_ref", "status", "version", "authorised_at", "authorised_position"),
            *("closed_at", "position"),
        ),
        _return,
        _returns,
    ),
    Table(
        "return_lines",
        "returns",
        ("", -1),
        (
            *("sku", "authorised_position", "authorised", "received", "waived"),
            *("grades", "dispositions", "at"),
        ),
        _line,
        _lines,
    ),
    Table(
        "order_lines",
        "returns",
        ("", ""),
        ("sold", "returned", "conflict_id", "first_position", "position"),
        _order,
        _orders,
    ),
)
