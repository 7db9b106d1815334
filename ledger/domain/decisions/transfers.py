"""Transfers: a request holds nothing; what left and what arrived are facts.

Facts about one transfer may be reported in any order. What left covers what arrived, the earliest
arrivals first; what it does not cover is surplus, at the business time of its arrival. Each fact
moves that line as far as it must, so that in the end only what happened counts.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.domain.catalog import location_stream
from ledger.domain.commands import (
    AnyTransferCommand,
    CancelTransfer,
    CloseTransfer,
    DispatchTransfer,
    ReceiveTransfer,
    RequestTransfer,
)
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.decisions.catalog import check_authority, location_of
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
    ReceivedLine,
    SkuQuantity,
    StockDispatched,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
    TransferCancelled,
    TransferClosed,
    TransferDispatched,
    TransferReceived,
    TransferRequested,
)
from ledger.domain.outcomes import ConflictNote, TransferState
from ledger.domain.refusals import IdTaken, IllegalState, Malformed, NotFound
from ledger.domain.transfer import Line, Transfer
from ledger.domain.values import Instant, StockId, stock_stream, transfer_stream

DISPATCH: Final = "transfer_dispatch"
"""What its source asserts: the reason of its events, and the type of fact in a location's rules."""

RECEIPT: Final = "transfer_receipt"
"""The same of what its destination asserts."""


def reads(command: AnyTransferCommand, world: World) -> Iterator[str]:
    """The transfer; and, once that is known, the stocks at the ends that the command names.

    Where there is a catalog, it says who may report what there.
    """
    yield transfer_stream(command.transfer_id)
    transfer = _known(world, command.transfer_id)
    if transfer is None:
        return
    start, end = transfer.requested.from_location, transfer.requested.to_location
    if world.catalog.consulted:
        yield location_stream(end if isinstance(command, ReceiveTransfer) else start)
    if isinstance(command, DispatchTransfer):
        for line in _dispatched(command, transfer):
            yield stock_stream(start, line.sku)
            if transfer.line(line.sku).surplus:
                yield stock_stream(end, line.sku)
    elif isinstance(command, ReceiveTransfer):
        for arrived in _received(command, transfer):
            yield stock_stream(end, arrived.sku)
            if arrived.returned:
                yield stock_stream(start, arrived.sku)


def request(command: RequestTransfer, world: World, now: Instant) -> Decision:
    """Ask for goods to be moved. The same request again under the same id decides nothing."""
    if command.from_location == command.to_location:
        raise Malformed("$.to", "must differ from where the goods come from")
    lines = _added_up(command.lines)
    event = TransferRequested(
        occurred_at=now,
        transfer_id=command.transfer_id,
        from_location=command.from_location,
        to_location=command.to_location,
        lines=lines,
    )
    known = _known(world, command.transfer_id)
    if known is not None:
        if not _same(known.requested, event):
            raise IdTaken("transfer", command.transfer_id)
        return _state(known, world.head)
    yield Effect(event, Cause(now, "transfer_request", reference=command.transfer_id), fresh=True)
    return _after(world, command.transfer_id)


def dispatch(command: DispatchTransfer, world: World, now: Instant, context: Context) -> Decision:
    """Record that goods left their source, whatever was asked for and whatever was there."""
    transfer = _going_on(world, command.transfer_id, "dispatch")
    _check_source(transfer.requested.from_location, DISPATCH, world, context)
    lines = _dispatched(command, transfer)
    if not lines:
        raise IllegalState("transfer", command.transfer_id, transfer.status, "dispatch")
    at = timing(command.occurred_at, now)
    cause = Cause(now, DISPATCH, reference=command.transfer_id, claimed_at=at.claimed_at)
    ids = ConflictIds(now)
    notes: list[ConflictNote] = []
    start, end = transfer.requested.from_location, transfer.requested.to_location
    for line in lines:
        stock = world.stock(StockId(start, line.sku))
        stock.advance(now)
        left = StockDispatched(
            occurred_at=at.occurred_at,
            effective_at=max(at.occurred_at, stock.effective_at),
            sku=line.sku,
            location=start,
            transfer_id=command.transfer_id,
            to_location=end,
            quantity=line.quantity,
        )
        settled = settle(stock, left, cause, ids)
        yield from settled
        notes += settled.notes
        before = transfer.line(line.sku)
        yield from _surplus(transfer, before, before.sent(line.quantity), world, cause, ids)
    event = TransferDispatched(
        occurred_at=at.occurred_at, transfer_id=command.transfer_id, lines=lines
    )
    yield Effect(event, cause)
    notes += yield from _skewed(world, StockId(start, lines[0].sku), at, cause, ids, context)
    return _after(world, command.transfer_id, tuple(notes))


def receive(command: ReceiveTransfer, world: World, now: Instant, context: Context) -> Decision:
    """Record what became of goods on their way, also of goods nobody knew to be on it."""
    transfer = _going_on(world, command.transfer_id, "receive")
    _check_source(transfer.requested.to_location, RECEIPT, world, context)
    lines = _received(command, transfer)
    if not lines:
        raise IllegalState("transfer", command.transfer_id, transfer.status, "receive")
    at = timing(command.occurred_at, now)
    cause = Cause(now, RECEIPT, reference=command.transfer_id, claimed_at=at.claimed_at)
    ids = ConflictIds(now)
    notes: list[ConflictNote] = []
    for line in lines:
        notes += yield from _arrive(transfer, line, world, at.occurred_at, cause, ids)
        before = transfer.line(line.sku)
        after = before.arrived_at(at.occurred_at, line)
        yield from _surplus(transfer, before, after, world, cause, ids)
    event = TransferReceived(
        occurred_at=at.occurred_at, transfer_id=command.transfer_id, lines=lines
    )
    yield Effect(event, cause)
    place = StockId(transfer.requested.to_location, lines[0].sku)
    notes += yield from _skewed(world, place, at, cause, ids, context)
    return _after(world, command.transfer_id, tuple(notes))


def cancel(command: CancelTransfer, world: World, now: Instant) -> Decision:
    """Give a request up. Refused once goods have left or arrived; again, it decides nothing."""
    transfer = _find(world, command.transfer_id)
    if transfer.ended == "cancelled":
        return _state(transfer, world.head)
    if transfer.status != "requested":
        raise IllegalState("transfer", command.transfer_id, transfer.status, "cancel")
    event = TransferCancelled(occurred_at=now, transfer_id=command.transfer_id)
    yield Effect(event, Cause(now, "transfer_cancelled", reference=command.transfer_id))
    return _after(world, command.transfer_id)


def close(command: CloseTransfer, world: World, now: Instant) -> Decision:
    """End a transfer that went somewhere. Refused while units are on their way."""
    transfer = _find(world, command.transfer_id)
    if transfer.ended == "closed":
        return _state(transfer, world.head)
    if transfer.status in ("requested", "cancelled"):
        raise IllegalState("transfer", command.transfer_id, transfer.status, "close")
    if in_transit := transfer.in_transit:
        raise IllegalState(
            "transfer", command.transfer_id, transfer.status, "close", in_transit=in_transit
        )
    event = TransferClosed(occurred_at=now, transfer_id=command.transfer_id)
    yield Effect(event, Cause(now, "transfer_closed", reference=command.transfer_id))
    return _after(world, command.transfer_id)


# --- what left, what arrived --------------------------------------------------------------------


def _dispatched(command: DispatchTransfer, transfer: Transfer) -> tuple[SkuQuantity, ...]:
    """What left: as named, each SKU once, or all that was asked for and had not left yet."""
    if command.lines is not None:
        return _added_up(command.lines)
    return tuple(
        SkuQuantity(sku=line.sku, quantity=line.requested - line.dispatched)
        for line in transfer.lines
        if line.requested > line.dispatched
    )


def _received(command: ReceiveTransfer, transfer: Transfer) -> tuple[ReceivedLine, ...]:
    """What arrived: as named, each SKU once, or all that is on its way, in good condition."""
    if command.lines is None:
        return tuple(
            ReceivedLine(sku=line.sku, received=line.in_transit)
            for line in transfer.lines
            if line.in_transit
        )
    added: dict[str, ReceivedLine] = {}
    for line in command.lines:
        before = added.get(line.sku, ReceivedLine(sku=line.sku))
        added[line.sku] = ReceivedLine(
            sku=line.sku,
            received=before.received + line.received,
            damaged=before.damaged + line.damaged,
            lost=before.lost + line.lost,
            returned=before.returned + line.returned,
        )
    return tuple(added.values())


def _arrive(
    transfer: Transfer,
    line: ReceivedLine,
    world: World,
    at: Instant,
    cause: Cause,
    ids: ConflictIds,
) -> Deciding[tuple[ConflictNote, ...]]:
    """What one line does to the stocks at both ends, as if all of it had been on its way."""
    start, end = transfer.requested.from_location, transfer.requested.to_location
    notes: tuple[ConflictNote, ...] = ()
    if line.received or line.damaged or line.lost:
        stock = world.stock(StockId(end, line.sku))
        stock.advance(cause.instant)
        event = StockTransferReceived(
            occurred_at=at,
            effective_at=max(at, stock.effective_at),
            sku=line.sku,
            location=end,
            transfer_id=transfer.transfer_id,
            from_location=start,
            received=line.received,
            damaged=line.damaged,
            lost=line.lost,
        )
        settled = settle(stock, event, cause, ids)
        yield from settled
        notes = settled.notes
    if line.returned:
        stock = world.stock(StockId(start, line.sku))
        stock.advance(cause.instant)
        returned = StockTransferReturned(
            occurred_at=at,
            effective_at=max(at, stock.effective_at),
            sku=line.sku,
            location=start,
            transfer_id=transfer.transfer_id,
            to_location=end,
            quantity=line.returned,
        )
        settled = settle(stock, returned, cause, ids)
        yield from settled
        notes = (*notes, *settled.notes)
    return notes


def _surplus(
    transfer: Transfer, before: Line, after: Line, world: World, cause: Cause, ids: ConflictIds
) -> Deciding[None]:
    """Move what is surplus from where it stood to where it stands now that more is known."""
    was, now = before.surpluses(), after.surpluses()
    stock_id = StockId(transfer.requested.to_location, before.sku)
    for at in sorted(was.keys() | now.keys()):
        if delta := now.get(at, 0) - was.get(at, 0):
            stock = world.stock(stock_id)
            stock.advance(cause.instant)
            event = StockTransferSurplus(
                occurred_at=at,
                effective_at=max(at, stock.effective_at),
                sku=stock_id.sku,
                location=stock_id.location,
                transfer_id=transfer.transfer_id,
                from_location=transfer.requested.from_location,
                delta=delta,
            )
            yield from settle(stock, event, cause, ids)


def _skewed(
    world: World, place: StockId, at: Timing, cause: Cause, ids: ConflictIds, context: Context
) -> Deciding[tuple[ConflictNote, ...]]:
    """Tell people where a claimed time lay too far ahead."""
    if at.claimed_at is None or at.claimed_at - cause.instant <= context.skew_max:
        return ()
    ahead = at.claimed_at - cause.instant
    effect, note = opened(world.stock(place), CLOCK_SKEW, ahead, cause, ids)
    yield effect
    return (note,)


# --- the document -------------------------------------------------------------------------------


def _known(world: World, transfer_id: str) -> Transfer | None:
    state = world.state(transfer_stream(transfer_id))
    assert state is None or isinstance(state, Transfer)
    return state


def _find(world: World, transfer_id: str) -> Transfer:
    transfer = _known(world, transfer_id)
    if transfer is None:
        raise NotFound("transfer", transfer_id)
    return transfer


def _check_source(location: str, fact: str, world: World, context: Context) -> None:
    """Refuse a report by somebody who may not make it there."""
    known = location_of(world, location) if world.catalog.consulted else None
    if known is not None:
        check_authority(known, fact, context.source)


def _going_on(world: World, transfer_id: str, asked: str) -> Transfer:
    transfer = _find(world, transfer_id)
    if transfer.ended is not None:
        raise IllegalState("transfer", transfer_id, transfer.ended, asked)
    return transfer


def _added_up(lines: Iterable[SkuQuantity]) -> tuple[SkuQuantity, ...]:
    """Lines of one SKU count together."""
    added: dict[str, int] = {}
    for line in lines:
        added[line.sku] = added.get(line.sku, 0) + line.quantity
    return tuple(SkuQuantity(sku=sku, quantity=quantity) for sku, quantity in added.items())


def _same(known: TransferRequested, asked: TransferRequested) -> bool:
    """Whether two requests want the same, in whatever order their lines stand."""
    ends = (known.from_location, known.to_location) == (asked.from_location, asked.to_location)
    return ends and set(known.lines) == set(asked.lines)


def _after(world: World, transfer_id: str, notes: tuple[ConflictNote, ...] = ()) -> TransferState:
    """The state once the world has taken every effect in."""
    return _state(_find(world, transfer_id), world.head, notes)


def _state(
    transfer: Transfer, position: int, notes: tuple[ConflictNote, ...] = ()
) -> TransferState:
    return TransferState(
        transfer_id=transfer.transfer_id,
        from_location=transfer.requested.from_location,
        to_location=transfer.requested.to_location,
        status=transfer.status,
        lines=tuple([line.state() for line in transfer.lines]),
        position=position,
        conflicts=notes,
    )
