"""The streams the writer works on, in memory, exactly as they are at the head of the ledger.

Decisions read it as their world; each event they yield is taken in at once. What one command
did can be taken back; what one batch touched can be dropped and read again.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from ledger.domain.conflict import Conflict
from ledger.domain.decisions import Effect, MovementId, Origin
from ledger.domain.events import (
    HoldFulfilled,
    StockSold,
)
from ledger.domain.reservation import Reservation
from ledger.domain.stock import Snapshot, Stock, restored, snapshot_of
from ledger.domain.streams import State, evolved
from ledger.domain.values import StockId, reservation_stream, stock_stream, stream_id

# Measured with tracemalloc on CPython 3.11, rounded up.
_ENTRY_BYTES: Final = 1_500
_HOLD_BYTES: Final = 600
_LINE_BYTES: Final = 500
_ORIGINS_MAX: Final = 50_000

_SHAPE: Final = json.dumps(msgspec.json.schema(Snapshot), sort_keys=True).encode()

SNAPSHOT_TOPIC: Final = f"stock:{blake2b(_SHAPE, digest_size=8).hexdigest()}"
"""Names the shape of a stored `Snapshot` by its hash: another shape is never read as this one."""


class Entry:
    """One stream in memory: its state, and the version of its last event.

    `complete` is false where only the version is known: a conflict that grew without being read.
    """

    __slots__ = ("complete", "saved", "size", "state", "version")

    def __init__(self, state: State, version: int, *, complete: bool = True) -> None:
        """Hold a state at a version."""
        self.state = state
        self.version = version
        self.complete = complete
        self.saved = version  # Of the last snapshot taken or read.
        self.size = _ENTRY_BYTES


class WorkingSet:
    """Implements the decisions' `World`; see the module's docstring."""

    def __init__(self, bytes_max: int, snapshot_every: int = 5_000) -> None:
        """Keep about `bytes_max` bytes of states; the least recently used go first.

        After `snapshot_every` events a stock is due for a snapshot.
        """
        self.head = 0
        self.size = 0
        self._bytes_max = bytes_max
        self._snapshot_every = snapshot_every
        self._grown: set[str] = set()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._origins: OrderedDict[MovementId, Origin] = OrderedDict()
        self._before: dict[str, tuple[State, int] | None] = {}
        self._before_head = 0
        self._before_origins: list[tuple[MovementId, Origin | None]] = []

    # --- the decisions' world -----------------------------------------------------------------

    def stock(self, stock_id: StockId) -> Stock:
        """The stock, empty where nothing was ever recorded."""
        state = self._entries[stock_stream(stock_id.location, stock_id.sku)].state
        assert isinstance(state, Stock)
        return state

    def reservation(self, reservation_id: str) -> Reservation | None:
        """The reservation, or none under this id, or none read yet."""
        entry = self._entries.get(reservation_stream(reservation_id))
        if entry is None or entry.state is None:
            return None
        assert isinstance(entry.state, Reservation)
        return entry.state

    def conflict(self, conflict_id: str) -> Conflict | None:
        """The conflict, or none under this id."""
        entry = self._entries[stream_id("conflict", conflict_id)]
        assert entry.state is None or isinstance(entry.state, Conflict)
        return entry.state

    def origin(self, movement_id: MovementId) -> Origin | None:
        """The recorded movement under this id, or none."""
        return self._origins.get(movement_id)

    def state(self, stream: str) -> State:
        """The state of a stream that was read; none where nothing was ever recorded."""
        entry = self._entries.get(stream)
        return None if entry is None else entry.state

    def voided(self, movement_id: MovementId) -> int:
        """How many units of a recorded movement have been voided."""
        state = self._entries[stream_id("movement", *movement_id)].state
        return state if isinstance(state, int) else 0

    # --- taking events in ---------------------------------------------------------------------

    def begin(self) -> None:
        """Start a command whose effects may be taken back."""
        self._before.clear()
        self._before_origins.clear()
        self._before_head = self.head

    def commit(self) -> None:
        """Keep the command's effects."""
        for stream in self._before:
            entry = self._entries[stream]
            size = _size_of(entry.state)
            if size != entry.size:
                self.size += size - entry.size
                entry.size = size
            if isinstance(entry.state, Stock):
                entry.state.commit()
                if entry.version - entry.saved >= self._snapshot_every:
                    self._grown.add(stream)

    def rollback(self) -> None:
        """Take the command's effects back."""
        self.head = self._before_head
        for stream, before in self._before.items():
            entry = self._entries[stream]
            if before is None:
                self._forget(stream)
            elif isinstance(entry.state, Stock):
                entry.state.rollback()
                entry.version = before[1]
            else:
                entry.state, entry.version = before
        for key, origin in reversed(self._before_origins):
            if origin is None:
                self._origins.pop(key, None)
            else:
                self._origins[key] = origin

    def take(self, effect: Effect, owner: str) -> tuple[str, int]:
        """Take one event in; returns its stream and its version there.

        A version counted from an unread conflict is negative: `-n` is the nth one after what
        the ledger holds (see `settle_versions`).
        """
        event = effect.event
        stream = event.stream
        entry = self._entries.get(stream)
        if entry is None:
            entry = self._entries[stream] = Entry(None, 0, complete=effect.fresh)
            self.size += entry.size
            self._before.setdefault(stream, None)
        elif stream not in self._before:
            self._entries.move_to_end(stream)
            self._before[stream] = (entry.state, entry.version)
            if type(entry.state) is Stock:
                entry.state.begin()
        self.head += 1
        if not entry.complete:
            entry.version += 1 if entry.version > 0 else -1
            return stream, entry.version
        entry.version += 1
        if type(entry.state) is Stock:
            kind = type(event)
            entry.state.evolve(event)  # type: ignore[arg-type]
            if kind is StockSold or kind is HoldFulfilled:
                self._note_sale(event, effect.cause.movement_id, owner)  # type: ignore[arg-type]
        else:
            entry.state = evolved(entry.state, event)
        return stream, entry.version

    def settle_versions(self, known: dict[str, int]) -> None:
        """Turn the counted versions of unread streams into real ones."""
        for stream, last in known.items():
            entry = self._entries.get(stream)
            if entry is not None and entry.version < 0:
                entry.version = last - entry.version

    def _note_sale(
        self, event: StockSold | HoldFulfilled, movement_id: str | None, owner: str
    ) -> None:
        """Remember a sale for voids that come before its receipt can be read."""
        if movement_id is None:
            return
        key = MovementId(owner, movement_id)
        known = self._origins.get(key)
        self._before_origins.append((key, known))
        quantity = event.quantity + (known.quantity if known is not None else 0)
        self._origins[key] = Origin(event.stock_id, "sale", quantity, event.occurred_at)
        if len(self._origins) > _ORIGINS_MAX:
            self._origins.popitem(last=False)

    # --- loading and forgetting ---------------------------------------------------------------

    def knows(self, stream: str) -> bool:
        """Whether a stream's state is here."""
        entry = self._entries.get(stream)
        return entry is not None and entry.complete

    def missing(self, streams: Iterable[str]) -> Iterator[str]:
        """Those of the streams whose state is not here yet."""
        entries = self._entries
        for stream in streams:
            entry = entries.get(stream)
            if entry is None or not entry.complete:
                yield stream

    def put(self, stream: str, state: State, version: int, saved: int = 0) -> None:
        """Keep a stream as the ledger has it, with the version of its last snapshot."""
        self._forget(stream)
        entry = self._entries[stream] = Entry(state, version)
        entry.saved = saved
        entry.size = _size_of(state)
        self.size += entry.size

    def put_origin(self, movement_id: MovementId, origin: Origin) -> None:
        """Keep a recorded movement that a command refers to."""
        self._origins.setdefault(movement_id, origin)
        if len(self._origins) > _ORIGINS_MAX:
            self._origins.popitem(last=False)

    def knows_origin(self, movement_id: MovementId) -> bool:
        """Whether a recorded movement is here."""
        return movement_id in self._origins

    def drop(self, streams: Iterable[str]) -> None:
        """Forget streams whose state here is not, or may not be, the ledger's."""
        for stream in streams:
            self._forget(stream)
        self._origins.clear()

    def clear(self, head: int) -> None:
        """Forget everything and start at a head."""
        self._entries.clear()
        self._origins.clear()
        self.size = 0
        self.head = head

    def evict(self, keep: Iterable[str]) -> None:
        """Forget the least recently used streams until the rest fits; never those to keep."""
        if self.size <= self._bytes_max:
            return
        kept = set(keep)
        for _ in range(len(self._entries)):
            if self.size <= self._bytes_max:
                return
            oldest = next(iter(self._entries))
            if oldest in kept:
                self._entries.move_to_end(oldest)
            else:
                self._forget(oldest)

    def snapshots_due(self) -> Iterator[tuple[str, int, bytes]]:
        """Stocks that grew much since their last snapshot: stream, version and state as bytes.

        Much is a quarter of the state: a stock whose holds only grow is saved each time it is a
        third larger, so that what is spent on snapshots stays a small share of what it does.
        """
        while self._grown:
            stream = self._grown.pop()
            entry = self._entries.get(stream)
            if entry is None or not isinstance(entry.state, Stock):
                continue
            if entry.version - entry.saved >= len(entry.state.holds) // 4:
                entry.saved = entry.version
                yield stream, entry.version, encode_snapshot(entry.state)

    def _forget(self, stream: str) -> None:
        entry = self._entries.pop(stream, None)
        if entry is not None:
            self.size -= entry.size


def _size_of(state: State) -> int:
    if type(state) is Stock:
        many = len(state.holds) + len(state.lapsed) + len(state.conflicts)
        return _ENTRY_BYTES + _HOLD_BYTES * many
    if type(state) is Reservation:
        return _ENTRY_BYTES + _LINE_BYTES * len(state.lines)
    return _ENTRY_BYTES


def encode_snapshot(stock: Stock) -> bytes:
    """A stock's state as stored bytes."""
    return msgspec.json.encode(snapshot_of(stock))


_decode_snapshot = msgspec.json.Decoder(Snapshot).decode


def decode_snapshot(state: bytes, version: int) -> Stock:
    """A stock from stored bytes."""
    return restored(_decode_snapshot(state), version)


__all__ = [
    "SNAPSHOT_TOPIC",
    "Entry",
    "WorkingSet",
    "decode_snapshot",
    "encode_snapshot",
]
