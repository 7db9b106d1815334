"""Events of `channel/<id>`: what a channel may be told, in full, and how stale it has become."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import Code, Id, Instant, Text, stream_id


class Scope(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a rule is for: everything, or a SKU, a class of SKUs, a location, or a pair of them.

    Of rules of one kind the closest counts, and only that one: SKU at location, SKU, class at
    location, location, class, everything. None is for a SKU and a class.
    """

    sku: Code | None = None
    sku_class: Code | None = None
    location: Code | None = None


class SafetyStock(Scope, frozen=True):
    """Units kept back at each location."""

    units: int


class Buffer(Scope, frozen=True):
    """Units and a share kept back at each location, after the safety stock.

    The share is of what is left by then, in hundredths of a per cent, rounded up.
    """

    units: int = 0
    basis_points: int = 0


class Cap(Scope, frozen=True):
    """The most that a channel is told of a SKU, however much there is. Never for one location."""

    units: int


class Rounding(Scope, frozen=True):
    """A SKU is told in whole packs: a named pack of the SKU, or so many units.

    Never for one location. A pack the SKU does not have rounds to nothing.
    """

    pack: Code | None = None
    units: int = 1


class StalenessBand(Struct, frozen=True, kw_only=True, gc=False):
    """What else is kept back of a SKU while a channel is at least so many seconds behind.

    Units and a share, rounded up; no less than what a band that begins earlier keeps back.
    """

    from_s: int
    units: int = 0
    basis_points: int = 0


class Publishing(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """When a change is told. Less than before is always told, and so is "sold out" and "back".

    A rise of fewer than `rise_units` waits for the next change that is told; at most one message
    of a SKU each `every_ms`.
    """

    rise_units: int = 1
    every_ms: int = 0


class ChannelRules(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What shapes the number a channel is told.

    `backorder_limit`: units of a SKU it may be told beyond what is there, as far as the locations
    promise them at all. `only_fenced`: it sells what is set aside for it, and nothing else.
    `binding`: its reservations take at a location no more than the location's share, too.
    """

    safety_stock: tuple[SafetyStock, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    caps: tuple[Cap, ...] = ()
    rounding: tuple[Rounding, ...] = ()
    staleness: tuple[StalenessBand, ...] = ()
    publish: Publishing = Publishing()
    backorder_limit: int = 0
    only_fenced: bool = False
    binding: bool = False


class ChannelDefined(Event, frozen=True, tag="channel.defined.v1"):
    """What a channel sells from, and by which rules, from now on.

    It sells from locations that are named, are of a kind or carry a tag, and sell at all.
    `by_location`: it is told the part of each location, too.
    """

    channel: Code
    locations: tuple[Code, ...] = ()
    kinds: tuple[Code, ...] = ()
    tags: tuple[Code, ...] = ()
    by_location: bool = False
    rules: ChannelRules = ChannelRules()

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("channel", self.channel)


class ChannelStalenessChanged(Event, frozen=True, tag="channel.staleness_changed.v1"):
    """A channel is in another band of staleness from now on.

    `from_s` is where the band begins, 0 for none; `measured_s` is what was measured, and by whom
    is its source.
    """

    channel: Code
    from_s: int
    measured_s: int

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("channel", self.channel)


class ChannelCredentialIssued(Event, frozen=True, tag="channel.credential_issued.v1"):
    """Somebody may read as a channel from now on. Only the public key is ever recorded."""

    channel: Code
    credential_id: Id
    public_key: Text
    expires_at: Instant | None = None

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("channel", self.channel)


class ChannelCredentialRevoked(Event, frozen=True, tag="channel.credential_revoked.v1"):
    """A credential is worth nothing any more."""

    channel: Code
    credential_id: Id
    public_key: Text

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("channel", self.channel)


AnyChannelEvent: TypeAlias = (
    ChannelDefined | ChannelStalenessChanged | ChannelCredentialIssued | ChannelCredentialRevoked
)
