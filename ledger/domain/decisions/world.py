"""What a decision may look at, and what it leaves behind."""

from collections.abc import Generator, Mapping
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from ledger.domain.catalog import Use
from ledger.domain.conflict import Conflict
from ledger.domain.events import AnyEvent
from ledger.domain.movement import Origin
from ledger.domain.outcomes import MovementResult, Outcome
from ledger.domain.reservation import Reservation
from ledger.domain.stock import Stock
from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant, PhysicalBucket, StockId


class MovementId(NamedTuple):
    """A movement's id in the name space of the principal that reported it."""

    owner: str
    movement_id: str


class World(Protocol):
    """The streams a decision reads. It never changes them itself: whoever runs the decision
    takes each effect into the world as it is yielded, so that what follows sees it.
    """

    head: int
    """The position of the last event decided."""

    catalog: Use
    """Whether codes and units have to be looked up at all."""

    binding: set[str]
    """Channels whose rules may bind promises: every one whose rules ever were binding."""

    def stock(self, stock_id: StockId) -> Stock:
        """The stock, empty where nothing was ever recorded."""
        ...

    def reservation(self, reservation_id: str) -> Reservation | None:
        """The reservation, or none under this id."""
        ...

    def conflict(self, conflict_id: str) -> Conflict | None:
        """The conflict, or none under this id."""
        ...

    def state(self, stream: str) -> object:
        """What a stream that was read folds to; none where nothing was ever recorded."""
        ...

    def origin(self, movement_id: MovementId) -> Origin | None:
        """The recorded movement under this id, or none."""
        ...

    def level_at(self, stock_id: StockId, bucket: PhysicalBucket, at: Instant) -> int:
        """The level of a bucket at a moment, by all that is known: one the command asked for."""
        ...


class Cause(Struct, frozen=True, gc=False):
    """Why an event is recorded: the part of its envelope that the domain decides."""

    instant: Instant
    reason: str
    source: str | None = None
    reference: str | None = None
    movement_id: str | None = None
    claimed_at: Instant | None = None
    stated: str | None = None
    owner: str | None = None  # Whose the movement id is, where another principal records it.


class Effect(Struct, frozen=True, gc=False):
    """One event to record. `fresh` where it is known to be the first of its stream."""

    event: AnyEvent
    cause: Cause
    fresh: bool = False


class Context(Struct, frozen=True, gc=False):
    """Who asks, under which idempotency key, and what is recorded as the source otherwise."""

    principal: str
    command_id: str
    source: str = "unknown"
    recorded: Mapping[int, MovementResult] = {}
    """Movements of this command, by index, that were recorded before under ids of their own."""

    skew_max: int = 300 * MICROSECONDS_PER_SECOND
    """Microseconds a claimed time may lie ahead before people should know."""


ResultT = TypeVar("ResultT")

Deciding: TypeAlias = Generator[Effect, None, ResultT]
"""A decision under way: yields events in ledger order, returns what they come to."""

Decision: TypeAlias = Generator[Effect, None, Outcome]
"""A whole command's decision: its outcome holds once its events are durable."""


class ConflictIds:
    """Names for the conflicts that one decision opens: its instant and a running number."""

    __slots__ = ("_last", "_now")

    def __init__(self, now: Instant) -> None:
        """Start numbering at one."""
        self._now = now
        self._last = 0

    def new(self) -> str:
        """The next name; unique because instants never repeat."""
        self._last += 1
        return f"{self._now:x}-{self._last}"


def opened_at(conflict_id: str) -> Instant:
    """The instant of the decision that opened a conflict: its name tells."""
    return int(conflict_id.partition("-")[0], 16)
