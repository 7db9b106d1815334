"""The rows that every projection must hold, worked out from the auditor's own books."""

from collections.abc import Iterator
from typing import Final

from projections.audit import (
    expected_catalog,
    expected_channels,
    expected_counts,
    expected_fences,
    expected_periods,
    expected_reconciliations,
    expected_returns,
    expected_transfers,
)
from projections.audit.books import ConflictBook, Hold, LineBook, ReservationBook, StockBook
from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table

# --- stock ----------------------------------------------------------------------------------------


def _stock(checker: Checker, key: Key) -> Found | None:
    """A stock may have no event of its own, and yet units that are on their way to it."""
    book: StockBook | None = checker.stocks.get((key[0], key[1]))
    way = checker.transit.ways.get((key[0], key[1]))
    under_way, last = (0, 0) if way is None else (way.quantity, way.last)
    if book is not None:
        own = (book.recorded, book.version, book.last, book.effective_at)
        return Found((*book.levels.values(), *own, under_way), max(book.last, last))
    return None if way is None else Found((*_NOTHING, under_way), last)


def _stocks(checker: Checker) -> Iterator[tuple[Key, int]]:
    for key, book in checker.stocks.items():
        yield key, book.last
    for key, way in checker.transit.ways.items():
        if key not in checker.stocks:
            yield key, way.last


def _hold(checker: Checker, key: Key) -> Found | None:
    book = checker.stocks.get((key[0], key[1]))
    hold: Hold | None = book.holds.get(key[2]) if book is not None else None
    if hold is None or hold.hard:
        return None
    return Found((hold.units, hold.expires_at), hold.since)


def _holds(checker: Checker) -> Iterator[tuple[Key, int]]:
    for key, book in checker.stocks.items():
        for reservation_id, hold in book.holds.items():
            if not hold.hard:
                yield (*key, reservation_id), hold.since


# --- reservations ---------------------------------------------------------------------------------


def status_of(book: ReservationBook, still_open: int, fulfilled: int) -> str:
    """Where a reservation stands as recorded."""
    if still_open == 0:
        return book.ended_by
    if fulfilled:
        return "partially_fulfilled"
    return "confirmed" if book.confirmed else "placed"


def _reservation(checker: Checker, key: Key) -> Found | None:
    book = checker.reservations.get(key[0])
    if book is None or not book.kind:
        return None
    still_open = sum(line.open for line in book.lines.values())
    fulfilled = sum(line.fulfilled for line in book.lines.values())
    values = (
        book.channel,
        book.kind,
        book.confirmed,
        book.policy,
        book.expires_at,
        still_open,
        fulfilled,
        book.ended_by,
        status_of(book, still_open, fulfilled),
        book.version,
        book.placed_at,
        book.placed_position,
        book.last,
    )
    return Found(values, book.last)


def _reservations(checker: Checker) -> Iterator[tuple[Key, int]]:
    for reservation_id, book in checker.reservations.items():
        if book.kind:
            yield (reservation_id,), book.last


def _line(checker: Checker, key: Key) -> Found | None:
    book = checker.reservations.get(key[0])
    if book is None or not 0 <= key[1] < len(book.lines):
        return None
    (location, sku), line = _nth(book, key[1])
    values = (
        location,
        sku,
        book.placed_position,
        line.requested,
        line.granted,
        line.open,
        line.fulfilled,
        line.released,
        line.expired,
    )
    return Found(values, book.last)


def _nth(book: ReservationBook, place: int) -> tuple[tuple[str, str], LineBook]:
    for number, item in enumerate(book.lines.items()):
        if number == place:
            return item
    raise IndexError(place)


def _lines(checker: Checker) -> Iterator[tuple[Key, int]]:
    for reservation_id, book in checker.reservations.items():
        for number in range(len(book.lines)):
            yield (reservation_id, number), book.last


# --- conflicts ------------------------------------------------------------------------------------


def _conflict(checker: Checker, key: Key) -> Found | None:
    book: ConflictBook | None = checker.conflicts.get(key[0])
    if book is None:
        return None
    values = (
        book.kind,
        book.location,
        book.sku,
        book.bucket,
        book.reservation_id,
        book.quantity,
        book.order,
        book.movement,
        book.short,
        book.short_max,
        book.status,
        book.resolution,
        book.note,
        book.opened_at,
        book.first,
        book.closed_at,
        book.closed_position,
        book.last,
    )
    return Found(values, book.last)


def _conflicts(checker: Checker) -> Iterator[tuple[Key, int]]:
    for conflict_id, book in checker.conflicts.items():
        yield (conflict_id,), book.last


_NOTHING: Final = (0,) * 9  # Five levels, and what else a stock without events has none of.

_LEVELS: Final = ("sellable", "quarantine", "damaged", "returned", "blocked")

TABLES: Final = (
    Table(
        "stock",
        "stock",
        ("", ""),
        (*_LEVELS, "reserved", "version", "position", "effective_at", "in_transit"),
        _stock,
        _stocks,
    ),
    Table("stock_holds", "stock", ("", "", ""), ("quantity", "expires_at"), _hold, _holds),
    Table(
        "reservations",
        "reservations",
        ("",),
        (
            *("channel", "kind", "confirmed", "policy", "expires_at", "open", "fulfilled"),
            *("ended_by", "status", "version", "placed_at", "placed_position", "position"),
        ),
        _reservation,
        _reservations,
    ),
    Table(
        "reservation_lines",
        "reservations",
        ("", -1),
        (
            *("location", "sku", "placed_position", "requested", "granted"),
            *("open", "fulfilled", "released", "expired"),
        ),
        _line,
        _lines,
    ),
    Table(
        "conflicts",
        "conflicts",
        ("",),
        (
            *("kind", "location", "sku", "bucket", "reservation_id", "quantity", "order_ref"),
            "movement",
            *("short", "short_max", "status", "resolution", "note", "opened_at", "opened_position"),
            *("closed_at", "closed_position", "position"),
        ),
        _conflict,
        _conflicts,
    ),
    *expected_catalog.TABLES,
    *expected_channels.TABLES,
    *expected_fences.TABLES,
    *expected_returns.TABLES,
    *expected_counts.TABLES,
    *expected_transfers.TABLES,
    *expected_periods.TABLES,
    *expected_reconciliations.TABLES,
)
