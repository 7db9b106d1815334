"""Units of one stock that are set aside for a channel, and how far promises may go below zero.

A channel's own promises take from its fence first; what they give up goes back into it, what
leaves with them is used. Only requests are bound: a fact takes what it took, fence or no fence.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.events import (
    AnyStockEvent,
    BackorderLimitSet,
    FencedUnits,
    FenceGranted,
    FenceReturned,
    HoldAmended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockReserved,
    StockSold,
)
from ledger.domain.stock.holds import Hold
from ledger.domain.values import Instant

Undo = list[tuple[str, object, object]]


class Fence(Struct, frozen=True, gc=False):
    """A channel's units that its promises have not taken, and those that they hold."""

    free: int
    held: int


_NONE: Final = Fence(0, 0)


class FencesSnapshot(Struct, frozen=True):
    """The same as plain values, as recorded: a hold that ran out unwritten still has its units."""

    limit: int
    channels: dict[str, Fence]
    held: dict[str, FencedUnits]


class Fences:
    """The ring-fences of one stock, what each hold has of them, and the backorder limit."""

    __slots__ = ("channels", "free_total", "held", "lapsed", "limit")

    def __init__(self) -> None:
        """Set nothing aside, and promise nothing that is not there."""
        self.limit = 0
        self.channels: dict[str, Fence] = {}
        self.free_total = 0
        self.held: dict[str, FencedUnits] = {}  # By reservation.
        self.lapsed: dict[str, FencedUnits] = {}  # Of holds that ran out, not yet written down.

    # --- questions ----------------------------------------------------------------------------

    def free_of(self, channel: str | None) -> int:
        """Units that only promises of a channel may take."""
        fence = self.channels.get(channel) if channel is not None else None
        return 0 if fence is None else fence.free

    def of_others(self, channel: str | None) -> int:
        """Units that promises of a channel may not count on."""
        return self.free_total - self.free_of(channel)

    def taken(
        self, channel: str | None, quantity: int, expires_at: Instant | None = None
    ) -> FencedUnits | None:
        """What a new promise of a channel takes from its fence: as much as there is."""
        units = min(quantity, self.free_of(channel))
        if units <= 0 or channel is None:
            return None
        return FencedUnits(channel=channel, quantity=units, expires_at=expires_at)

    def completed(self, event: AnyStockEvent, holds: dict[str, Hold]) -> AnyStockEvent:
        """An event with what it means for the fence of its hold or channel.

        What a hold gives up is first what it had beyond the fence; what leaves with it is first
        what the fence gave.
        """
        match event:
            case HoldReleased() | HoldRelocated():
                back = self._given_up(event.reservation_id, event.quantity, holds)
                return event if back is None else replace(event, fence=back)
            case HoldAmended() if event.delta < 0:
                back = self._given_up(event.reservation_id, -event.delta, holds)
                return event if back is None else replace(event, fence=back)
            case HoldFulfilled():
                has = self.held.get(event.reservation_id)
                used = None if has is None else _at_most(has, event.quantity)
                return event if used is None else replace(event, fence=used)
            case StockSold():
                sold = self.taken(event.channel, event.quantity)
                return event if sold is None else replace(event, fence=sold)
            case HoldsExpired():
                lapsed = self.lapsed
                return replace(
                    event,
                    holds=tuple(
                        replace(h, fence=lapsed.get(h.reservation_id)) for h in event.holds
                    ),
                )
            case _:
                return event

    def _given_up(
        self, reservation_id: str, quantity: int, holds: dict[str, Hold]
    ) -> FencedUnits | None:
        has = self.held.get(reservation_id)
        if has is None:
            return None
        left = holds[reservation_id].quantity - quantity
        return _at_most(has, has.quantity - left)

    # --- change -------------------------------------------------------------------------------

    def lapse(self, reservation_id: str) -> None:
        """A hold has run out: its units are back in the fence at that instant."""
        has = self.held.pop(reservation_id, None)
        if has is not None:
            self.lapsed[reservation_id] = has
            self._shift(has.channel, has.quantity, -has.quantity, None)

    def take(self, event: Any, undo: Undo | None) -> None:
        """Take one event of the stock's stream, and remember in `undo` how to go back."""
        match event:
            case FenceGranted():
                self._shift(event.channel, event.quantity, 0, undo)
            case FenceReturned():
                self._shift(event.channel, -event.quantity, 0, undo)
            case BackorderLimitSet():
                _note(undo, "limit", self.limit)
                self.limit = event.limit
            case HoldsExpired():
                for expired in event.holds:
                    self._expire(expired.reservation_id, undo)
            case _:
                units = getattr(event, "fence", None)
                if units is not None:
                    self._take_units(event, units, undo)

    def _take_units(self, event: Any, units: FencedUnits, undo: Undo | None) -> None:
        """Take the part of an event that concerns a fence."""
        quantity = units.quantity
        match event:
            case StockSold():
                self._shift(units.channel, -quantity, 0, undo)
            case HoldFulfilled():
                self._hold(event.reservation_id, units, -quantity, undo)
                self._shift(units.channel, 0, -quantity, undo)
            case StockReserved():
                self._move(event.reservation_id, units, quantity, undo)
            case HoldAmended() if event.delta > 0:
                self._move(event.reservation_id, units, quantity, undo)
            case _:
                self._move(event.reservation_id, units, -quantity, undo)

    def take_back(self, what: object, before: Any) -> None:
        """Undo one change that `take` noted."""
        match what:
            case "limit":
                self.limit = before
            case "shift":
                channel, free, held = before
                self._shift(channel, -free, -held, None)
            case "lapsed":
                reservation_id, has = before
                self.lapsed[reservation_id] = has
            case _:
                reservation_id, has = before
                lapsed = self.lapsed.pop(reservation_id, None)
                if lapsed is not None:  # Ran out since: it has its units again, and runs out anew.
                    self._shift(lapsed.channel, -lapsed.quantity, lapsed.quantity, None)
                self._set(reservation_id, has)

    def _expire(self, reservation_id: str, undo: Undo | None) -> None:
        lapsed = self.lapsed.pop(reservation_id, None)
        if lapsed is not None:
            _note(undo, "lapsed", (reservation_id, lapsed))
            return
        has = self.held.get(reservation_id)  # Replayed: nobody advanced the clock.
        if has is not None:
            self._move(reservation_id, has, -has.quantity, undo)

    def _move(
        self, reservation_id: str, units: FencedUnits, quantity: int, undo: Undo | None
    ) -> None:
        """Units go from a fence into a hold (or back, where there are fewer than none)."""
        self._hold(reservation_id, units, quantity, undo)
        self._shift(units.channel, -quantity, quantity, undo)

    def _hold(
        self, reservation_id: str, units: FencedUnits, quantity: int, undo: Undo | None
    ) -> None:
        before = self.held.get(reservation_id)
        _note(undo, "held", (reservation_id, before))
        after = quantity + (0 if before is None else before.quantity)
        has = FencedUnits(channel=units.channel, quantity=after) if after else None
        self._set(reservation_id, has)

    def _set(self, reservation_id: str, has: FencedUnits | None) -> None:
        if has is None:
            self.held.pop(reservation_id, None)
        else:
            self.held[reservation_id] = has

    def _shift(self, channel: str, free: int, held: int, undo: Undo | None) -> None:
        _note(undo, "shift", (channel, free, held))
        before = self.channels.get(channel, _NONE)
        after = Fence(before.free + free, before.held + held)
        # Replayed, an expiry counts when it is written down; what it gave back may be taken before.
        assert after.free + after.held >= 0 <= after.held, "a fence gives no more than it has"
        self.free_total += free
        if after == _NONE:
            self.channels.pop(channel, None)
        else:
            self.channels[channel] = after

    # --- snapshots ----------------------------------------------------------------------------

    def snapshot(self) -> FencesSnapshot:
        """The state as plain values."""
        channels = dict(self.channels)
        for has in self.lapsed.values():
            fence = channels.get(has.channel, _NONE)
            channels[has.channel] = Fence(fence.free - has.quantity, fence.held + has.quantity)
        return FencesSnapshot(self.limit, channels, {**self.lapsed, **self.held})

    @classmethod
    def restored(cls, snapshot: FencesSnapshot) -> "Fences":
        """The state as it was when a snapshot was taken."""
        fences = cls()
        fences.limit = snapshot.limit
        fences.channels.update(snapshot.channels)
        fences.free_total = sum(fence.free for fence in snapshot.channels.values())
        fences.held.update(snapshot.held)
        return fences


def _at_most(has: FencedUnits, quantity: int) -> FencedUnits | None:
    units = min(has.quantity, quantity)
    return replace(has, quantity=units) if units > 0 else None


def _note(undo: Undo | None, what: str, before: object) -> None:
    if undo is not None:
        undo.append(("fences", what, before))
