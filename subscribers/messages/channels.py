"""Messages about channels: their rules, how stale they are, and who may read as them."""

from msgspec import Struct

from subscribers.messages.base import Message, Timestamp


class ChannelMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one channel."""

    channel: str


class _Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule is for; of rules of one kind only the closest counts."""

    sku: str | None = None
    sku_class: str | None = None
    location: str | None = None


class SafetyStock(_Scope, frozen=True, kw_only=True, omit_defaults=True):
    """Units kept back at each location."""

    units: int


class Buffer(_Scope, frozen=True, kw_only=True, omit_defaults=True):
    """Units and a share (hundredths of a per cent) kept back at each location, after those."""

    units: int = 0
    basis_points: int = 0


class Cap(_Scope, frozen=True, kw_only=True, omit_defaults=True):
    """The most that is told of a SKU."""

    units: int


class Rounding(_Scope, frozen=True, kw_only=True, omit_defaults=True):
    """A SKU is told in whole packs: a named pack of the SKU, or so many units."""

    pack: str | None = None
    units: int = 1


class StalenessBand(Struct, frozen=True, kw_only=True):
    """What else is kept back while a channel is at least so many seconds behind."""

    from_s: int
    units: int = 0
    basis_points: int = 0


class Publishing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which rises of a number may wait, and how far messages of a SKU are apart."""

    rise_units: int = 1
    every_ms: int = 0


class ChannelRules(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What shapes the numbers a channel is told."""

    safety_stock: tuple[SafetyStock, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    caps: tuple[Cap, ...] = ()
    rounding: tuple[Rounding, ...] = ()
    staleness: tuple[StalenessBand, ...] = ()
    publish: Publishing = Publishing()
    backorder_limit: int = 0
    only_fenced: bool = False
    binding: bool = False


class ChannelDefined(ChannelMessage, frozen=True, kw_only=True, omit_defaults=True):
    """What a channel sells from, and by which rules, from now on."""

    TYPE = "inventory.channel.defined.v1"
    locations: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    by_location: bool = False
    rules: ChannelRules = ChannelRules()


class ChannelStalenessChanged(ChannelMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A channel is in another band of staleness: the one that begins at `from_s`, or none at 0."""

    TYPE = "inventory.channel.staleness_changed.v1"
    from_s: int
    measured_s: int


class ChannelCredentialIssued(ChannelMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody may read as a channel from now on."""

    TYPE = "inventory.channel.credential_issued.v1"
    credential_id: str
    public_key: str
    expires_at: Timestamp | None = None


class ChannelCredentialRevoked(ChannelMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A credential is worth nothing any more."""

    TYPE = "inventory.channel.credential_revoked.v1"
    credential_id: str
    public_key: str
