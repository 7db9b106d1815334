"""Returns: what a customer may send back, what came, and what becomes of it.

The order of the checks in each function is part of the contract: form, the document's state,
then its numbers. Goods that arrive are a fact and are recorded however many they are; what
becomes of them is decided for what is there.
"""

from collections.abc import Iterator
from typing import Final

from ledger.domain.commands import (
    AuthoriseReturn,
    CloseReturn,
    DispositionReturn,
    InspectReturn,
    ReceiveReturn,
    ReturnCommand,
)
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.decisions import orders
from ledger.domain.decisions.conflicts import opened, settle
from ledger.domain.decisions.facts import Timing, timing
from ledger.domain.decisions.world import (
    Cause,
    ConflictIds,
    Context,
    Deciding,
    Decision,
    Effect,
    World,
)
from ledger.domain.events import (
    AnyStockEvent,
    DispositionedLine,
    ReturnAuthorised,
    ReturnClosed,
    ReturnDispositioned,
    ReturnInspected,
    ReturnReceived,
    SkuQuantity,
    StockDispositioned,
    StockReturned,
)
from ledger.domain.outcomes import ConflictNote, ReturnState
from ledger.domain.refusals import IdTaken, IllegalState, NotFound
from ledger.domain.return_ import CustomerReturn
from ledger.domain.values import (
    Bucket,
    Disposition,
    Instant,
    StockId,
    order_stream,
    return_stream,
    stock_stream,
)

WAIVED: Final[frozenset[Disposition]] = frozenset({"credit_only", "missing"})
"""Nothing moves; they are also how units end that were authorised and never came."""

TARGETS: Final[dict[Disposition, Bucket]] = {
    "restock": "sellable",
    "refurbish": "quarantine",
    "repackage": "quarantine",
    "resale_hold": "quarantine",
    "damaged": "damaged",
    "return_to_vendor": "supplier",
    "scrap": "scrap",
    "recycle": "scrap",
    "donate": "scrap",
    "liquidate": "scrap",
    "return_to_customer": "customer",
}
"""Where units go from `returned`, by what was decided."""


def decide(command: ReturnCommand, world: World, now: Instant, context: Context) -> Decision:
    """What a command about a return comes to."""
    match command:
        case AuthoriseReturn():
            return authorise(command, world, now)
        case ReceiveReturn():
            return receive(command, world, now, context)
        case InspectReturn():
            return inspect(command, world, now)
        case DispositionReturn():
            return disposition(command, world, now, context)
        case CloseReturn():
            return close(command, world, now)
        case _:
            raise AssertionError(f"{type(command).__name__} is not about a return")


def authorise(command: AuthoriseReturn, world: World, now: Instant) -> Decision:
    """Let a customer send goods back. The same request again under its id decides nothing."""
    lines = _added_up(command.lines)
    known = _known(world, command.return_id)
    if known is not None:
        if (known.order, known.authorised.lines) != (command.order, lines):
            raise IdTaken("return", command.return_id)
        return _state(known, world.head)
    authorised = ReturnAuthorised(
        occurred_at=now, return_id=command.return_id, lines=lines, order=command.order
    )
    yield Effect(authorised, Cause(now, "return_authorised"), fresh=True)
    return _after(world, command.return_id)


def receive(command: ReceiveReturn, world: World, now: Instant, context: Context) -> Decision:
    """Record what arrived, authorised or not, with what it means for its order."""
    document = _not_closed(world, command.return_id, "receive")
    when = timing(command.occurred_at, now)
    cause = Cause(now, "customer_return", claimed_at=when.claimed_at)
    ids = ConflictIds(now)
    notes: list[ConflictNote] = []
    lines = _added_up(command.lines)
    for line in lines:
        stock = world.stock(StockId(command.location, line.sku))
        stock.advance(now)
        event = StockReturned(
            occurred_at=when.occurred_at,
            effective_at=max(when.occurred_at, stock.effective_at),
            sku=line.sku,
            location=command.location,
            quantity=line.quantity,
            order=document.order,
            return_id=document.return_id,
        )
        settled = settle(stock, event, cause, ids)
        yield from settled
        notes += settled.notes
        notes += yield from _on_order(document, event, line.quantity, world, cause, ids)
    yield Effect(
        ReturnReceived(
            occurred_at=when.occurred_at,
            return_id=document.return_id,
            location=command.location,
            lines=lines,
        ),
        cause,
    )
    first = StockId(command.location, lines[0].sku)
    notes += yield from _skewed(first, when, world, cause, ids, context)
    return _after(world, document.return_id, tuple(notes))


def inspect(command: InspectReturn, world: World, now: Instant) -> Decision:
    """Record what received goods were found to be. Refused beyond what is not yet inspected."""
    document = _not_closed(world, command.return_id, "inspect")
    asked: dict[str, int] = {}
    for line in command.lines:
        asked[line.sku] = asked.get(line.sku, 0) + line.quantity
    for sku, quantity in asked.items():
        line_of = document.line(sku)
        left = line_of.received - line_of.inspected
        if quantity > left:
            raise _refused(document, "inspect", sku, requested=quantity, uninspected=left)
    event = ReturnInspected(occurred_at=now, return_id=document.return_id, lines=command.lines)
    yield Effect(event, Cause(now, "return_inspected"))
    return _after(world, document.return_id)


def disposition(
    command: DispositionReturn, world: World, now: Instant, context: Context
) -> Decision:
    """Decide what becomes of units. Refused beyond what was received and is not yet decided."""
    document = _not_closed(world, command.return_id, "disposition")
    lines = _located(document, command.lines)
    when = timing(command.occurred_at, now)
    cause = Cause(now, "return_disposition", claimed_at=when.claimed_at)
    ids = ConflictIds(now)
    notes: list[ConflictNote] = []
    for line in lines:
        if line.location is None or line.disposition in WAIVED:
            continue
        notes += yield from _move(document, line, when.occurred_at, world, cause, ids)
    event = ReturnDispositioned(
        occurred_at=when.occurred_at, return_id=document.return_id, lines=lines
    )
    yield Effect(event, cause)
    moved = [line for line in lines if line.location is not None]
    if moved:
        assert moved[0].location is not None
        first = StockId(moved[0].location, moved[0].sku)
        notes += yield from _skewed(first, when, world, cause, ids, context)
    return _after(world, document.return_id, tuple(notes))


def close(command: CloseReturn, world: World, now: Instant) -> Decision:
    """Expect nothing more of a return. Refused while received units are undecided."""
    document = _find(world, command.return_id)
    if document.closed:
        return _state(document, world.head)
    left = sum(line.open for line in document.lines.values())
    if left:
        raise IllegalState("return", document.return_id, document.status, "close", open=left)
    event = ReturnClosed(occurred_at=now, return_id=document.return_id)
    yield Effect(event, Cause(now, "return_closed"))
    return _after(world, document.return_id)


def reads(command: ReturnCommand, world: World) -> Iterator[str]:
    """The return; and once that is known, the stocks its units enter or leave, and its order."""
    yield return_stream(command.return_id)
    if isinstance(command, AuthoriseReturn) and command.order is not None:
        yield order_stream(command.order)  # For what follows in the same batch.
    if isinstance(command, ReceiveReturn):
        for line in command.lines:
            yield stock_stream(command.location, line.sku)
    document = _known(world, command.return_id)
    if document is None:
        return
    if isinstance(command, DispositionReturn):
        for sku in {line.sku: None for line in command.lines}:
            for location in document.line(sku).at:
                yield stock_stream(location, sku)
    if document.order is not None and isinstance(command, ReceiveReturn | DispositionReturn):
        yield order_stream(document.order)


# --- what a line comes to -----------------------------------------------------------------------


def _located(
    document: CustomerReturn, lines: tuple[DispositionedLine, ...]
) -> tuple[DispositionedLine, ...]:
    """The lines with the places their units are taken from; each place and fate once.

    Units nobody received can only be waived, and what is waived is first taken from them.
    """
    left = {line.sku: dict(document.line(line.sku).at) for line in lines}
    awaited = {line.sku: document.line(line.sku).awaited for line in lines}
    taken: dict[tuple[str, Disposition, str | None], int] = {}

    def take(line: DispositionedLine, location: str | None, units: int) -> int:
        if units:
            key = (line.sku, line.disposition, location)
            taken[key] = taken.get(key, 0) + units
        return units

    for line in lines:
        missing = line.quantity
        here = left[line.sku]
        if line.disposition in WAIVED and line.location is None:
            waived = take(line, None, min(missing, awaited[line.sku]))
            awaited[line.sku] -= waived
            missing -= waived
        for location in [*here] if line.location is None else [line.location]:
            units = take(line, location, min(missing, here.get(location, 0)))
            here[location] = here.get(location, 0) - units
            missing -= units
        if missing:
            raise _beyond(document, line, line.quantity - missing)
    return tuple(
        DispositionedLine(sku=sku, quantity=units, disposition=fate, location=location)
        for (sku, fate, location), units in taken.items()
    )


def _beyond(document: CustomerReturn, line: DispositionedLine, left: int) -> IllegalState:
    named = {} if line.location is None else {"location": line.location}
    return _refused(document, "disposition", line.sku, **named, requested=line.quantity, open=left)


def _move(
    document: CustomerReturn,
    line: DispositionedLine,
    at: Instant,
    world: World,
    cause: Cause,
    ids: ConflictIds,
) -> Deciding[list[ConflictNote]]:
    assert line.location is not None
    stock = world.stock(StockId(line.location, line.sku))
    stock.advance(cause.instant)
    event = StockDispositioned(
        occurred_at=at,
        effective_at=max(at, stock.effective_at),
        sku=line.sku,
        location=line.location,
        quantity=line.quantity,
        disposition=line.disposition,
        to_bucket=TARGETS[line.disposition],
        return_id=document.return_id,
    )
    settled = settle(stock, event, cause, ids)
    yield from settled
    if line.disposition != "return_to_customer":
        return [*settled.notes]
    # The customer has them again: they no longer count as returned.
    notes = yield from _on_order(document, event, -line.quantity, world, cause, ids)
    return [*settled.notes, *notes]


def _on_order(
    document: CustomerReturn,
    event: AnyStockEvent,
    delta: int,
    world: World,
    cause: Cause,
    ids: ConflictIds,
) -> Deciding[tuple[ConflictNote, ...]]:
    """What a stock event of a return means for its order; nothing for a blind return."""
    if document.order is None:
        return ()
    fact = orders.Ordered(
        document.order, event.stock_id, delta, event.occurred_at, document.return_id
    )
    return (yield from orders.returned(fact, world, cause, ids))


def _skewed(
    stock_id: StockId,
    when: Timing,
    world: World,
    cause: Cause,
    ids: ConflictIds,
    context: Context,
) -> Deciding[tuple[ConflictNote, ...]]:
    """A claimed time far ahead is for people to look at, once for the whole report."""
    ahead = 0 if when.claimed_at is None else when.claimed_at - cause.instant
    if ahead <= context.skew_max:
        return ()
    effect, note = opened(world.stock(stock_id), CLOCK_SKEW, ahead, cause, ids)
    yield effect
    return (note,)


def _added_up(lines: tuple[SkuQuantity, ...]) -> tuple[SkuQuantity, ...]:
    """Lines of one SKU count together."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return tuple(SkuQuantity(sku=sku, quantity=quantity) for sku, quantity in units.items())


# --- the document -------------------------------------------------------------------------------


def _known(world: World, return_id: str) -> CustomerReturn | None:
    state = world.state(return_stream(return_id))
    assert state is None or isinstance(state, CustomerReturn)
    return state


def _find(world: World, return_id: str) -> CustomerReturn:
    document = _known(world, return_id)
    if document is None:
        raise NotFound("return", return_id)
    return document


def _not_closed(world: World, return_id: str, asked: str) -> CustomerReturn:
    document = _find(world, return_id)
    if document.closed:
        raise IllegalState("return", return_id, "closed", asked)
    return document


def _refused(document: CustomerReturn, asked: str, sku: str, **facts: int | str) -> IllegalState:
    return IllegalState("return", document.return_id, document.status, asked, sku=sku, **facts)


def _state(
    document: CustomerReturn, position: int, notes: tuple[ConflictNote, ...] = ()
) -> ReturnState:
    return ReturnState(
        return_id=document.return_id,
        status=document.status,
        order=document.order,
        lines=document.line_states(),
        position=position,
        conflicts=notes,
    )


def _after(world: World, return_id: str, notes: tuple[ConflictNote, ...] = ()) -> ReturnState:
    """The state once the world has taken every effect in."""
    return _state(_find(world, return_id), world.head, notes)
