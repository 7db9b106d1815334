"""Events to rows of history and to episodes of soft holds, given the balances so far."""

from typing import TypeAlias

from msgspec import Struct, field

from ledger.domain.events import (
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockEvent,
    StockReserved,
)
from ledger.recorded import Recorded
from projections.batch import BUCKETS, Batch

StockKey: TypeAlias = tuple[str, str]
"""Location and SKU."""

HoldKey: TypeAlias = tuple[int, str]
"""A stock's number and a reservation."""

HistoryRow: TypeAlias = tuple[int, ...]
"""Part, stock, position, occurred_at, effective_at, six deltas, six balances after."""

WayRow: TypeAlias = tuple[int, int, int, int, int, int]
"""Stock, position, occurred_at, effective_at, change, on its way there after it."""

_STILL = (0,) * BUCKETS
_HOLD_EVENTS = (
    StockReserved,
    HoldConfirmed,
    HoldExtended,
    HoldAmended,
    HoldReleased,
    HoldRelocated,
    HoldFulfilled,
    HoldsExpired,
)


class StockState(Struct, gc=False):
    """A stock's number (the position of its first event) and its balances so far."""

    stock: int
    balances: tuple[int, ...]


class OpenHold(Struct, frozen=True, gc=False):
    """An open soft hold as it has been since a position."""

    from_position: int
    quantity: int
    expires_at: int


class Episode(Struct, frozen=True, gc=False):
    """A soft hold between two positions; without an end it is still so."""

    stock: int
    reservation_id: str
    from_position: int
    to_position: int | None
    quantity: int
    expires_at: int


class WayState(Struct, gc=False):
    """What is on its way to a stock so far, and the latest business time of that."""

    quantity: int
    effective_at: int


class State(Struct):
    """What the fold needs to know: every stock, open soft hold and way that a batch touches."""

    stocks: dict[StockKey, StockState] = field(default_factory=dict)
    holds: dict[HoldKey, OpenHold] = field(default_factory=dict)
    ways: dict[int, WayState] = field(default_factory=dict)


class Changes(Struct):
    """New stocks, rows, episodes, stored episodes that ended: (stock, from, to), rows of ways."""

    stocks: dict[StockKey, int] = field(default_factory=dict)
    rows: list[HistoryRow] = field(default_factory=list)
    episodes: dict[tuple[int, int], Episode] = field(default_factory=dict)
    ended: list[tuple[int, int, int]] = field(default_factory=list)
    ways: list[WayRow] = field(default_factory=list)


def touched_stocks(batch: Batch) -> set[StockKey]:
    """The stocks a batch changes, or that something is on its way to."""
    events = [recorded.event for recorded, _, _ in batch.effects]
    own = {(event.location, event.sku) for event in events if isinstance(event, StockEvent)}
    return own.union(stock_id for _, stock_id, _ in batch.ways)


def touched_holds(batch: Batch, stocks: dict[StockKey, StockState]) -> set[HoldKey]:
    """The holds a batch changes, other than by placing them first, in stocks known before it."""
    touched: set[HoldKey] = set()
    placed: set[HoldKey] = set()
    for recorded, _, _ in batch.effects:
        event = recorded.event
        if not isinstance(event, _HOLD_EVENTS):
            continue
        state = stocks.get((event.location, event.sku))
        if state is None:
            continue  # The stock begins in this batch, so its holds do, too.
        if isinstance(event, StockReserved):
            placed.add((state.stock, event.reservation_id))
        elif isinstance(event, HoldsExpired):
            touched.update((state.stock, hold.reservation_id) for hold in event.holds)
        elif (key := (state.stock, event.reservation_id)) not in placed:
            touched.add(key)
    return touched


def fold(batch: Batch, state: State) -> Changes:
    """Turn a batch into rows; `state` moves on with it."""
    changes = Changes()
    stocks, rows = state.stocks, changes.rows
    ways = {one.position: (stock_id, delta) for one, stock_id, delta in batch.ways}
    for recorded, levels, held in batch.effects:
        event = recorded.event
        assert isinstance(event, StockEvent)
        key = (event.location, event.sku)
        stock = stocks.get(key)
        if stock is None:
            stock = stocks[key] = StockState(recorded.position, (0,) * (BUCKETS + 1))
            changes.stocks[key] = recorded.position
        if type(event) is HoldsExpired:
            _expire(recorded, event, stock, rows)
        elif levels is not None or held:
            deltas = (*(levels or _STILL), held)
            rows.append(_row(recorded, stock, 0, event.occurred_at, deltas))
        if isinstance(event, _HOLD_EVENTS):
            _hold(recorded, stock.stock, state.holds, changes)
        if recorded.position in ways:
            _way(recorded, ways[recorded.position], state, changes)
    return changes


def _way(recorded: Recorded, way: tuple[StockKey, int], state: State, changes: Changes) -> None:
    """What is on its way to a stock, which may not have an event of its own yet.

    Then its number is the negative position: the event's own stock may have the positive one.
    """
    key, delta = way
    at, position = recorded.event.occurred_at, recorded.position
    stock = state.stocks.get(key)
    if stock is None:
        stock = state.stocks[key] = StockState(-position, (0,) * (BUCKETS + 1))
        changes.stocks[key] = -position
    known = state.ways.get(stock.stock)
    if known is None:
        known = state.ways[stock.stock] = WayState(0, at)
    known.quantity += delta
    known.effective_at = max(known.effective_at, at)
    changes.ways.append((stock.stock, position, at, known.effective_at, delta, known.quantity))


def _row(
    recorded: Recorded, stock: StockState, part: int, occurred_at: int, deltas: tuple[int, ...]
) -> HistoryRow:
    a, b, c, d, e, f = stock.balances
    u, v, w, x, y, z = deltas
    stock.balances = balances = (a + u, b + v, c + w, d + x, e + y, f + z)
    effective_at: int = recorded.event.effective_at  # type: ignore[union-attr]
    return (part, stock.stock, recorded.position, occurred_at, effective_at, *deltas, *balances)


def _expire(
    recorded: Recorded, event: HoldsExpired, stock: StockState, rows: list[HistoryRow]
) -> None:
    """A sweep is written at once, but each hold ended at its own instant: a row for each."""
    for part, hold in enumerate(event.holds):
        deltas = (*_STILL, -hold.quantity)
        rows.append(_row(recorded, stock, part, hold.expired_at, deltas))


def _hold(recorded: Recorded, stock: int, holds: dict[HoldKey, OpenHold], changes: Changes) -> None:
    event, at = recorded.event, recorded.position
    match event:
        case StockReserved():
            if event.kind == "soft":
                assert event.expires_at is not None, "a soft hold runs out"
                new = OpenHold(at, event.quantity, event.expires_at)
                _replace((stock, event.reservation_id), at, new, holds, changes)
        case HoldsExpired():
            for hold in event.holds:
                _change((stock, hold.reservation_id), at, -hold.quantity, None, holds, changes)
        case HoldConfirmed():
            _replace((stock, event.reservation_id), at, None, holds, changes)
        case HoldExtended():
            key = (stock, event.reservation_id)
            _change(key, at, 0, event.expires_at, holds, changes)
        case HoldAmended():
            _change((stock, event.reservation_id), at, event.delta, None, holds, changes)
        case HoldReleased() | HoldRelocated() | HoldFulfilled():
            _change((stock, event.reservation_id), at, -event.quantity, None, holds, changes)
        case _:
            return


def _change(
    key: HoldKey,
    at: int,
    delta: int,
    expires_at: int | None,
    holds: dict[HoldKey, OpenHold],
    changes: Changes,
) -> None:
    before = holds.get(key)
    if before is None:
        return  # A hard hold: it never runs out, so no question needs it.
    quantity = before.quantity + delta
    until = before.expires_at if expires_at is None else expires_at
    new = OpenHold(at, quantity, until) if quantity > 0 else None
    _replace(key, at, new, holds, changes)


def _replace(
    key: HoldKey, at: int, new: OpenHold | None, holds: dict[HoldKey, OpenHold], changes: Changes
) -> None:
    """End the episode that was, and begin the one that is."""
    stock, reservation_id = key
    before = holds.pop(key, None)
    if before is not None:
        place = (stock, before.from_position)
        if place in changes.episodes:
            ended = Episode(
                stock, reservation_id, before.from_position, at, before.quantity, before.expires_at
            )
            changes.episodes[place] = ended
        else:
            changes.ended.append((stock, before.from_position, at))
    if new is not None:
        holds[key] = new
        changes.episodes[stock, at] = Episode(
            stock, reservation_id, at, None, new.quantity, new.expires_at
        )
