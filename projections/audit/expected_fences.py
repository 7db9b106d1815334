"""The rows of fences and limits, as the auditor's books have them."""

from collections.abc import Iterator
from typing import Final

from projections.audit.checker import Checker
from projections.audit.fences import FencesBook
from projections.audit.table import Found, Key, Table


def _books(checker: Checker, key: Key) -> FencesBook | None:
    book = checker.stocks.get((key[0], key[1]))
    return None if book is None else book.fences


def _fence(checker: Checker, key: Key) -> Found | None:
    fences = _books(checker, key)
    fence = None if fences is None else fences.channels.get(key[2])
    if fence is None:
        return None
    values = (fence.free - fence.unwritten, fence.held + fence.unwritten, fence.last)
    return Found(values, fence.last)


def _fences(checker: Checker) -> Iterator[tuple[Key, int]]:
    for key, book in checker.stocks.items():
        for channel, fence in () if book.fences is None else book.fences.channels.items():
            yield (*key, channel), fence.last


def _hold(checker: Checker, key: Key) -> Found | None:
    fences = _books(checker, key)
    if fences is None:
        return None
    part = fences.parts.get(key[2]) or fences.lapsed.get(key[2])
    hold = checker.stocks[key[0], key[1]].holds.get(key[2])
    if part is None or hold is None or hold.hard:
        return None
    return Found((*part, hold.expires_at), hold.since)


def _holds(checker: Checker) -> Iterator[tuple[Key, int]]:
    for key, book in checker.stocks.items():
        if book.fences is None:
            continue
        for reservation_id in (*book.fences.parts, *book.fences.lapsed):
            hold = book.holds[reservation_id]
            if not hold.hard:
                yield (*key, reservation_id), hold.since


def _limit(checker: Checker, key: Key) -> Found | None:
    fences = _books(checker, key)
    if fences is None or fences.limit_at is None:
        return None
    return Found((fences.limit, fences.limit_at), fences.limit_at)


def _limits(checker: Checker) -> Iterator[tuple[Key, int]]:
    for key, book in checker.stocks.items():
        if book.fences is not None and book.fences.limit_at is not None:
            yield key, book.fences.limit_at


TABLES: Final = (
    Table("fences", "fences", ("", "", ""), ("free", "held", "position"), _fence, _fences),
    Table(
        "fence_holds",
        "fences",
        ("", "", ""),
        ("channel", "quantity", "expires_at"),
        _hold,
        _holds,
    ),
    Table("backorder_limits", "fences", ("", ""), ("units", "position"), _limit, _limits),
)
