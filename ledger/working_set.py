"""The streams the writer works on, in memory, exactly as they are at the head of the ledger.

Decisions read it as their world; each event they yield is taken in at once. What one command
did can be taken back; what one batch touched can be dropped and read again.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger.domain.catalog import Location, Sku, Use
from ledger.domain.channel import Channel
from ledger.domain.conflict import Conflict
from ledger.domain.count import CountDocument
from ledger.domain.decisions import Effect, MovementId
from ledger.domain.events import AnyStockEvent
from ledger.domain.movement import Origin
from ledger.domain.order import Order
from ledger.domain.reconciliation import Reconciliation
from ledger.domain.reservation import Reservation
from ledger.domain.return_ import CustomerReturn
from ledger.domain.stock import Snapshot, Stock, restored, snapshot_of
from ledger.domain.streams import State, evolved
from ledger.domain.transfer import Transfer
from ledger.domain.values import (
    Instant,
    PhysicalBucket,
    StockId,
    reservation_stream,
    stock_stream,
    stream_id,
)
from ledger.past import Past

# Measured with tracemalloc on CPython 3.11, rounded up.
_ENTRY_BYTES: Final = 1_500
_HOLD_BYTES: Final = 600
_LINE_BYTES: Final = 500
_ANCHOR_BYTES: Final = 250

_LINED: Final = frozenset(
    (Reservation, Transfer, Order, CustomerReturn, CountDocument, Reconciliation)
)

_DEFINITIONS: Final = frozenset((Sku, Location))

_SHAPE: Final = json.dumps(msgspec.json.schema(Snapshot), sort_keys=True).encode()

SNAPSHOT_TOPIC: Final = f"stock:{blake2b(_SHAPE, digest_size=8).hexdigest()}"
"""Names the shape of a stored `Snapshot` by its hash: another shape is never read as this one."""


class Entry(Struct, gc=False):
    """One stream in memory: its state, and the version of its last event.

    `complete` is false where only the version is known: a conflict that grew without being read.
    """

    state: Any  # A `State`.
    version: int
    complete: bool = True
    saved: int = 0  # The version of the last snapshot taken or read.
    size: int = _ENTRY_BYTES


class WorkingSet:
    """Implements the decisions' `World`; see the module's docstring."""

    def __init__(
        self, bytes_max: int, snapshot_every: int = 5_000, *, strict: bool = False
    ) -> None:
        """Keep about `bytes_max` bytes of states; the least recently used go first.

        After `snapshot_every` events a stock is due for a snapshot. `strict`: codes that nobody
        has defined are refused, or wait.
        """
        self.head = 0
        self.catalog = Use(strict=strict, consulted=strict)
        self.binding: set[str] = set()
        self.size = 0
        self._bytes_max = bytes_max
        self._snapshot_every = snapshot_every
        self._grown: set[str] = set()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self.past = Past()
        self._before: dict[str, tuple[State, int] | None] = {}
        self._begun: list[Stock] = []  # Those of them that can take back what they did.
        self._before_head = 0

    # --- the decisions' world -----------------------------------------------------------------

    def stock(self, stock_id: StockId) -> Stock:
        """The stock, empty where nothing was ever recorded."""
        state = self._entries[stock_stream(stock_id.location, stock_id.sku)].state
        assert isinstance(state, Stock)
        return state

    def stock_of(self, stream: str) -> Stock:
        """The stock of a stream that was read."""
        state = self._entries[stream].state
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
        return self.past.origin(movement_id)

    def state(self, stream: str) -> State:
        """The state of a stream that was read; none where nothing was ever recorded."""
        entry = self._entries.get(stream)
        return None if entry is None else entry.state

    def level_at(self, stock_id: StockId, bucket: PhysicalBucket, at: Instant) -> int:
        """The level of a bucket at a moment, by all that is known: one the command asked for."""
        return self.past.level_at(self.stock(stock_id), bucket, at)

    # --- taking events in ---------------------------------------------------------------------

    def begin(self) -> None:
        """Start a command whose effects may be taken back."""
        self._before.clear()
        self._begun.clear()
        self.past.begin()
        self._before_head = self.head

    def commit(self) -> None:
        """Keep the command's effects."""
        for stock in self._begun:
            stock.commit()

    def measure(self, streams: Iterable[str]) -> None:
        """A batch is decided: see how large the streams it touched have become."""
        for stream in streams:
            entry = self._entries.get(stream)
            if entry is None:
                continue
            size = _size_of(entry.state)
            if size != entry.size:
                self.size += size - entry.size
                entry.size = size
            if entry.version - entry.saved >= self._snapshot_every and type(entry.state) is Stock:
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
        self.past.rollback()

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
                self._begun.append(entry.state)
        self.head += 1
        if not entry.complete:
            entry.version += 1 if entry.version > 0 else -1
            return stream, entry.version
        entry.version += 1
        if type(entry.state) is Stock:
            entry.state.evolve(event)  # type: ignore[arg-type]
            cause, past = effect.cause, self.past
            if cause.movement_id is not None:
                past.note(cause.owner or owner, cause.movement_id, event)  # type: ignore[arg-type]
            if past.tails:
                past.extend(stream, event)  # type: ignore[arg-type]
        else:
            entry.state = evolved(entry.state, event)
            if type(entry.state) in _DEFINITIONS:
                self.catalog.definitions += 1
                self._consult(entry.state)
            elif type(entry.state) is Channel and entry.state.current.rules.binding:
                self.binding.add(entry.state.current.channel)
        return stream, entry.version

    def take_plain(self, stream: str, event: AnyStockEvent, owner: str, movement_id: str) -> None:
        """Take in the one event of a command that is nothing but that; no `begin`, no `commit`.

        The stock is here and complete. What breaks takes nothing in.
        """
        entry = self._entries[stream]
        stock = entry.state
        assert type(stock) is Stock
        stock.begin()
        try:
            stock.evolve(event)
        except BaseException:
            stock.rollback()
            raise
        stock.commit()
        self._entries.move_to_end(stream)
        entry.version += 1
        self.head += 1
        self.past.note_alone(stream, owner, movement_id, event)

    def _consult(self, state: State) -> None:
        """From the first definition on, the catalog is asked."""
        self.catalog.consulted = True
        if type(state) is Sku and state.current.case_policy != "exact":
            self.catalog.folding = True

    def settle_versions(self, known: dict[str, int]) -> None:
        """Turn the counted versions of unread streams into real ones."""
        for stream, last in known.items():
            entry = self._entries.get(stream)
            if entry is not None and entry.version < 0:
                entry.version = last - entry.version

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
        if state is not None:
            entry.saved = saved
            entry.size = _size_of(state)
        self.size += entry.size
        if type(state) is Sku:
            self._consult(state)

    def drop(self, streams: Iterable[str]) -> None:
        """Forget streams whose state here is not, or may not be, the ledger's."""
        for stream in streams:
            self._forget(stream)
        self.past.clear()

    def clear(self, head: int) -> None:
        """Forget everything and start at a head."""
        self._entries.clear()
        self.past.clear()
        self.size = 0
        self.head = head

    @property
    def is_full(self) -> bool:
        """Whether there is more here than there shall be."""
        return self.size > self._bytes_max

    def evict(self, keep: Iterable[str]) -> None:
        """Forget the least recently used streams until the rest fits; never those to keep."""
        kept = set(keep)
        for _ in range(len(self._entries)):
            if not self.is_full:
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
        if stream in self._entries:
            self.size -= self._entries.pop(stream).size


def _size_of(state: State) -> int:
    if type(state) is Stock:
        many = len(state.holds) + len(state.lapsed) + len(state.conflicts)
        if state.fences is not None:
            many += len(state.fences.held)
        size = _ENTRY_BYTES + _HOLD_BYTES * many
        if state.anchors:
            size += _ANCHOR_BYTES * sum(map(len, state.anchors.values()))
        return size
    if type(state) in _LINED:
        return _ENTRY_BYTES + _LINE_BYTES * len(state.lines)  # type: ignore[union-attr]
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
