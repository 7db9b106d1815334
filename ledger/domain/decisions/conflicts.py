"""What a stock event breaks or mends, said in the same commit as the event itself."""

from collections.abc import Sequence

from msgspec.structs import replace

from ledger.domain.decisions.world import Cause, ConflictIds, Effect
from ledger.domain.events import (
    AnyEvent,
    AnyStockEvent,
    ConflictChange,
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    StockReserved,
)
from ledger.domain.outcomes import (
    RESERVATIONS_SHOWN_MAX,
    BrokenPromise,
    ConflictNote,
)
from ledger.domain.stock import PROMISE_BROKEN, Stock, conflicts_after, unbroken_by, with_absorbed


class Settled(list[Effect]):
    """A stock event, what counts absorb of it, and the conflicts it opens, changes and clears."""

    notes: tuple[ConflictNote, ...] = ()


def settle(stock: Stock, event: AnyStockEvent, cause: Cause, ids: ConflictIds) -> Settled:
    """Complete a stock event with what it does to the stock's fences, counts and conflicts."""
    if stock.fences is not None:
        event = stock.fences.completed(event, stock.holds)
    if event.occurred_at > stock.anchored_until and unbroken_by(stock, event):
        return Settled((Effect(event, cause),))
    return settle_all(stock, (event,), cause, ids)


def settle_all(
    stock: Stock, events: Sequence[AnyStockEvent], cause: Cause, ids: ConflictIds
) -> Settled:
    """Complete stock events of one decision; conflicts are judged by what all come to together.

    The first of them tells of these. Only the first may change a hold.
    """
    if any(event.occurred_at <= stock.anchored_until for event in events):
        events = with_absorbed(stock, events)
    event, *further = events
    after = conflicts_after(stock, event, further)
    changes = [_change(stock, kind, holder, short, ids) for (kind, holder), short in after.items()]
    if changes:
        event = replace(event, conflicts=tuple(changes))
    settled = Settled(Effect(one, cause) for one in (event, *further))
    for change in changes:
        settled.append(_told(stock, event, change, cause))
    settled.notes = _notes(stock, event, changes)
    return settled


def opened(
    stock: Stock,
    kind: str,
    short: int,
    cause: Cause,
    ids: ConflictIds,
    holder: str | None = None,
) -> tuple[Effect, ConflictNote]:
    """A conflict about a single fact, which only people can close."""
    event = ConflictOpened(
        occurred_at=cause.instant,
        conflict_id=ids.new(),
        kind=kind,
        location=stock.stock_id.location,
        sku=stock.stock_id.sku,
        short=short,
        reservation_id=holder,
    )
    note = ConflictNote(conflict_id=event.conflict_id, kind=kind, short=short)
    return Effect(event, cause, fresh=True), note


def _change(stock: Stock, kind: str, holder: str, short: int, ids: ConflictIds) -> ConflictChange:
    known = stock.conflicts.get((kind, holder))
    conflict_id = ids.new() if known is None else known.conflict_id
    return ConflictChange(conflict_id=conflict_id, kind=kind, holder=holder, short=short)


def _told(stock: Stock, event: AnyStockEvent, change: ConflictChange, cause: Cause) -> Effect:
    """The change again, as the conflict's own stream tells it."""
    location, sku = stock.stock_id
    known = stock.conflicts.get((change.kind, change.holder))
    told: AnyEvent
    if known is None:
        promise = change.kind == PROMISE_BROKEN
        told = ConflictOpened(
            occurred_at=event.occurred_at,
            conflict_id=change.conflict_id,
            kind=change.kind,
            location=location,
            sku=sku,
            short=change.short,
            bucket=None if promise else change.holder,  # type: ignore[arg-type]
            reservation_id=change.holder if promise else None,
            quantity=_open_units(stock, event, change.holder) if promise else None,
        )
        return Effect(told, cause, fresh=True)
    if change.short:
        told = ConflictChanged(
            occurred_at=event.occurred_at,
            conflict_id=change.conflict_id,
            kind=change.kind,
            location=location,
            sku=sku,
            short=change.short,
        )
    else:
        told = ConflictCleared(
            occurred_at=event.occurred_at,
            conflict_id=change.conflict_id,
            kind=change.kind,
            location=location,
            sku=sku,
        )
    return Effect(told, cause)


def _open_units(stock: Stock, event: AnyStockEvent, reservation_id: str) -> int:
    hold = stock.holds.get(reservation_id)
    if hold is not None:
        return hold.quantity
    assert isinstance(event, StockReserved), "a promise breaks only while it is open"
    return event.quantity


def _notes(
    stock: Stock, event: AnyStockEvent, changes: list[ConflictChange]
) -> tuple[ConflictNote, ...]:
    """What a caller is told: conflicts opened or made worse; broken promises in one note."""
    worse = [c for c in changes if c.short > _short_before(stock, c)]
    notes = [
        ConflictNote(conflict_id=c.conflict_id, kind=c.kind, short=c.short)
        for c in worse
        if c.kind != PROMISE_BROKEN
    ]
    broken = [c for c in worse if c.kind == PROMISE_BROKEN]
    if broken:
        notes.append(
            ConflictNote(
                conflict_id=broken[0].conflict_id,
                kind=PROMISE_BROKEN,
                short=sum(c.short for c in broken),
                reservations=tuple(
                    BrokenPromise(
                        reservation_id=c.holder,
                        conflict_id=c.conflict_id,
                        quantity=_open_units(stock, event, c.holder),
                        short=c.short,
                    )
                    for c in broken[:RESERVATIONS_SHOWN_MAX]
                ),
                reservations_total=len(broken),
            )
        )
    return tuple(notes)


def _short_before(stock: Stock, change: ConflictChange) -> int:
    known = stock.conflicts.get((change.kind, change.holder))
    return 0 if known is None else known.short
