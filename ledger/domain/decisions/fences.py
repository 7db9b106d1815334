"""Setting units aside for a channel, giving them back, and promising beyond what is there."""

from ledger.domain.commands import GrantFence, ReturnFence, SetBackorderLimit
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.standing import refuse_shortfalls
from ledger.domain.decisions.world import Cause, ConflictIds, Decision, World
from ledger.domain.events import BackorderLimitSet, FenceGranted, FenceReturned
from ledger.domain.outcomes import BackorderLimitState, FenceState
from ledger.domain.refusals import IllegalState, Shortfall
from ledger.domain.stock import Stock
from ledger.domain.values import Instant, StockId


def grant(command: GrantFence, world: World, now: Instant) -> Decision:
    """Set units aside for a channel. A request: only what nobody holds or has set aside.

    The backorder limit does not count: what is not there cannot be set aside.
    """
    stock = _stock(command.location, command.sku, world, now)
    spare = stock.available - (0 if stock.fences is None else stock.fences.free_total)
    if command.quantity > spare:
        refuse_shortfalls([Shortfall(command.sku, command.location, command.quantity, spare)])
    granted = FenceGranted(
        occurred_at=now,
        effective_at=max(now, stock.effective_at),
        sku=command.sku,
        location=command.location,
        channel=command.channel,
        quantity=command.quantity,
    )
    yield from settle(stock, granted, Cause(now, "fence_granted"), ConflictIds(now))
    return _fence(stock, command.channel, world.head)


def give_back(command: ReturnFence, world: World, now: Instant) -> Decision:
    """Let anybody have what a channel has not taken: so many units, or all of them.

    What its promises hold stays with them, and goes back into the fence when they give it up.
    """
    stock = _stock(command.location, command.sku, world, now)
    free = 0 if stock.fences is None else stock.fences.free_of(command.channel)
    quantity = free if command.quantity is None else command.quantity
    if quantity > free:
        state = "fenced" if free else "not fenced"
        raise IllegalState("stock", command.sku, state, "return", requested=quantity, free=free)
    if quantity:
        returned = FenceReturned(
            occurred_at=now,
            effective_at=max(now, stock.effective_at),
            sku=command.sku,
            location=command.location,
            channel=command.channel,
            quantity=quantity,
        )
        yield from settle(stock, returned, Cause(now, "fence_returned"), ConflictIds(now))
    return _fence(stock, command.channel, world.head)


def limit(command: SetBackorderLimit, world: World, now: Instant) -> Decision:
    """Allow promises beyond what is sellable. A lower limit breaks the promises it leaves out."""
    stock = _stock(command.location, command.sku, world, now)
    if command.limit != stock.backorder_limit:
        event = BackorderLimitSet(
            occurred_at=now,
            effective_at=max(now, stock.effective_at),
            sku=command.sku,
            location=command.location,
            limit=command.limit,
        )
        yield from settle(stock, event, Cause(now, "backorder_limit_set"), ConflictIds(now))
    return BackorderLimitState(
        sku=command.sku, location=command.location, limit=command.limit, position=world.head
    )


def _stock(location: str, sku: str, world: World, now: Instant) -> Stock:
    stock = world.stock(StockId(location, sku))
    stock.advance(now)
    return stock


def _fence(stock: Stock, channel: str, position: int) -> FenceState:
    fence = None if stock.fences is None else stock.fences.channels.get(channel)
    return FenceState(
        sku=stock.stock_id.sku,
        location=stock.stock_id.location,
        channel=channel,
        free=0 if fence is None else fence.free,
        held=0 if fence is None else fence.held,
        position=position,
    )
