"""The auditor's own books: what each stock, reservation and conflict amounts to so far."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Final, TypeAlias

from sortedcontainers import SortedList

from ledger.domain.laws import PHYSICAL, LineTotals
from projections.audit.anchors import AnchorBook
from projections.audit.fences import FencesBook
from projections.audit.fingerprints import (
    BLOCK_BYTES,
    EPISODES_MASK,
    ROW,
    Episode,
    Fingerprint,
    episode_hash,
)

PROMISE_BROKEN: Final = "promise_broken"
NEGATIVE_STOCK: Final = "negative_stock"
RETURNED_BEYOND_SOLD: Final = "returned_beyond_sold"

JUDGED: Final = frozenset({PROMISE_BROKEN, NEGATIVE_STOCK, RETURNED_BEYOND_SOLD})
"""Conflicts that last as long as their cause, and whose amount follows it."""

_pack: Final = ROW.pack

OrderKey: TypeAlias = tuple[bool, int, str]


class Hold:
    """Units of one reservation in one stock that are open as recorded."""

    __slots__ = ("expires_at", "hard", "lapsed", "placed", "reservation_id", "since", "units")

    def __init__(
        self, reservation_id: str, units: int, hard: bool, expires_at: int | None, placed: int
    ) -> None:
        """`placed` is the position at which the promise was made."""
        self.reservation_id = reservation_id
        self.units = units
        self.hard = hard
        self.expires_at = expires_at
        self.placed = placed
        self.since = placed  # The position of its last change.
        self.lapsed = False  # Run out, not yet written down.

    @property
    def key(self) -> OrderKey:
        """Its place among those that lose their units: soft before hard, newest first."""
        return self.hard, -self.placed, self.reservation_id


class Trail(Fingerprint):
    """What a stock's history must read, as fingerprints of its rows and of its holds' episodes.

    Rows are many and only ever added, so that they are not kept but hashed, in order; episodes
    end in another order than they began, so that theirs are summed. Where a fingerprint differs
    the stock is folded once more, `traced`: then rows are kept.
    """

    __slots__ = ("episodes", "first", "sum", "traced")

    def __init__(self, first: int, *, traced: bool = False) -> None:
        """Begin at the position of the stock's first event: history's number for the stock."""
        super().__init__()
        self.first = first
        self.sum = 0
        self.traced: dict[tuple[int, int], tuple[int, ...]] | None = {} if traced else None
        self.episodes: dict[int, Episode] = {}

    def row(self, row: tuple[int, ...]) -> None:
        """Add a row: stock, position, part, both times, six deltas, six balances."""
        self._rest += _pack(*row)  # As `add` does it: once for every event.
        if len(self._rest) >= BLOCK_BYTES:
            self._close()
        if self.traced is not None:
            self.traced[row[1], row[2]] = row

    def end_episode(self, hold: Hold, position: int) -> None:
        """A soft hold is no longer as it has been since its last change."""
        if not hold.hard:
            self._episode(hold, position)
        hold.since = position

    def sum_with(self, holds: Iterable[Hold]) -> int:
        """The fingerprint of all episodes, those of open soft holds included."""
        going_on = (episode_hash(_episode_of(hold, None)) for hold in holds if not hold.hard)
        return (self.sum + sum(going_on)) & EPISODES_MASK

    def all_episodes(self, holds: Iterable[Hold]) -> dict[int, Episode]:
        """Every episode kept, by where it began; only a traced trail has them."""
        going_on = {hold.since: _episode_of(hold, None) for hold in holds if not hold.hard}
        return self.episodes | going_on

    def _episode(self, hold: Hold, position: int) -> None:
        episode = _episode_of(hold, position)
        self.sum = (self.sum + episode_hash(episode)) & EPISODES_MASK
        if self.traced is not None:
            self.episodes[hold.since] = episode


def _episode_of(hold: Hold, until: int | None) -> Episode:
    return hold.since, until, hold.reservation_id, hold.units, hold.expires_at


class StockBook:
    """One stock: levels, holds, what is open against it."""

    __slots__ = (
        "_order",
        "anchors",
        "conflicts",
        "effective_at",
        "expiries",
        "fences",
        "first",
        "holds",
        "last",
        "levels",
        "live",
        "location",
        "recorded",
        "sku",
        "trail",
        "version",
    )

    def __init__(self, location: str, sku: str, first: int, *, traced: bool = False) -> None:
        """Begin with nothing, at the position of the first event."""
        self.location = location
        self.sku = sku
        self.first = first
        self.last = first
        self.version = 0
        self.effective_at = -(2**63)
        self.levels: dict[str, int] = dict.fromkeys(PHYSICAL, 0)
        self.holds: dict[str, Hold] = {}
        self.fences: FencesBook | None = None
        self.live = 0  # Reserved at the last instant: what has run out is free.
        self.recorded = 0  # Reserved as written: sweeps count when they are written.
        self.conflicts: dict[str, dict[str, tuple[str, int]]] = {}
        self.trail = Trail(first, traced=traced)
        self.anchors: AnchorBook | None = None  # Most stocks are never counted.
        self.expiries: list[tuple[int, str]] = []
        self._order: SortedList[OrderKey] | None = None

    def lapse(self, now: int) -> None:
        """Let holds end whose instant has come."""
        expiries = self.expiries
        while expiries and expiries[0][0] <= now:
            expires_at, reservation_id = heappop(expiries)
            hold = self.holds.get(reservation_id)
            if hold is not None and hold.expires_at == expires_at and not hold.lapsed:
                hold.lapsed = True
                if self.fences is not None:
                    self.fences.lapse(reservation_id)
                self.live -= hold.units
                self._leave(hold)

    def hold(self, hold: Hold) -> None:
        """Begin a hold."""
        self.holds[hold.reservation_id] = hold
        self.live += hold.units
        self.recorded += hold.units
        self._enter(hold)

    def resize(self, hold: Hold, units: int, position: int) -> None:
        """Change the open units of a hold; without any it is gone."""
        self.trail.end_episode(hold, position)
        self.recorded += units
        hold.units += units
        if not hold.lapsed:
            self.live += units
        if hold.units == 0:
            del self.holds[hold.reservation_id]
            self._leave(hold)

    def rerun(self, hold: Hold, position: int, *, hard: bool, expires_at: int | None) -> None:
        """Let a hold run out at another time, or never."""
        self.trail.end_episode(hold, position)
        self._leave(hold)
        hold.hard, hold.expires_at = hard, expires_at
        self._enter(hold)

    @property
    def backorder_limit(self) -> int:
        """Units that may be promised beyond those that are sellable."""
        return 0 if self.fences is None else self.fences.limit

    def in_breaking_order(self) -> Iterator[tuple[str, int]]:
        """The live holds, the first to lose their units first."""
        if self._order is None:
            # Sorted only once stock falls short somewhere: most stocks never do.
            self._order = SortedList(h.key for h in self.holds.values() if not h.lapsed)
        for key in self._order:
            yield key[2], self.holds[key[2]].units

    def shorts(self, kind: str) -> dict[str, int]:
        """What the open conflicts of a kind say is short, by holder."""
        return {holder: short for holder, (_, short) in self.conflicts.get(kind, {}).items()}

    def _enter(self, hold: Hold) -> None:
        if hold.expires_at is not None:
            heappush(self.expiries, (hold.expires_at, hold.reservation_id))
        if self._order is not None:
            self._order.add(hold.key)

    def _leave(self, hold: Hold) -> None:
        if self._order is not None:
            self._order.discard(hold.key)


class LineBook:
    """One line of a reservation, told twice: by its own stream, and by the stock's."""

    __slots__ = (
        "expired",
        "freed",
        "fulfilled",
        "granted",
        "moved",
        "open",
        "released",
        "requested",
        "sent",
        "shipped",
    )

    def __init__(self, requested: int = 0, granted: int = 0) -> None:
        """Begin with what was asked and granted."""
        self.requested = requested
        self.granted = granted
        self.open = granted
        self.fulfilled = 0
        self.released = 0
        self.expired = 0
        self.shipped = 0  # Fulfilled, as the stock's stream tells it.
        self.freed = 0  # Released, as the stock's stream tells it.
        self.moved = 0  # Relocated to another line.
        self.sent = 0  # The same, as the stock's stream tells it.

    def totals(self) -> LineTotals:
        """Plain numbers for the laws."""
        return LineTotals(
            self.requested,
            self.granted,
            self.requested - self.granted,
            self.open,
            self.fulfilled,
            self.released,
            self.expired,
        )


class ReservationBook:
    """One reservation."""

    __slots__ = (
        "channel",
        "confirmed",
        "ended_by",
        "expires_at",
        "first",
        "kind",
        "last",
        "lines",
        "placed_at",
        "placed_position",
        "policy",
        "reservation_id",
        "version",
    )

    def __init__(self, reservation_id: str, first: int) -> None:
        """Begin with nothing promised yet."""
        self.reservation_id = reservation_id
        self.first = first
        self.last = first
        self.channel: str | None = None
        self.kind = ""
        self.confirmed = False
        self.policy = ""
        self.version = 0
        self.placed_at = 0
        self.placed_position = 0
        self.expires_at: int | None = None
        self.ended_by = ""
        self.lines: dict[tuple[str, str], LineBook] = {}


class ConflictBook:
    """One conflict."""

    __slots__ = (
        "bucket",
        "closed_at",
        "closed_position",
        "conflict_id",
        "ended",
        "first",
        "kind",
        "last",
        "location",
        "movement",
        "note",
        "opened_at",
        "order",
        "quantity",
        "reservation_id",
        "resolution",
        "short",
        "short_max",
        "sku",
        "status",
    )

    def __init__(self, conflict_id: str, kind: str, location: str, sku: str, first: int) -> None:
        """Begin open, with what it is about."""
        self.conflict_id = conflict_id
        self.kind = kind
        self.location = location
        self.sku = sku
        self.first = first
        self.last = first
        self.status = "open"
        self.ended = False  # The cause has; what people resolved stays resolved.
        self.short = 0
        self.short_max = 0
        self.bucket: str | None = None
        self.reservation_id: str | None = None
        self.quantity: int | None = None
        self.order: str | None = None
        self.movement: str | None = None
        self.opened_at = 0
        self.closed_at: int | None = None
        self.closed_position: int | None = None
        self.resolution: str | None = None
        self.note: str | None = None
