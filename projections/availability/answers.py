"""The shapes of availability and of the channel log in an answer."""

from msgspec import Struct

from ledger.domain.availability import Derivation
from ledger.domain.values import Instant


class Available(Struct, frozen=True, kw_only=True):
    """What a channel may be told of one SKU; of each location, too, where it is asked for."""

    sku: str
    derivation: Derivation
    expires: Instant | None


class Availability(Struct, frozen=True, kw_only=True):
    """A channel's numbers at a position, by a version of its rules, at an instant.

    They are the same `since` an instant: when the last hold ran out that is not yet written down.
    """

    channel: str
    items: list[Available]
    position: int
    rule_version: int
    instant: Instant
    since: Instant


class Told(Struct, frozen=True, kw_only=True):
    """One value that a channel was told. `sequence` is none until the stream has taken it."""

    told: int
    generation: int
    channel: str
    sku: str
    location: str
    ats: int
    position: int
    rule_version: int
    instant: Instant
    expires: Instant | None
    inputs: str
    sequence: int | None = None


class Status(Struct, frozen=True):
    """What the teller has done, and how far behind it is.

    `overdue_s`: since when nobody has the office, below zero while somebody has.
    """

    told: int
    subjects: int
    lag: int
    sweeping: int
    overdue_s: float
