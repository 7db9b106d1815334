"""How the auditor reads the events of a stock, and what he then holds against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, get_args

from ledger.domain import laws
from ledger.domain.laws import Breach
from projections.audit import (
    anchors,
    fences,
    movements,
    transfers,
    wire,
    wire_base,
    wire_counts,
    wire_transfers,
)
from projections.audit.books import NEGATIVE_STOCK, PROMISE_BROKEN, Hold, LineBook, StockBook
from projections.audit.wire_fences import AnyOfFence, Fenced

if TYPE_CHECKING:
    from projections.audit.checker import Checker

_PLACES: Final = {bucket: place for place, bucket in enumerate(laws.PHYSICAL)}
_NOTHING: Final = [0] * len(laws.PHYSICAL)


def take(checker: Checker, event: wire_base.Stock, position: int, now: int) -> None:
    """Enter one event of a stock into the books."""
    book = _book(checker, event, position)
    if book.expiries:
        book.lapse(now)
    occurred_at, before = event.occurred_at, book.effective_at
    late = occurred_at < before
    if not late:
        book.effective_at = occurred_at
    if event.effective_at != book.effective_at:
        checker.found(
            laws.effective_is_running_maximum(
                position, last=before, occurred_at=occurred_at, effective_at=event.effective_at
            )
        )
    book.version += 1
    book.last = position
    handler = _HANDLERS.get(type(event))
    held = book.recorded
    if handler is not None:
        handler(checker, book, event, position, now)
    moves = event.moves()
    deltas = _moved(book.levels, moves) if moves else _NOTHING
    if book.anchors is not None or type(event) is wire_counts.Counted:
        anchors.take(checker, book, event, position, late)
    if moves or (held != book.recorded and type(event) is not wire.HoldsExpired):
        _history(book, position, 0, occurred_at, *deltas, book.recorded - held)
    for change in event.conflicts:
        _conflict(checker, book, change, position)


def _moved(levels: dict[str, int], moves: tuple[tuple[str, str, int], ...]) -> list[int]:
    """Change the physical levels; the virtual buckets are nobody's shelf. What each changed by."""
    deltas = [0, 0, 0, 0, 0]
    for source, target, units in moves:
        if source in levels:
            levels[source] -= units
            deltas[_PLACES[source]] -= units
        if target in levels:
            levels[target] += units
            deltas[_PLACES[target]] += units
    return deltas


def _history(book: StockBook, position: int, part: int, occurred_at: int, *deltas: int) -> None:
    """What a reader of history must find: the change, and the balances after it."""
    effective_at, levels = book.effective_at, book.levels.values()
    book.trail.row(
        (book.first, position, part, occurred_at, effective_at, *deltas, *levels, book.recorded)
    )


def judge(checker: Checker, book: StockBook, now: int) -> None:
    """After an item: exactly what is broken is open."""
    if book.expiries:
        book.lapse(now)
    if book.anchors is not None:
        anchors.judge(checker, book)
    levels = book.levels
    if book.live or book.conflicts:
        _judge_promises(checker, book, levels["sellable"])
    if NEGATIVE_STOCK in book.conflicts or min(levels.values()) < 0:
        checker.found(
            laws.conflicts_are_open(
                book.last,
                f"{NEGATIVE_STOCK} at {book.location!r} for {book.sku!r}",
                expected={bucket: -level for bucket, level in levels.items() if level < 0},
                found=book.shorts(NEGATIVE_STOCK),
            )
        )


def _judge_promises(checker: Checker, book: StockBook, sellable: int) -> None:
    short = laws.shortage(sellable=sellable, reserved=book.live, backorder=book.backorder_limit)
    if short or PROMISE_BROKEN in book.conflicts:
        checker.found(
            laws.conflicts_are_open(
                book.last,
                f"{PROMISE_BROKEN} at {book.location!r} for {book.sku!r}",
                expected=laws.broken_promises(short, book.in_breaking_order()),
                found=book.shorts(PROMISE_BROKEN),
            )
        )


def judge_whole(checker: Checker, book: StockBook) -> None:
    """At the end: the running totals are what their parts add up to."""
    holds = book.holds.values()
    checker.found(laws.reserved_is_its_holds(book.last, book.recorded, (h.units for h in holds)))
    checker.found(
        laws.reserved_is_its_holds(book.last, book.live, (h.units for h in holds if not h.lapsed))
    )
    fences.judge_whole(checker, book)


def _book(checker: Checker, event: wire_base.Stock, position: int) -> StockBook:
    key = (event.location, event.sku)
    book = checker.stocks.get(key)
    if book is None:
        # Its number in history is where it first came up, be it as a destination.
        number = checker.transit.number_of(key, position)
        book = checker.stocks[key] = StockBook(
            event.location, event.sku, number, traced=checker.traced
        )
        checker.shelves.setdefault(event.sku, []).append(book)
    checker.touched_stocks[book] = None
    return book


def _conflict(
    checker: Checker, book: StockBook, change: wire_base.ConflictChange, position: int
) -> None:
    of_kind = book.conflicts.setdefault(change.kind, {})
    conflict_id, short = of_kind.pop(change.holder, (change.conflict_id, 0))
    if conflict_id != change.conflict_id:
        checker.found(
            [
                Breach(
                    7,
                    position,
                    f"{change.kind} of {change.holder!r} is open twice: "
                    f"{conflict_id!r} and {change.conflict_id!r}",
                )
            ]
        )
    checker.found(
        laws.conflict_change_is_one(position, change.conflict_id, before=short, after=change.short)
    )
    if change.short:
        of_kind[change.holder] = change.conflict_id, change.short
    elif not of_kind:
        del book.conflicts[change.kind]
    checker.claims[change.conflict_id] = change.short


# --- holds --------------------------------------------------------------------------------------


def _line(checker: Checker, book: StockBook, reservation_id: str, position: int) -> LineBook:
    checker.touched_lines[reservation_id, book.location, book.sku] = position
    return checker.line(reservation_id, book.location, book.sku, position)


def _found_hold(
    checker: Checker, book: StockBook, reservation_id: str, position: int
) -> Hold | None:
    checker.touched_lines[reservation_id, book.location, book.sku] = position
    hold = book.holds.get(reservation_id)
    if hold is None:
        checker.found([Breach(5, position, f"{reservation_id!r} holds nothing here")])
    return hold


def _reserved(
    checker: Checker, book: StockBook, event: wire.Reserved, position: int, now: int
) -> None:
    checker.touched_lines[event.reservation_id, book.location, book.sku] = position
    _covered(checker, book, event.quantity, event.fence, position)
    if event.reservation_id in book.holds:
        checker.found([Breach(5, position, f"{event.reservation_id!r} holds units here already")])
        return
    checker.found(laws.hold_still_runs(position, expires_at=event.expires_at, at=now, doing="made"))
    hard = event.kind == "hard"
    book.hold(Hold(event.reservation_id, event.quantity, hard, event.expires_at, position))
    fences.take_hold(checker, book, event.reservation_id, event.fence, position, sign=1)


def _covered(
    checker: Checker, book: StockBook, asked: int, fence: Fenced | None, position: int
) -> None:
    # A promise takes from its own fence first: where it took nothing, that has nothing.
    own = None if fence is None else fence.channel
    checker.found(
        laws.promise_is_covered(
            position,
            sellable=book.levels["sellable"],
            reserved=book.live,
            asked=asked,
            backorder=book.backorder_limit,
            fenced=0 if book.fences is None else book.fences.of_others(own),
        )
    )


def _alive(checker: Checker, hold: Hold, position: int, at: int, doing: str) -> None:
    checker.found(laws.hold_still_runs(position, expires_at=hold.expires_at, at=at, doing=doing))


def _whole(checker: Checker, book: StockBook, hold: Hold, position: int, asked: str) -> None:
    short = laws.shortage(
        sellable=book.levels["sellable"], reserved=book.live, backorder=book.backorder_limit
    )
    if short:
        broken = laws.broken_promises(short, book.in_breaking_order())
        short = broken.get(hold.reservation_id, 0)
        checker.found(laws.promise_is_whole(position, short=short, asked=asked))


def _confirmed(
    checker: Checker, book: StockBook, event: wire.HoldConfirmed, position: int, now: int
) -> None:
    hold = _found_hold(checker, book, event.reservation_id, position)
    if hold is not None:
        _alive(checker, hold, position, now, "confirmed")
        _whole(checker, book, hold, position, "confirmed")
        book.rerun(hold, position, hard=True, expires_at=None)


def _extended(
    checker: Checker, book: StockBook, event: wire.HoldExtended, position: int, now: int
) -> None:
    hold = _found_hold(checker, book, event.reservation_id, position)
    if hold is not None:
        _alive(checker, hold, position, now, "extended")
        _whole(checker, book, hold, position, "extended")
        book.rerun(hold, position, hard=hold.hard, expires_at=event.expires_at)


def _amended(
    checker: Checker, book: StockBook, event: wire.HoldAmended, position: int, now: int
) -> None:
    hold = _found_hold(checker, book, event.reservation_id, position)
    if hold is not None:
        _alive(checker, hold, position, now, "amended")
        _covered(checker, book, event.delta, event.fence, position)
        book.resize(hold, event.delta, position)
        sign = 1 if event.delta > 0 else -1
        fences.take_hold(checker, book, event.reservation_id, event.fence, position, sign=sign)


def _released(
    checker: Checker, book: StockBook, event: wire.HoldReleased, position: int, now: int
) -> None:
    hold = _found_hold(checker, book, event.reservation_id, position)
    if hold is not None:
        _alive(checker, hold, position, now, "released")
        _line(checker, book, event.reservation_id, position).freed += event.quantity
        book.resize(hold, -event.quantity, position)
        fences.take_hold(checker, book, event.reservation_id, event.fence, position, sign=-1)


def _relocated(
    checker: Checker, book: StockBook, event: wire.HoldRelocated, position: int, now: int
) -> None:
    hold = _found_hold(checker, book, event.reservation_id, position)
    if hold is not None:
        _alive(checker, hold, position, now, "relocated")
        _line(checker, book, event.reservation_id, position).sent += event.quantity
        book.resize(hold, -event.quantity, position)
        fences.take_hold(checker, book, event.reservation_id, event.fence, position, sign=-1)


def _fulfilled(
    checker: Checker, book: StockBook, event: wire.HoldFulfilled, position: int, now: int
) -> None:
    del now  # A fact: the moment that counts is when the goods left.
    hold = _found_hold(checker, book, event.reservation_id, position)
    if hold is not None:
        _alive(checker, hold, position, event.occurred_at, "fulfilled")
        _line(checker, book, event.reservation_id, position).shipped += event.quantity
        book.resize(hold, -event.quantity, position)
        holder = event.reservation_id
        fences.take_hold(checker, book, holder, event.fence, position, sign=-1, used=True)


def _sold(checker: Checker, book: StockBook, event: wire.Sold, position: int, now: int) -> None:
    del now
    if event.fence is not None:
        fences.take_sale(checker, book, event.fence, position)


def _expired(
    checker: Checker, book: StockBook, event: wire.HoldsExpired, position: int, now: int
) -> None:
    for part, swept in enumerate(event.holds):
        hold = _found_hold(checker, book, swept.reservation_id, position)
        if hold is None:
            continue
        checker.found(
            laws.expiry_is_exact(
                position,
                expires_at=hold.expires_at,
                written=swept.expired_at,
                now=now,
                held=hold.units,
                quantity=swept.quantity,
            )
        )
        line = _line(checker, book, swept.reservation_id, position)
        line.expired += swept.quantity
        line.open -= swept.quantity
        checker.reservations[swept.reservation_id].ended_by = "expired"
        checker.reservations[swept.reservation_id].last = position
        book.resize(hold, -swept.quantity, position)
        fences.take_expiry(checker, book, swept.reservation_id, swept.fence, position)
        _history(book, position, part, swept.expired_at, *_NOTHING, -swept.quantity)


Handler = Callable[["Checker", StockBook, Any, int, int], None]

_HANDLERS: Final[dict[type, Handler]] = {
    wire.Sold: _sold,
    wire.Reserved: _reserved,
    wire.HoldConfirmed: _confirmed,
    wire.HoldExtended: _extended,
    wire.HoldAmended: _amended,
    wire.HoldReleased: _released,
    wire.HoldRelocated: _relocated,
    wire.HoldFulfilled: _fulfilled,
    wire.HoldsExpired: _expired,
    wire_counts.Corrected: lambda checker, _, event, *__: movements.take_corrected(checker, event),
    **dict.fromkeys(get_args(AnyOfFence), fences.take_rule),
    **dict.fromkeys(get_args(wire_transfers.AnyOfTransfer), transfers.take_stock),
}
