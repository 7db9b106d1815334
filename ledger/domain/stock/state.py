"""What one SKU at one location adds up to.

`Stock` is a working state: the writer keeps it in memory and evolves it in place, so that a
decision on a stock with a hundred thousand open holds costs what a decision on ten does.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

from sortedcontainers import SortedList

from ledger.domain.events import (
    AnyStockEvent,
    BackorderLimitSet,
    ConflictChange,
    FenceGranted,
    FenceReturned,
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockAbsorbed,
    StockCountCancelled,
    StockCounted,
    StockReserved,
    postings,
)
from ledger.domain.stock.anchors import Anchor, Anchors, absorbed, cancelled, counted
from ledger.domain.stock.fences import Fences
from ledger.domain.stock.holds import PROMISE_BROKEN, BreakKey, Hold, OpenConflict, break_key
from ledger.domain.values import PHYSICAL_BUCKETS, Instant, StockId

_EXPIRIES_SPARE = 64  # Fewer that are out of date are not worth looking for.


class Stock:
    """Levels, holds and open conflicts of one stock, at the last event and instant it has seen."""

    __slots__ = (
        "_undo",
        "anchored_until",
        "anchors",
        "broken",
        "broken_total",
        "conflicts",
        "effective_at",
        "expiries",
        "fences",
        "holds",
        "lapsed",
        "levels",
        "order",
        "orphans",
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
        self.anchors: dict[str, Anchors] = {}  # The counts that stand, by bucket.
        self.anchored_until: Instant = 0  # No later anchor: what happens after it moves freely.
        self.reserved = 0
        self.holds: dict[str, Hold] = {}
        self.lapsed: dict[str, Hold] = {}  # Run out, not yet written down by the sweeper.
        self.conflicts: dict[tuple[str, str], OpenConflict] = {}
        self.fences: Fences | None = None  # None: nothing was ever set aside.
        self.broken_total = 0
        self.order: SortedList[BreakKey] = SortedList()
        self.broken: SortedList[BreakKey] = SortedList()  # The end of the order.
        self.orphans: set[str] = set()  # Broken holds that ran out; to be cleared next.
        self.expiries: list[tuple[Instant, str]] = []
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

    @property
    def backorder_limit(self) -> int:
        """Units that may be promised beyond those that are sellable."""
        return 0 if self.fences is None else self.fences.limit

    def free_for(self, channel: str | None) -> int:
        """Units a new promise of a channel may take: not those set aside for other channels."""
        available = self.levels["sellable"] - self.reserved
        fences = self.fences
        return available if fences is None else available + fences.limit - fences.of_others(channel)

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
        mended = self.broken_total - sum(map(self.short_of, self.orphans)) - self._shortage
        for _, _, holder in self.broken:
            if holder == reservation_id:
                break
            mended -= self.short_of(holder)
            if mended <= 0:
                return recorded
        return max(0, recorded - max(0, mended))

    @property
    def _shortage(self) -> int:
        beyond = self.reserved - self.levels["sellable"] - self.backorder_limit
        return min(self.reserved, max(0, beyond))

    # --- time ---------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Let holds run out that expire at or before `now`; instants only ever grow."""
        expiries = self.expiries
        while expiries and expiries[0][0] <= now:
            expires_at, reservation_id = heappop(expiries)
            hold = self.holds.get(reservation_id)
            if hold is not None and hold.expires_at == expires_at:
                self._drop(reservation_id, hold)
                self.lapsed[reservation_id] = hold
                if self.fences is not None:
                    self.fences.lapse(reservation_id)
                if (PROMISE_BROKEN, reservation_id) in self.conflicts:
                    self.orphans.add(reservation_id)

    # --- change -------------------------------------------------------------------------------

    def evolve(self, event: AnyStockEvent) -> None:
        """Take one event of this stock's stream, in order."""
        undo = self._undo
        if undo is not None:
            undo.append(("at", self.version, self.effective_at))
        self.version += 1
        self.effective_at = max(self.effective_at, event.effective_at)
        change = _CHANGES.get(type(event))
        if change is not None:
            change(self, event)
        if change is None or type(event) in _MOVING:
            balance, levels = 0, self.levels
            for _, bucket, delta in postings(event):
                balance += delta
                if bucket in levels:
                    if undo is not None:
                        undo.append(("level", bucket, levels[bucket]))
                    levels[bucket] += delta
            assert balance == 0, "what enters one bucket leaves another"
        if self.fences is not None:
            self.fences.take(event, undo)
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
                case "anchors":
                    self.set_anchors(key, value)  # type: ignore[arg-type]
                case "fences":
                    assert self.fences is not None, "what changed is there"
                    self.fences.take_back(key, value)
                case "lapsed":
                    self.lapsed[key] = value  # type: ignore[index, assignment]
                case _:
                    self.set_conflict(key, value)  # type: ignore[arg-type]

    def set_anchors(self, bucket: str, anchors: Anchors) -> None:
        """Replace the standing counts of a bucket, given in the order of their times."""
        if self._undo is not None:
            self._undo.append(("anchors", bucket, self.anchors.get(bucket, ())))
        if anchors:
            self.anchors[bucket] = anchors
        else:
            self.anchors.pop(bucket, None)
        self.anchored_until = max((a[-1].at for a in self.anchors.values()), default=0)

    def _drop(self, reservation_id: str, hold: Hold) -> None:
        del self.holds[reservation_id]
        self.reserved -= hold.quantity
        key = break_key(reservation_id, hold)
        self.order.remove(key)
        if self.broken_total:
            self.broken.discard(key)

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
        self.order.add(key)
        if self.broken_total and (PROMISE_BROKEN, reservation_id) in self.conflicts:
            self.broken.add(key)
            self.orphans.discard(reservation_id)
        if hold.expires_at is not None and (before is None or before.expires_at != hold.expires_at):
            heappush(self.expiries, (hold.expires_at, reservation_id))
            if len(self.expiries) > _EXPIRIES_SPARE + 2 * len(self.holds):
                self._compact_expiries()

    def _compact_expiries(self) -> None:
        """Forget the expiries of holds that ended or changed before them.

        They would leave by themselves at their instants, which may be years away.
        """
        self.expiries = [(h.expires_at, r) for r, h in self.holds.items() if h.expires_at]
        self.expiries.sort()  # What is sorted is a heap.

    def _record(self, change: ConflictChange) -> None:
        conflict = OpenConflict(change.conflict_id, change.short) if change.short else None
        self.set_conflict((change.kind, change.holder), conflict)

    def set_conflict(self, key: tuple[str, str], conflict: OpenConflict | None) -> None:
        """Open, change or (with none) close what is short of a holder: by kind and holder."""
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
            self.orphans.discard(holder)
        hold = self.holds.get(holder)
        if hold is None:
            if after is not None:  # Taken back: it had run out, and is to be cleared again.
                self.orphans.add(holder)
            return
        if before is None and after is not None:
            self.broken.add(break_key(holder, hold))
        elif before is not None and after is None:
            self.broken.discard(break_key(holder, hold))


# --- what each event does to a hold, or to a count ----------------------------------------------


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


def _left(stock: Stock, event: HoldReleased | HoldRelocated | HoldFulfilled) -> None:
    _resize(stock, event.reservation_id, -event.quantity)


def _expired(stock: Stock, event: HoldsExpired) -> None:
    for expired in event.holds:
        lapsed = stock.lapsed.pop(expired.reservation_id, None)
        if lapsed is None:
            stock.set_hold(expired.reservation_id, None)  # Replayed: nobody advanced the clock.
        else:
            stock.note_lapsed(expired.reservation_id, lapsed)


def _counted(stock: Stock, event: StockCounted) -> None:
    anchor = Anchor(event.occurred_at, stock.version, event.counted, event.delta, event.count_id)
    stock.set_anchors(event.bucket, counted(stock.anchors.get(event.bucket, ()), anchor))


def _absorbed(stock: Stock, event: StockAbsorbed) -> None:
    anchors = stock.anchors[event.bucket]
    stock.set_anchors(event.bucket, absorbed(anchors, event.occurred_at, event.anchor, event.delta))


def _count_cancelled(stock: Stock, event: StockCountCancelled) -> None:
    anchors = stock.anchors[event.bucket]
    stock.set_anchors(event.bucket, cancelled(anchors, event.occurred_at, event.anchor))


def _fenced(stock: Stock, event: FenceGranted | FenceReturned | BackorderLimitSet) -> None:
    del event  # It is taken with all the others, once there is something to take it.
    if stock.fences is None:
        stock.fences = Fences()


_CHANGES: Final[dict[type, Callable[[Stock, Any], None]]] = {
    StockReserved: _reserved,
    HoldConfirmed: _confirmed,
    HoldExtended: _extended,
    HoldAmended: _amended,
    HoldReleased: _left,
    HoldRelocated: _left,
    HoldFulfilled: _left,
    HoldsExpired: _expired,
    StockCounted: _counted,
    StockAbsorbed: _absorbed,
    StockCountCancelled: _count_cancelled,
    FenceGranted: _fenced,
    FenceReturned: _fenced,
    BackorderLimitSet: _fenced,
}

_MOVING: Final = frozenset({HoldFulfilled, StockCounted, StockAbsorbed, StockCountCancelled})
"""Those of them that move units, too."""
