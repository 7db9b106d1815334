"""Where a channel's numbers come from, as the one who hands them over sees it."""

from enum import Enum
from typing import NamedTuple, Protocol

from subscribers.messages import AtsState
from subscribers.sdk.desk import Value


class Outcome(Enum):
    """What became of a value; the words are those of JetStream's acknowledgements."""

    HANDLED = "+ACK"
    OVERTAKEN = "+TERM"  # A newer one has been handled, or will be.
    FAILED = "-NAK"  # Only of a dead letter that was replayed: it stays one.


class Joined(NamedTuple):
    """What joining found: at least so many keys are about to come."""

    generation: int
    values: int
    hold_every_s: float


class Garbled(NamedTuple):
    """A delivery nobody can read; `time` is when it was stored."""

    subject: str
    headers: dict[str, str]
    payload: bytes
    sequence: int
    reason: str
    time: str = ""
    replayed: bool = False
    receipt: str = ""


class Arrival(NamedTuple):
    """What came in, if anything; `last` where nothing else waits at this moment."""

    value: Value | Garbled | None
    last: bool = False


class Lost(Exception):
    """After what was delivered there may be a hole: join again."""


class Unanswered(Exception):
    """Nobody answers at present."""


class Source(Protocol):
    """Delivers values at least once, the last of each key first."""

    @property
    def heard_at(self) -> float:
        """When it last heard anything, by the event loop's clock."""
        ...

    async def join(self, generation_min: int) -> Joined:
        """Have the present delivered anew. Raises Unanswered."""
        ...

    async def next(self, room: int) -> Arrival | None:
        """What comes next, as far as there is room; nothing after `wake`. Raises Lost."""
        ...

    def wake(self) -> None:
        """End a `next` that waits."""
        ...

    async def settle(self, value: Value | Garbled, outcome: Outcome, reason: str = "") -> None:
        """Acknowledge: it is not delivered again. Raises Unanswered."""
        ...

    async def last(self, sku: str, location: str | None) -> AtsState | None:
        """What was told last of one key. Raises Unanswered."""
        ...

    async def hold(self, value: Value) -> None:
        """Say that it is still being worked on."""
        ...

    async def bury(self, value: Value | Garbled, attempts: int, reason: str) -> None:
        """Make it a dead letter; returns when that is stored. Raises Unanswered."""
        ...
