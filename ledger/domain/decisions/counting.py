"""Counts: what was seen on the shelf, and stands against everything that comes in later."""

from typing import NamedTuple

from ledger.domain.commands import Count
from ledger.domain.decisions.conflicts import settle_all
from ledger.domain.decisions.referring import Notes, Referred, Telling, referred
from ledger.domain.decisions.world import Deciding, Effect, World
from ledger.domain.events import (
    AnyMovementEvent,
    AnyStockEvent,
    MovementCancelled,
    MovementCorrected,
    StockCountCancelled,
    StockCounted,
)
from ledger.domain.refusals import IllegalState
from ledger.domain.stock import Anchor, Stock, anchor_at, next_anchor
from ledger.domain.stock.anchors import cancelled
from ledger.domain.values import Instant, PhysicalBucket


class Seen(NamedTuple):
    """So many units were in a bucket at a moment; `count_id` is what people call the count."""

    bucket: PhysicalBucket
    counted: int
    at: Instant
    count_id: str


def count(movement: Count, movement_id: str, telling: Telling) -> Deciding[Notes]:
    """Record a count, or one count in the place of another.

    Refused: a second count of a bucket at the same instant that does not name the first.
    """
    old = None
    if movement.replaces is not None:
        old = referred(movement.replaces, "replace", telling, "count")
        if old.origin.to_bucket != movement.bucket:
            state = f"a count of {old.origin.to_bucket}"
            raise IllegalState("movement", movement.replaces, state, "replace")
    seen = Seen(movement.bucket, movement.counted, telling.at, movement_id)
    replaced = None if old is None else _anchor_of(old, telling.stock)
    events = counted(seen, telling.stock, telling.world, replaced)
    settled = settle_all(telling.stock, events, telling.cause, telling.ids)
    yield from settled
    if old is not None:
        yield Effect(_gone(old), telling.cause)
    return settled.notes


def recount(old: Referred, number: int, telling: Telling) -> Deciding[Notes]:
    """Something else was counted at that moment: the count stands under its name, corrected."""
    stock, origin = telling.stock, old.origin
    bucket: PhysicalBucket = origin.to_bucket  # type: ignore[assignment]
    seen = Seen(bucket, number, origin.occurred_at, old.key.movement_id)
    events = counted(seen, stock, telling.world, _anchor_of(old, stock))
    settled = settle_all(stock, events, telling.cause, telling.ids)
    yield from settled
    document = MovementCorrected(
        occurred_at=origin.occurred_at,
        owner=old.key.owner,
        movement_id=old.key.movement_id,
        recorded=old.state.recorded,
        quantity=number,
    )
    yield Effect(document, telling.cause)
    return settled.notes


def cancel(old: Referred, telling: Telling) -> Deciding[Notes]:
    """Nobody counted: the next count, if there is one, takes over what this one held."""
    stock = telling.stock
    bucket: PhysicalBucket = old.origin.to_bucket  # type: ignore[assignment]
    event = cancellation(stock, bucket, _anchor_of(old, stock))
    settled = settle_all(stock, (event,), telling.cause, telling.ids)
    yield from settled
    yield Effect(_gone(old), telling.cause)
    return settled.notes


def counted(
    seen: Seen, stock: Stock, world: World, replaced: Anchor | None = None
) -> list[AnyStockEvent]:
    """The events of a count, to be settled together; first the end of the one it replaces.

    Where it is late the world must know the levels of that time. Refused: a standing count of
    the bucket at the same instant that is not the one replaced.
    """
    standing = anchor_at(stock.anchors.get(seen.bucket, ()), seen.at)
    if standing is None:
        level = world.level_at(stock.stock_id, seen.bucket, seen.at)
    elif standing == replaced:
        level = standing.counted  # So it is at a count, whatever came in since.
    else:
        raise IllegalState(
            "count",
            standing.count_id,
            "standing",
            "count again, without naming it in replaces, at the instant of",
            counted=standing.counted,
        )
    events: list[AnyStockEvent] = []
    if replaced is not None:
        events.append(cancellation(stock, seen.bucket, replaced))
        level += _change_without(stock, seen.bucket, replaced, seen.at)
    events.append(
        StockCounted(
            occurred_at=seen.at,
            effective_at=max(seen.at, stock.effective_at),
            location=stock.stock_id.location,
            sku=stock.stock_id.sku,
            bucket=seen.bucket,
            count_id=seen.count_id,
            counted=seen.counted,
            delta=seen.counted - level,
        )
    )
    return events


def cancellation(stock: Stock, bucket: PhysicalBucket, anchor: Anchor) -> StockCountCancelled:
    """The end of a standing count: all that it holds in the variance is taken back."""
    return StockCountCancelled(
        occurred_at=anchor.at,
        effective_at=max(anchor.at, stock.effective_at),
        location=stock.stock_id.location,
        sku=stock.stock_id.sku,
        bucket=bucket,
        anchor=anchor.version,
        delta=-anchor.held,
    )


def _change_without(stock: Stock, bucket: str, anchor: Anchor, at: Instant) -> int:
    """By how much the level of a moment changes where a count does not stand any more."""
    others = cancelled(stock.anchors[bucket], anchor.at, anchor.version)
    following = next_anchor(others, anchor.at)
    if at < anchor.at or (following is not None and following.at <= at):
        return 0
    return -anchor.held


def _anchor_of(old: Referred, stock: Stock) -> Anchor:
    anchor = anchor_at(stock.anchors.get(old.origin.to_bucket, ()), old.origin.occurred_at)
    assert anchor is not None, "a count that was not cancelled stands"
    assert anchor.count_id == old.key.movement_id, "nothing else takes its place unsaid"
    return anchor


def _gone(old: Referred) -> AnyMovementEvent:
    return MovementCancelled(
        occurred_at=old.origin.occurred_at,
        owner=old.key.owner,
        movement_id=old.key.movement_id,
        recorded=old.state.recorded,
        quantity=old.state.recorded,
    )
