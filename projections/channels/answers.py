"""The shapes of channels in answers."""

from msgspec import Struct

from ledger.domain.events import ChannelDefined
from ledger.domain.values import Instant


class ChannelFound(Struct, frozen=True):
    """A channel's definition in force, its version, and the staleness that was recorded last."""

    event: ChannelDefined
    version: int
    measured_s: int


class CredentialFound(Struct, frozen=True, kw_only=True):
    """A credential of a channel, whatever became of it."""

    channel: str
    credential_id: str
    public_key: str
    issued_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class CredentialsFound(Struct, frozen=True):
    """The credentials of a channel, the first issued first, and where this was read."""

    items: list[CredentialFound]
    position: int
