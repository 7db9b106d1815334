"""An event as the ledger keeps it: what happened, and everything known about its recording."""

from msgspec import Struct

from ledger.domain.events import AnyEvent
from ledger.domain.values import Id, Instant, Text


class Meta(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Who reported an event, why, and as part of what.

    `instant` is the decision time of the command. `claimed_at` is kept where a fact claimed a
    time in the future and was recorded at the instant instead. `stated` is the quantity in the
    words of its reporter, where a unit was named or decimals were given. `owner` is the principal
    in whose name space the movement id lives, where another one had it recorded.
    """

    instant: Instant
    actor: Text
    source: Text
    reason: Text
    correlation_id: Id
    command_id: Id
    movement_id: Id | None = None
    reference: Text | None = None
    claimed_at: Instant | None = None
    stated: Text | None = None
    owner: Text | None = None


class Body(Struct, frozen=True, gc=False):
    """The stored form: one JSON object per event row."""

    meta: Meta
    event: AnyEvent


class Recorded(Struct, frozen=True, gc=False):
    """An event with its place in the ledger; what projections, relays and auditors read.

    `recorded_at` is ledger time in microseconds, read from the database's clock once
    the append holds its lock.
    """

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: Instant
    meta: Meta
    event: AnyEvent
