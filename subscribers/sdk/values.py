"""What a channel's handler is given, and the limits of the one who gives it."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from subscribers.messages import AtsState, CloudEvent


class Key(NamedTuple):
    """What one number is about: a SKU, or its part at one location."""

    sku: str
    location: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """A number that is newer than the one handled before it.

    `present` where it was already so when the subscriber joined; `attempt` counts from 1;
    `id` is the message's own, the same at every delivery.
    """

    state: AtsState
    event: CloudEvent
    generation: int
    attempt: int = 1
    present: bool = False

    @property
    def id(self) -> str:
        """`<generation>:<channel>:<sku>:<told>`."""
        return self.event.id

    @property
    def key(self) -> Key:
        """What the number is about."""
        return Key(self.state.sku, self.state.location)


class PresentComplete(Struct, frozen=True, kw_only=True):
    """The marker that the present is complete: all of `keys` have been handed over by now.

    There are no others: what else a subscriber remembers from an earlier life is not told any
    more, and not to be sold.
    """

    generation: int
    keys: frozenset[Key]


class Staleness(Struct, frozen=True, kw_only=True):
    """How far behind a subscriber is.

    `oldest_s` is the age of the oldest value it has not acknowledged, 0 where there is none;
    `unheard_s` the time since it last heard anything of the server, which speaks every second.
    """

    oldest_s: float
    unheard_s: float


Handler: TypeAlias = Callable[[Change], Awaitable[None]]
OnPresent: TypeAlias = Callable[[PresentComplete], Awaitable[None]]
OnStaleness: TypeAlias = Callable[[Staleness], None]


class Limits(Struct, frozen=True, kw_only=True):
    """Every limit of a subscriber, with its unit and its reason."""

    tries_max: int = 10
    """Tries of one key in a row; with the pauses below, a minute of trouble is sat out."""
    retry_min_ms: int = 100
    """The pause after the first failure; it doubles with each further one."""
    retry_max_ms: int = 30_000
    handlers_max: int = 1
    """Handlers at work at once, each on a key of its own. One needs no thought about order."""
    unacknowledged_max: int = 500
    """Values in memory. Those that wait to be tried again count; the durable allows 1,000."""
    pull_ms: int = 10_000
    """How long the server keeps a request for more."""
    heartbeat_ms: int = 1_000
    """How often the server says that there is nothing."""
    request_timeout_ms: int = 5_000
    """For everything that is asked and answered; late is the same as never."""
    staleness_every_ms: int = 1_000
    """How often `on_staleness` is called."""


class Replaced(Exception):
    """Another subscriber of this channel has joined since: a channel has one at a time."""


class NotAdmitted(Exception):
    """The server does not accept these credentials, or not any more."""


class Disconnected(Exception):
    """The connection has been closed for good."""
