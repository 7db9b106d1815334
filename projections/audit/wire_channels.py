"""What the auditor reads of channels."""

from typing import TypeAlias

from msgspec import Struct


class OfChannel(Struct, gc=False, kw_only=True):
    """Something about one channel."""

    occurred_at: int
    channel: str


class Limit(Struct, gc=False, kw_only=True, omit_defaults=True):
    """A rule of any kind but staleness: what it is for, and what it says."""

    pack: str | None = None
    units: int | None = None
    basis_points: int | None = None
    sku: str | None = None
    sku_class: str | None = None
    location: str | None = None


class Band(Struct, gc=False, kw_only=True):
    """What a staleness adds."""

    from_s: int
    units: int
    basis_points: int


class Publish(Struct, gc=False, kw_only=True, omit_defaults=True):
    """When a change is told."""

    rise_units: int = 1
    every_ms: int = 0


class Rules(Struct, gc=False, kw_only=True, omit_defaults=True):
    """What shapes a channel's numbers."""

    safety_stock: tuple[Limit, ...] = ()
    buffers: tuple[Limit, ...] = ()
    caps: tuple[Limit, ...] = ()
    rounding: tuple[Limit, ...] = ()
    staleness: tuple[Band, ...] = ()
    publish: Publish | None = None
    backorder_limit: int = 0
    only_fenced: bool = False
    binding: bool = False


class ChannelDefined(OfChannel, tag="channel.defined.v1"):
    """What a channel is from then on."""

    locations: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    by_location: bool = False
    rules: Rules | None = None


class StalenessChanged(OfChannel, tag="channel.staleness_changed.v1"):
    """How stale it was measured to be."""

    from_s: int
    measured_s: int


class CredentialIssued(OfChannel, tag="channel.credential_issued.v1"):
    """Who may read as it."""

    credential_id: str
    public_key: str
    expires_at: int | None = None


class CredentialRevoked(OfChannel, tag="channel.credential_revoked.v1"):
    """Who may not any more."""

    credential_id: str
    public_key: str


AnyChannel: TypeAlias = ChannelDefined | StalenessChanged | CredentialIssued | CredentialRevoked
