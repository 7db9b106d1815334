"""What a change of a stock would break or mend, before it is made."""

from collections.abc import Callable, Sequence
from typing import Final

from ledger.domain.events import (
    AnyStockEvent,
    BackorderLimitSet,
    HoldAmended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    SaleVoided,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    held_delta,
    postings,
)
from ledger.domain.stock.holds import NEGATIVE_STOCK, PROMISE_BROKEN
from ledger.domain.stock.state import Stock

_NEVER_SHRINKS: Final = frozenset({StockOpened, StockReceived, SaleVoided, StockReturned})


def conflicts_after(
    stock: Stock, event: AnyStockEvent, further: Sequence[AnyStockEvent] = ()
) -> dict[tuple[str, str], int]:
    """Amounts short that an event, not yet taken, would change: by kind and holder.

    What is recorded further in the same commit is judged with it: only what all of it comes to
    counts. Empty in the ordinary case, at the price of a few comparisons.
    """
    if not further and unbroken_by(stock, event):
        return {}
    sellable, reserved = stock.levels["sellable"], stock.reserved
    changed: dict[tuple[str, str], int] = {}
    if type(event) is not HoldsExpired:  # Those units have left `reserved` at their instant.
        reserved += held_delta(event)
    for bucket, delta in _shifts(stock, (event, *further)).items():
        level = stock.levels[bucket] + delta
        if bucket == "sellable":
            sellable = level
        was = stock.conflicts.get((NEGATIVE_STOCK, bucket))
        if max(0, -level) != (0 if was is None else was.short):
            changed[NEGATIVE_STOCK, bucket] = max(0, -level)
    limit = event.limit if type(event) is BackorderLimitSet else stock.backorder_limit
    target = min(reserved, max(0, reserved - sellable - limit))
    if target or stock.broken_total:
        _waterfall(stock, event, target, changed)
    return changed


def _shifts(stock: Stock, events: Sequence[AnyStockEvent]) -> dict[str, int]:
    """What events come to together, by physical bucket."""
    shifts: dict[str, int] = {}
    for event in events:
        for _, bucket, delta in postings(event):
            if bucket in stock.levels:
                shifts[bucket] = shifts.get(bucket, 0) + delta
    return shifts


def unbroken_by(stock: Stock, event: AnyStockEvent) -> bool:
    """Whether there is no conflict and an event, not yet taken, plainly opens none.

    Every bucket that shrinks keeps what is held of it, and none goes below zero. Where units are
    set aside or may be missing, it is not plain.
    """
    if stock.conflicts or stock.fences is not None:
        return False
    if type(event) in _NEVER_SHRINKS:
        return True
    if type(event) is StockReserved or type(event) is HoldAmended:
        return held_delta(event) <= stock.available
    for _, bucket, delta in postings(event):
        if delta < 0 and bucket in stock.levels:
            floor = stock.reserved if bucket == "sellable" else 0
            if stock.levels[bucket] + delta < floor:
                return False
    return True


def _waterfall(
    stock: Stock, event: AnyStockEvent, target: int, changed: dict[tuple[str, str], int]
) -> None:
    """Spread `target` units of shortage over the holds, changing as few as possible.

    Broken holds are always the end of the order; only where it begins moves, so the work
    is bounded by the number of promises that change, not by the number of holds.
    """
    shorts = _left_by(stock, event)
    total = stock.broken_total - sum(
        stock.short_of(holder) - short for holder, short in shorts.items()
    )
    touched, open_after = _open_after(stock, event)

    def short(holder: str) -> int:
        known = shorts.get(holder)
        return stock.short_of(holder) if known is None else known

    if total < target:
        _break_more(stock, shorts, short, target - total, touched, open_after)
    elif total > target:
        _mend(stock, shorts, short, total - target)
    for holder, amount in shorts.items():
        if amount != stock.short_of(holder):
            changed[PROMISE_BROKEN, holder] = amount


def _break_more(
    stock: Stock,
    shorts: dict[str, int],
    short: Callable[[str], int],
    missing: int,
    touched: str | None,
    open_after: int,
) -> None:
    """Take more units from holds, from the one that was last to break on."""
    boundary = stock.broken[0] if stock.broken else None
    for _, _, holder in stock.order.irange(maximum=boundary, reverse=True):
        units = open_after if holder == touched else stock.holds[holder].quantity
        take = min(units - short(holder), missing)
        if take > 0:
            shorts[holder] = short(holder) + take
            missing -= take
        if not missing:
            return
    raise AssertionError("every broken unit belongs to a hold")


def _mend(stock: Stock, shorts: dict[str, int], short: Callable[[str], int], spare: int) -> None:
    """Give units back to holds, first to the one that was last to break."""
    for _, _, holder in stock.broken:
        give = min(short(holder), spare)
        shorts[holder] = short(holder) - give
        spare -= give
        if not spare:
            return
    raise AssertionError("every broken unit belongs to a hold")


def _left_by(stock: Stock, event: AnyStockEvent) -> dict[str, int]:
    """What is still broken of holds that end, shrink or have run out."""
    left = dict.fromkeys(stock.orphans, 0)
    touched, open_after = _open_after(stock, event)
    if touched is not None and stock.short_of(touched) > open_after:
        left[touched] = open_after
    return left


def _open_after(stock: Stock, event: AnyStockEvent) -> tuple[str | None, int]:
    """Which hold an event touches, and how many units that hold has open after it."""
    match event:
        case StockReserved():
            return event.reservation_id, event.quantity
        case HoldReleased() | HoldRelocated() | HoldFulfilled():
            return event.reservation_id, stock.holds[event.reservation_id].quantity - event.quantity
        case HoldAmended():
            return event.reservation_id, stock.holds[event.reservation_id].quantity + event.delta
        case _:
            return None, 0
