"""Which credentials stand: folded from the ledger's events about them."""

from collections.abc import Iterable
from typing import NamedTuple

from ledger.domain.events import AnyEvent, ChannelCredentialIssued, ChannelCredentialRevoked
from ledger.domain.values import Instant
from subscribers.access.claims import revocation

TOPICS = ("channel.credential_issued.v1", "channel.credential_revoked.v1")


class Credential(NamedTuple):
    """One that was issued."""

    public_key: str
    expires_at: Instant | None
    revoked: bool = False

    def ran_out(self, now: Instant) -> bool:
        """Whether the server lets it in no more by itself."""
        return self.expires_at is not None and self.expires_at <= now


class Standing:
    """The credentials of every channel that ever had any."""

    def __init__(self) -> None:
        """Know none."""
        self._channels: dict[str, dict[str, Credential]] = {}

    @property
    def channels(self) -> Iterable[str]:
        """Those that ever had any."""
        return self._channels.keys()

    def take(self, event: AnyEvent) -> str | None:
        """Fold one more event; the channel it is about, if it is about a credential."""
        match event:
            case ChannelCredentialIssued():
                issued = Credential(event.public_key, event.expires_at)
                self._channels.setdefault(event.channel, {})[event.credential_id] = issued
            case ChannelCredentialRevoked():
                known = self._channels[event.channel]
                revoked = known[event.credential_id]._replace(revoked=True)
                known[event.credential_id] = revoked
            case _:
                return None
        return event.channel

    def revoked(self, channel: str, now: Instant) -> dict[str, int]:
        """Keys that the server must refuse, and until when their claims are void.

        What has run out it refuses by itself: a list that only grew would be sent for ever.
        """
        return {
            one.public_key: revocation()
            for one in self._channels.get(channel, {}).values()
            if one.revoked and not one.ran_out(now)
        }

    def ran_out(self, channel: str, now: Instant) -> set[str]:
        """Keys that the server refuses by itself."""
        known = self._channels.get(channel, {}).values()
        return {one.public_key for one in known if one.ran_out(now)}

    def is_read(self, channel: str, now: Instant) -> bool:
        """Whether anybody may read as the channel."""
        known = self._channels.get(channel, {}).values()
        return any(not one.revoked and not one.ran_out(now) for one in known)
