"""A channel: what it sells from, by which rules, how stale it is, and who may read as it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.availability import band_of
from ledger.domain.events import (
    AnyChannelEvent,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelStalenessChanged,
    LocationDefined,
    StalenessBand,
)
from ledger.domain.values import Instant, stream_id


class Credential(Struct, frozen=True, gc=False):
    """Somebody who may read as a channel: until it is revoked, or runs out."""

    public_key: str
    issued_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None


class Channel(Struct, frozen=True):
    """A channel as it stands. Its version is that of its rules, in whatever is told by them.

    `since`: when its definition or its staleness last changed.
    """

    version: int
    current: ChannelDefined
    since: Instant
    measured_s: int = 0
    credentials: Mapping[str, Credential] = {}

    @property
    def band(self) -> StalenessBand | None:
        """The band of staleness it is in, by the rules of now and what was measured last."""
        return band_of(self.current.rules, self.measured_s)


def evolve(channel: Channel | None, event: AnyChannelEvent) -> Channel:
    """The channel after one more event; the first one defines it."""
    if channel is None:
        assert isinstance(event, ChannelDefined), "a channel begins with its definition"
        return Channel(1, event, event.occurred_at)
    version, at = channel.version + 1, event.occurred_at
    match event:
        case ChannelDefined():
            return replace(channel, version=version, current=event, since=at)
        case ChannelStalenessChanged():
            return replace(channel, version=version, measured_s=event.measured_s, since=at)
        case ChannelCredentialIssued():
            credential = Credential(event.public_key, at, event.expires_at)
        case ChannelCredentialRevoked():
            credential = replace(channel.credentials[event.credential_id], revoked_at=at)
        case _:
            assert_never(event)
    credentials = {**channel.credentials, event.credential_id: credential}
    return replace(channel, version=version, credentials=credentials)


def sells_from(channel: ChannelDefined, location: str, defined: LocationDefined | None) -> bool:
    """Whether a location feeds a channel; one that nobody has defined has to be named."""
    if defined is None:
        return location in channel.locations
    return defined.sells and (
        location in channel.locations
        or defined.kind in channel.kinds
        or not set(defined.tags).isdisjoint(channel.tags)
    )


@lru_cache(maxsize=1_024)
def channel_stream(channel: str) -> str:
    """Name the stream of one channel."""
    return stream_id("channel", channel)
