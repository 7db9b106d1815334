"""Taking back or changing what was recorded: where it was, when it was, never more than is left."""

from typing import Any

from ledger.domain.commands import Cancel, Correct, SaleVoid
from ledger.domain.decisions import counting, orders
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.referring import Notes, Referred, Telling, referred, state_of
from ledger.domain.decisions.world import Deciding, Effect, MovementId
from ledger.domain.events import (
    AnyMovementEvent,
    MovementCancelled,
    MovementCorrected,
    MovementUnvoided,
    MovementVoided,
    SaleVoided,
    StockCorrected,
)
from ledger.domain.refusals import IllegalState, Malformed


def void(movement: SaleVoid, telling: Telling) -> Deciding[Notes]:
    """Undo a sale where and when it was made, never more than is left of it."""
    sale = referred(movement.of, "void", telling, "sale")
    stock, at = telling.stock, sale.origin.occurred_at
    if movement.quantity > sale.state.left:
        raise sale.refusal("void", requested=movement.quantity, left=sale.state.left)
    voided = SaleVoided(
        occurred_at=at,
        effective_at=max(at, stock.effective_at),
        sku=movement.sku,
        location=movement.location,
        quantity=movement.quantity,
        of=movement.of,
    )
    settled = settle(stock, voided, telling.cause, telling.ids)
    yield from settled
    yield Effect(_document(MovementVoided, sale, movement.quantity), telling.cause)
    notes = yield from _on_order(sale, -movement.quantity, telling)
    return (*settled.notes, *notes)


def correct(movement: Correct, telling: Telling) -> Deciding[Notes]:
    """Say what a movement really came to. What has been voided of it stays voided.

    Refused: less than was voided. The same again is true already, and nothing is recorded.
    """
    old = referred(movement.of, "correct", telling)
    recorded, number = old.state.recorded, movement.quantity
    kind = old.origin.kind
    if (number < 0 and kind != "adjust") or (number == 0 and kind != "count"):
        raise Malformed("$.quantity", f"no {kind} comes to {number}; what never was is cancelled")
    if number == recorded:
        return ()
    if kind == "count":
        return (yield from counting.recount(old, number, telling))
    if old.state.voided and number < old.state.voided:
        raise old.refusal("correct", requested=number, voided=old.state.voided)
    document = _document(MovementCorrected, old, number)
    return (yield from _changed(old, number - recorded, document, "correct", telling))


def cancel(movement: Cancel, telling: Telling) -> Deciding[Notes]:
    """What is left of a movement never took place."""
    old = referred(movement.of, "cancel", telling)
    if old.origin.kind == "count":
        return (yield from counting.cancel(old, telling))
    left = old.state.left
    if left == 0:
        raise old.refusal("cancel", left=0)
    document = _document(MovementCancelled, old, left)
    return (yield from _changed(old, -left, document, "cancel", telling))


def _changed(
    old: Referred, delta: int, document: AnyMovementEvent, asked: str, telling: Telling
) -> Deciding[Notes]:
    """More or fewer units of a movement went its way, at its time."""
    stock, origin = telling.stock, old.origin
    sale = _sale_of(old, delta, asked, telling) if origin.of is not None else None
    event = StockCorrected(
        occurred_at=origin.occurred_at,
        effective_at=max(origin.occurred_at, stock.effective_at),
        sku=origin.stock_id.sku,
        location=origin.stock_id.location,
        of=old.key.movement_id,
        quantity=delta,
        from_bucket=origin.from_bucket,
        to_bucket=origin.to_bucket,
    )
    settled = settle(stock, event, telling.cause, telling.ids)
    yield from settled
    yield Effect(document, telling.cause)
    if sale is not None:
        more = MovementVoided if delta > 0 else MovementUnvoided
        yield Effect(_document(more, sale, abs(delta)), telling.cause)
    notes = yield from _on_order(sale or old, -delta if sale else delta, telling)
    return (*settled.notes, *notes)


def _sale_of(old: Referred, delta: int, asked: str, telling: Telling) -> Referred:
    """The sale of a void that is to change: what was sold changes the other way round."""
    assert old.origin.of is not None
    key = MovementId(telling.owner, old.origin.of)
    origin = telling.world.origin(key)
    assert origin is not None, "a void names a recorded sale"
    sale = Referred(key, origin, state_of(key, origin, telling.world))
    if sale.state.cancelled or delta > sale.state.left:
        raise IllegalState(
            "movement",
            old.key.movement_id,
            f"a void of {key.movement_id!r}, which is {sale.state.status}",
            asked,
            left=sale.state.left,
        )
    return sale


def _on_order(of: Referred, delta: int, telling: Telling) -> Deciding[Notes]:
    """What a change of a sale or a return means for the order it named."""
    origin = of.origin
    if origin.order is None:
        return ()
    fact = orders.Ordered(origin.order, origin.stock_id, delta, origin.occurred_at)
    tell = orders.sold if origin.kind == "sale" else orders.returned
    return (yield from tell(fact, telling.world, telling.cause, telling.ids))


def _document(kind: type[Any], of: Referred, quantity: int) -> AnyMovementEvent:
    """The movement's own event: what became of it."""
    event: AnyMovementEvent = kind(
        occurred_at=of.origin.occurred_at,
        owner=of.key.owner,
        movement_id=of.key.movement_id,
        recorded=of.state.recorded,
        quantity=quantity,
    )
    return event
