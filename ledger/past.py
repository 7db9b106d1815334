"""What decisions ask of the past, and cannot yet, or not cheaply, read from the ledger.

Recorded movements that others refer to, also before their receipts can be read; and of a stock
of which an old level is asked, the end of its stream: as far back as that level is.
"""

from collections import OrderedDict
from collections.abc import Iterable, KeysView
from typing import Final, NamedTuple, TypeAlias

from ledger.domain.events import AnyStockEvent, postings
from ledger.domain.movement import Origin, origin_of
from ledger.domain.stock import Stock
from ledger.domain.values import Instant

ORIGINS_MAX: Final = 50_000
"""Movements remembered, some 25 MB; more than any batches under way hold."""

Key: TypeAlias = tuple[str, str]
"""An owner and a movement id: a `MovementId`, or as good as one."""


class Tail(NamedTuple):
    """Every event of a stock that may have happened after a moment, in ledger order."""

    since: Instant
    events: list[AnyStockEvent]


class Past:
    """Remembers movements, and the ends of streams for as long as a batch is decided."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self.origins: OrderedDict[Key, Origin | tuple[AnyStockEvent, ...]] = OrderedDict()
        self.tails: dict[str, Tail] = {}
        self.fresh: list[tuple[str, str, AnyStockEvent]] = []  # Not yet among the origins.
        self._fresh_before = 0
        self._before: list[tuple[Key, Origin | tuple[AnyStockEvent, ...] | None]] = []
        self._lengths: dict[str, int] = {}

    # --- recorded movements -------------------------------------------------------------------

    def origin(self, key: Key) -> Origin | None:
        """The recorded movement under an id, if it is remembered."""
        if self.fresh:
            self._index()
        known = self.origins.get(key)
        if known is None or isinstance(known, Origin):
            return known
        return origin_of(known, key[1])

    def known(self) -> KeysView[Key]:
        """The ids of the movements that are remembered."""
        self._index()
        return self.origins.keys()

    def note(self, owner: str, movement_id: str, event: AnyStockEvent) -> None:
        """A movement comes to an event: others may refer to it from now on."""
        self.fresh.append((owner, movement_id, event))

    def note_alone(self, stream: str, owner: str, movement_id: str, event: AnyStockEvent) -> None:
        """The same of a movement that is a command of its own, and will not be taken back."""
        if len(self.fresh) >= ORIGINS_MAX:
            self._forget_half()
        self.fresh.append((owner, movement_id, event))
        self._fresh_before = len(self.fresh)
        if self.tails:
            self.extend(stream, event)

    def _index(self) -> None:
        """Sort in what movements came to, now that somebody asks; most are never asked for."""
        fresh, self.fresh = self.fresh, []
        before, self._before = self._before, []
        for owner, movement_id, event in fresh[: self._fresh_before]:
            self._note((owner, movement_id), event)
        self._before = before  # What came before this command is not taken back with it.
        for owner, movement_id, event in fresh[self._fresh_before :]:
            self._note((owner, movement_id), event)
        self._fresh_before = 0

    def _note(self, key: Key, event: AnyStockEvent) -> None:
        known = self.origins.get(key)
        self._before.append((key, known))
        if known is None or isinstance(known, Origin):
            self.origins[key] = (event,)
            if len(self.origins) > ORIGINS_MAX:
                self.origins.popitem(last=False)
        else:
            self.origins[key] = (*known, event)

    def put_origin(self, key: Key, origin: Origin) -> None:
        """Keep a movement that was read from the ledger."""
        self._index()
        self.origins.setdefault(key, origin)
        if len(self.origins) > ORIGINS_MAX:
            self.origins.popitem(last=False)

    # --- ends of streams ----------------------------------------------------------------------

    def put_tail(self, stream: str, since: Instant, events: Iterable[AnyStockEvent]) -> None:
        """Keep the end of a stream: all that may have happened after `since`."""
        self.tails[stream] = Tail(since, list(events))

    def extend(self, stream: str, event: AnyStockEvent) -> None:
        """One more event of a stream, of which the end may be kept."""
        tail = self.tails.get(stream)
        if tail is not None:
            tail.events.append(event)

    def level_at(self, stock: Stock, bucket: str, at: Instant) -> int:
        """The level of a bucket at a moment: the present one less what has happened since."""
        level = stock.levels[bucket]
        if at >= stock.effective_at:
            return level
        tail = self.tails[stock.stock_id.stream]
        assert tail.since <= at, "the end of the stream was read from a later moment on"
        for event in reversed(tail.events):
            if event.effective_at <= at:
                break
            if event.occurred_at > at:
                for _, changed, delta in postings(event):
                    if changed == bucket:
                        level -= delta
        return level

    # --- taking back and forgetting -----------------------------------------------------------

    def begin(self) -> None:
        """Start a command whose effects may be taken back."""
        self._before.clear()
        if len(self.fresh) >= ORIGINS_MAX:
            self._forget_half()
        self._fresh_before = len(self.fresh)
        if self.tails:
            self._lengths = {stream: len(tail.events) for stream, tail in self.tails.items()}

    def _forget_half(self) -> None:
        """Let the oldest movements go, each whole: of a part nobody could say what it was."""
        cut = len(self.fresh) // 2
        while cut < len(self.fresh) and self.fresh[cut][:2] == self.fresh[cut - 1][:2]:
            cut += 1
        del self.fresh[:cut]

    def rollback(self) -> None:
        """Take the command's effects back."""
        del self.fresh[self._fresh_before :]
        for key, known in reversed(self._before):
            if known is None:
                self.origins.pop(key, None)
            else:
                self.origins[key] = known
        for stream, tail in self.tails.items():
            del tail.events[self._lengths[stream] :]

    def forget_tails(self) -> None:
        """A batch ends: the next one reads what it needs."""
        if self.tails:
            self.tails.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.fresh.clear()
        self._fresh_before = 0
        self.origins.clear()
        self.tails.clear()
