"""What a fact that names an order does to it: its totals, and the conflict over them.

There is one conflict for an order and a SKU. It is a function of the present totals, so what is
open in the end does not depend on whether the sale or the return was reported first.
"""

from typing import Any, NamedTuple

from ledger.domain.decisions.world import Cause, ConflictIds, Deciding, Effect, World
from ledger.domain.events import (
    AnyEvent,
    ConflictChange,
    ConflictChanged,
    ConflictCleared,
    ConflictOpened,
    OrderReturned,
    OrderSold,
)
from ledger.domain.order import RETURNED_BEYOND_SOLD, Order, OrderLine
from ledger.domain.outcomes import ConflictNote
from ledger.domain.values import Instant, StockId, order_stream

Notes = tuple[ConflictNote, ...]


class Ordered(NamedTuple):
    """Units of a stock that a fact moves on an order, and when; signed where it takes some off."""

    order: str
    stock_id: StockId
    delta: int
    at: Instant
    return_id: str | None = None


def sold(fact: Ordered, world: World, cause: Cause, ids: ConflictIds) -> Deciding[Notes]:
    """Units were sold on an order; fewer than before where a sale is taken back."""
    line = _line(world, fact)
    after = OrderLine(line.sold + fact.delta, line.returned, line.conflict_id)
    event = OrderSold(
        occurred_at=fact.at,
        order=fact.order,
        sku=fact.stock_id.sku,
        location=fact.stock_id.location,
        delta=fact.delta,
        conflict=_change(fact, line, after, ids),
    )
    yield Effect(event, cause)
    return (yield from _told(event, line, cause))


def returned(fact: Ordered, world: World, cause: Cause, ids: ConflictIds) -> Deciding[Notes]:
    """Units of an order came back; fewer than before where the customer has them again."""
    line = _line(world, fact)
    after = OrderLine(line.sold, line.returned + fact.delta, line.conflict_id)
    event = OrderReturned(
        occurred_at=fact.at,
        order=fact.order,
        sku=fact.stock_id.sku,
        location=fact.stock_id.location,
        delta=fact.delta,
        conflict=_change(fact, line, after, ids),
        return_id=fact.return_id,
    )
    yield Effect(event, cause)
    return (yield from _told(event, line, cause))


def _line(world: World, fact: Ordered) -> OrderLine:
    state = world.state(order_stream(fact.order))
    assert state is None or isinstance(state, Order)
    return (state or Order()).line(fact.stock_id.sku)


def _change(
    fact: Ordered, before: OrderLine, after: OrderLine, ids: ConflictIds
) -> ConflictChange | None:
    """What the new totals do to the conflict, or nothing."""
    if after.excess == before.excess:
        return None
    return ConflictChange(
        conflict_id=before.conflict_id or ids.new(),
        kind=RETURNED_BEYOND_SOLD,
        holder=fact.stock_id.sku,
        short=after.excess,
    )


def _told(event: OrderSold | OrderReturned, before: OrderLine, cause: Cause) -> Deciding[Notes]:
    """The change again, as the conflict's own stream tells it; a note where it got worse."""
    change = event.conflict
    if change is None:
        return ()
    about: dict[str, Any] = {
        "occurred_at": event.occurred_at,
        "conflict_id": change.conflict_id,
        "kind": change.kind,
        "location": event.location,
        "sku": event.sku,
    }
    told: AnyEvent
    if before.conflict_id is None:
        told = ConflictOpened(**about, short=change.short, order=event.order)
    elif change.short:
        told = ConflictChanged(**about, short=change.short)
    else:
        told = ConflictCleared(**about)
    yield Effect(told, cause, fresh=before.conflict_id is None)
    if change.short <= before.excess:
        return ()
    note = ConflictNote(conflict_id=change.conflict_id, kind=change.kind, short=change.short)
    return (note,)
