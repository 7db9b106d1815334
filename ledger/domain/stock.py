"""One SKU at one location: what its events add up to, and what a change would break.

`Stock` is a working state: the writer keeps it in memory and evolves it in place, so that a
decision on a stock with a hundred thousand open holds costs what a decision on ten does.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

from msgspec import Struct
from sortedcontainers import SortedList

from ledger.domain.events import (
    AnyStockEvent,
    ConflictChange,
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldsExpired,
    SaleVoided,
    StockOpened,
    StockReceived,
    StockReserved,
    StockReturned,
    held_delta,
    postings,
)
from ledger.domain.values import PHYSICAL_BUCKETS, HoldKind, Instant, StockId

_NEVER_SHRINKS = frozenset({StockOpened, StockReceived, SaleVoided, StockReturned})

_EXPIRIES_SPARE = 64  # Fewer that are out of date are not worth looking for.

PROMISE_BROKEN = "promise_broken"
NEGATIVE_STOCK = "negative_stock"


class Hold(Struct, frozen=True, gc=False):
    """Open units of one reservation in one stock. `placed_at` orders who is broken first."""

    quantity: int
    kind: HoldKind
    expires_at: Instant | None
    placed_at: Instant


class OpenConflict(Struct, frozen=True, gc=False):
    """A conflict of this stock that is open, and by how many units."""

    conflict_id: str
    short: int


BreakKey: TypeAlias = tuple[int, int, str]
"""Where a hold stands: hard before soft, oldest first. The waterfall breaks them from the end."""


class Snapshot(Struct, frozen=True):
    """A stock's state as plain values, to start from instead of from its first event."""

    location: str
    sku: str
    effective_at: Instant
    levels: dict[str, int]
    holds: dict[str, Hold]
    conflicts: list[tuple[str, str, OpenConflict]]


def break_key(reservation_id: str, hold: Hold) -> BreakKey:
    """Order holds by who keeps their units longest: the last of the order loses first.

    That way round the newest hold, of which there is one after the other in a flash sale, goes
    to the end of the order, which costs the least.
    """
    return (0 if hold.kind == "hard" else 1, hold.placed_at, reservation_id)


class Stock:
    """Levels, holds and open conflicts of one stock, at the last event and instant it has seen."""

    __slots__ = (
        "_broken",
        "_expiries",
        "_order",
        "_orphans",
        "_undo",
        "broken_total",
        "conflicts",
        "effective_at",
        "holds",
        "lapsed",
        "levels",
        "reserved",
        "stock_id",
        "version",
    )

    def __init__(self, stock_id: StockId) -> None:
        """Start empty: no event yet."""
        self.stock_id = stock_id
        self.version = 0
        self.effective_at: Instant = 0
        self.levels: dict[str, int] = dict.fromkeys(PHYSICAL_BUCKETS, 0)
        self.reserved = 0
        self.holds: dict[str, Hold] = {}
        self.lapsed: dict[str, Hold] = {}  # Run out, not yet written down by the sweeper.
        self.conflicts: dict[tuple[str, str], OpenConflict] = {}
        self.broken_total = 0
        self._order: SortedList[BreakKey] = SortedList()
        self._broken: SortedList[BreakKey] = SortedList()  # The end of the order.
        self._orphans: set[str] = set()  # Broken holds that ran out; to be cleared next.
        self._expiries: list[tuple[Instant, str]] = []
        self._undo: list[tuple[str, object, object]] | None = None

    # --- questions ----------------------------------------------------------------------------

    @property
    def sellable(self) -> int:
        """Units in the sellable bucket; negative where facts ran ahead of receipts."""
        return self.levels["sellable"]

    @property
    def on_hand(self) -> int:
        """Units in all physical buckets."""
        return sum(self.levels.values())

    @property
    def available(self) -> int:
        """Sellable units nobody holds, at the instant this stock was last advanced to."""
        return self.levels["sellable"] - self.reserved

    def short_of(self, reservation_id: str) -> int:
        """How many of a reservation's held units are broken, as last recorded."""
        conflict = self.conflicts.get((PROMISE_BROKEN, reservation_id))
        return 0 if conflict is None else conflict.short

    def short_now(self, reservation_id: str) -> int:
        """How many of a reservation's held units are broken at the instant advanced to.

        Fewer than recorded where other holds have run out since: their units mend this one.
        """
        recorded = self.short_of(reservation_id)
        if recorded == 0:
            return 0
        mended = self.broken_total - sum(map(self.short_of, self._orphans)) - self._shortage
        for _, _, holder in self._broken:
            if holder == reservation_id:
                break
            mended -= self.short_of(holder)
            if mended <= 0:
                return recorded
        return max(0, recorded - max(0, mended))

    @property
    def _shortage(self) -> int:
        return min(self.reserved, max(0, self.reserved - self.levels["sellable"]))

    # --- time ---------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Let holds run out that expire at or before `now`; instants only ever grow."""
        expiries = self._expiries
        while expiries and expiries[0][0] <= now:
            expires_at, reservation_id = heappop(expiries)
            hold = self.holds.get(reservation_id)
            if hold is not None and hold.expires_at == expires_at:
                self._drop(reservation_id, hold)
                self.lapsed[reservation_id] = hold
                if (PROMISE_BROKEN, reservation_id) in self.conflicts:
                    self._orphans.add(reservation_id)

    # --- change -------------------------------------------------------------------------------

    def evolve(self, event: AnyStockEvent) -> None:
        """Take one event of this stock's stream, in order."""
        undo = self._undo
        if undo is not None:
            undo.append(("at", self.version, self.effective_at))
        self.version += 1
        self.effective_at = max(self.effective_at, event.effective_at)
        change = _HOLD_CHANGES.get(type(event))
        if change is not None:
            change(self, event)
        if change is None or type(event) is HoldFulfilled:
            balance = 0
            for _, bucket, delta in postings(event):
                balance += delta
                if bucket in self.levels:
                    self._shift(bucket, delta)
            assert balance == 0, "what enters one bucket leaves another"
        if event.conflicts:
            for conflict in event.conflicts:
                self._record(conflict)

    def begin(self) -> None:
        """Remember every change from now on, so that `rollback` can take it back."""
        self._undo = []

    def commit(self) -> None:
        """Forget how to go back."""
        self._undo = None

    def rollback(self) -> None:
        """Take back every change since `begin`."""
        undo, self._undo = self._undo or [], None
        for what, key, value in reversed(undo):
            match what:
                case "at":
                    self.version, self.effective_at = key, value  # type: ignore[assignment]
                case "level":
                    self.levels[key] = value  # type: ignore[index, assignment]
                case "hold":
                    self.set_hold(key, value)  # type: ignore[arg-type]
                case "lapsed":
                    self.lapsed[key] = value  # type: ignore[index, assignment]
                case _:
                    self._set_conflict(key, value)  # type: ignore[arg-type]

    def _shift(self, bucket: str, delta: int) -> None:
        if self._undo is not None:
            self._undo.append(("level", bucket, self.levels[bucket]))
        self.levels[bucket] += delta

    def _drop(self, reservation_id: str, hold: Hold) -> None:
        del self.holds[reservation_id]
        self.reserved -= hold.quantity
        key = break_key(reservation_id, hold)
        self._order.remove(key)
        if self.broken_total:
            self._broken.discard(key)

    def note_lapsed(self, reservation_id: str, hold: Hold) -> None:
        """A hold that had run out is written down now; `rollback` makes it unwritten again."""
        if self._undo is not None:
            self._undo.append(("lapsed", reservation_id, hold))

    def set_hold(self, reservation_id: str, hold: Hold | None) -> None:
        """Open, change or (with none) end a reservation's hold."""
        before = self.holds.get(reservation_id)
        if self._undo is not None:
            self._undo.append(("hold", reservation_id, before))
        if before is not None:
            self._drop(reservation_id, before)
        if hold is None or hold.quantity == 0:
            return
        assert hold.quantity > 0, "a hold cannot have fewer than no units open"
        self.holds[reservation_id] = hold
        self.reserved += hold.quantity
        key = break_key(reservation_id, hold)
        self._order.add(key)
        if self.broken_total and (PROMISE_BROKEN, reservation_id) in self.conflicts:
            self._broken.add(key)
            self._orphans.discard(reservation_id)
        if hold.expires_at is not None and (before is None or before.expires_at != hold.expires_at):
            heappush(self._expiries, (hold.expires_at, reservation_id))
            if len(self._expiries) > _EXPIRIES_SPARE + 2 * len(self.holds):
                self._compact_expiries()

    def _compact_expiries(self) -> None:
        """Forget the expiries of holds that ended or changed before them.

        They would leave by themselves at their instants, which may be years away.
        """
        self._expiries = [(h.expires_at, r) for r, h in self.holds.items() if h.expires_at]
        self._expiries.sort()  # What is sorted is a heap.

    def _record(self, change: ConflictChange) -> None:
        conflict = OpenConflict(change.conflict_id, change.short) if change.short else None
        self._set_conflict((change.kind, change.holder), conflict)

    def _set_conflict(self, key: tuple[str, str], conflict: OpenConflict | None) -> None:
        before = self.conflicts.pop(key, None)
        if self._undo is not None:
            self._undo.append(("conflict", key, before))
        if conflict is not None:
            self.conflicts[key] = conflict
        if key[0] == PROMISE_BROKEN:
            self._mark_broken(key[1], before, conflict)

    def _mark_broken(
        self, holder: str, before: OpenConflict | None, after: OpenConflict | None
    ) -> None:
        self.broken_total += (after.short if after else 0) - (before.short if before else 0)
        if after is None:
            self._orphans.discard(holder)
        hold = self.holds.get(holder)
        if hold is None:
            if after is not None:  # Taken back: it had run out, and is to be cleared again.
                self._orphans.add(holder)
            return
        if before is None and after is not None:
            self._broken.add(break_key(holder, hold))
        elif before is not None and after is None:
            self._broken.discard(break_key(holder, hold))

    # --- what a change would break ------------------------------------------------------------

    def conflicts_after(self, event: AnyStockEvent) -> dict[tuple[str, str], int]:
        """Amounts short that an event, not yet taken, would change: by kind and holder.

        Empty in the ordinary case, at the price of a few comparisons.
        """
        if self.unbroken_by(event):
            return {}
        sellable, reserved = self.levels["sellable"], self.reserved
        changed: dict[tuple[str, str], int] = {}
        if type(event) is not HoldsExpired:  # Those units have left `reserved` at their instant.
            reserved += held_delta(event)
        for _, bucket, delta in postings(event):
            if bucket not in self.levels:
                continue
            level = self.levels[bucket] + delta
            if bucket == "sellable":
                sellable = level
            was = self.conflicts.get((NEGATIVE_STOCK, bucket))
            if max(0, -level) != (0 if was is None else was.short):
                changed[NEGATIVE_STOCK, bucket] = max(0, -level)
        target = min(reserved, max(0, reserved - sellable))
        if target or self.broken_total:
            self._waterfall(event, target, changed)
        return changed

    def unbroken_by(self, event: AnyStockEvent) -> bool:
        """Whether there is no conflict and an event, not yet taken, plainly opens none.

        Every bucket that shrinks keeps what is held of it, and none goes below zero.
        """
        if self.conflicts:
            return False
        if type(event) in _NEVER_SHRINKS:
            return True
        if type(event) is StockReserved or type(event) is HoldAmended:
            return held_delta(event) <= self.available
        for _, bucket, delta in postings(event):
            if delta < 0 and bucket in self.levels:
                floor = self.reserved if bucket == "sellable" else 0
                if self.levels[bucket] + delta < floor:
                    return False
        return True

    def _waterfall(
        self, event: AnyStockEvent, target: int, changed: dict[tuple[str, str], int]
    ) -> None:
        """Spread `target` units of shortage over the holds, changing as few as possible.

        Broken holds are always the end of the order; only where it begins moves, so the work
        is bounded by the number of promises that change, not by the number of holds.
        """
        shorts = self._left_by(event)
        total = self.broken_total - sum(
            self.short_of(holder) - short for holder, short in shorts.items()
        )
        touched, open_after = _open_after(self, event)

        def short(holder: str) -> int:
            known = shorts.get(holder)
            return self.short_of(holder) if known is None else known

        if total < target:
            self._break_more(shorts, short, target - total, touched, open_after)
        elif total > target:
            self._mend(shorts, short, total - target)
        for holder, amount in shorts.items():
            if amount != self.short_of(holder):
                changed[PROMISE_BROKEN, holder] = amount

    def _break_more(
        self,
        shorts: dict[str, int],
        short: Callable[[str], int],
        missing: int,
        touched: str | None,
        open_after: int,
    ) -> None:
        """Take more units from holds, from the one that was last to break on."""
        boundary = self._broken[0] if self._broken else None
        for _, _, holder in self._order.irange(maximum=boundary, reverse=True):
            units = open_after if holder == touched else self.holds[holder].quantity
            take = min(units - short(holder), missing)
            if take > 0:
                shorts[holder] = short(holder) + take
                missing -= take
            if not missing:
                return
        raise AssertionError("every broken unit belongs to a hold")

    def _mend(self, shorts: dict[str, int], short: Callable[[str], int], spare: int) -> None:
        """Give units back to holds, first to the one that was last to break."""
        for _, _, holder in self._broken:
            give = min(short(holder), spare)
            shorts[holder] = short(holder) - give
            spare -= give
            if not spare:
                return
        raise AssertionError("every broken unit belongs to a hold")

    def _left_by(self, event: AnyStockEvent) -> dict[str, int]:
        """What is still broken of holds that end, shrink or have run out."""
        left = dict.fromkeys(self._orphans, 0)
        touched, open_after = _open_after(self, event)
        if touched is not None and self.short_of(touched) > open_after:
            left[touched] = open_after
        return left

    # --- snapshots ----------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The state as plain values; holds that ran out unwritten count as held, as recorded."""
        return Snapshot(
            location=self.stock_id.location,
            sku=self.stock_id.sku,
            effective_at=self.effective_at,
            levels=dict(self.levels),
            holds={**self.lapsed, **self.holds},
            conflicts=[(*key, conflict) for key, conflict in self.conflicts.items()],
        )

    @classmethod
    def restore(cls, snapshot: Snapshot, version: int) -> "Stock":
        """Start from a snapshot taken at a version."""
        stock = cls(StockId(snapshot.location, snapshot.sku))
        stock.version = version
        stock.effective_at = snapshot.effective_at
        stock.levels.update(snapshot.levels)
        for reservation_id, hold in snapshot.holds.items():
            stock.set_hold(reservation_id, hold)
        for kind, holder, conflict in snapshot.conflicts:
            stock._set_conflict((kind, holder), conflict)
        return stock


def _open_after(stock: Stock, event: AnyStockEvent) -> tuple[str | None, int]:
    """Which hold an event touches, and how many units that hold has open after it."""
    match event:
        case StockReserved():
            return event.reservation_id, event.quantity
        case HoldReleased() | HoldFulfilled():
            return event.reservation_id, stock.holds[event.reservation_id].quantity - event.quantity
        case HoldAmended():
            return event.reservation_id, stock.holds[event.reservation_id].quantity + event.delta
        case _:
            return None, 0


# --- what each event does to a hold -------------------------------------------------------------


def _reserved(stock: Stock, event: StockReserved) -> None:
    hold = Hold(event.quantity, event.kind, event.expires_at, event.occurred_at)
    stock.set_hold(event.reservation_id, hold)


def _confirmed(stock: Stock, event: HoldConfirmed) -> None:
    hold = stock.holds[event.reservation_id]
    stock.set_hold(event.reservation_id, Hold(hold.quantity, "hard", None, hold.placed_at))


def _extended(stock: Stock, event: HoldExtended) -> None:
    hold = stock.holds[event.reservation_id]
    extended = Hold(hold.quantity, hold.kind, event.expires_at, hold.placed_at)
    stock.set_hold(event.reservation_id, extended)


def _resize(stock: Stock, reservation_id: str, delta: int) -> None:
    hold = stock.holds[reservation_id]
    resized = Hold(hold.quantity + delta, hold.kind, hold.expires_at, hold.placed_at)
    stock.set_hold(reservation_id, resized)


def _amended(stock: Stock, event: HoldAmended) -> None:
    _resize(stock, event.reservation_id, event.delta)


def _left(stock: Stock, event: HoldReleased | HoldFulfilled) -> None:
    _resize(stock, event.reservation_id, -event.quantity)


def _expired(stock: Stock, event: HoldsExpired) -> None:
    for expired in event.holds:
        lapsed = stock.lapsed.pop(expired.reservation_id, None)
        if lapsed is None:
            stock.set_hold(expired.reservation_id, None)  # Replayed: nobody advanced the clock.
        else:
            stock.note_lapsed(expired.reservation_id, lapsed)


_HOLD_CHANGES: dict[type, Callable[[Stock, Any], None]] = {
    StockReserved: _reserved,
    HoldConfirmed: _confirmed,
    HoldExtended: _extended,
    HoldAmended: _amended,
    HoldReleased: _left,
    HoldFulfilled: _left,
    HoldsExpired: _expired,
}
