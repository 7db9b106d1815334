"""Letting channels in: their users' claims are signed here, and the keeper is asked about them."""

from pathlib import Path
from typing import Final

import msgspec
import nkeys

from api.forwarding import Bus
from api.problems import Problem
from ledger.clock import Clock
from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant
from ledger.settings import Settings
from subscribers.access.claims import channel_user
from subscribers.access.keeper import SUBJECT, Asked
from subscribers.access.keys import ChannelKeys, new_user
from subscribers.access.tokens import credentials_file, public_key, signed

_PATIENCE_S: Final = 2.0  # A keeper at work answers within some milliseconds.


class Admission:
    """What a process needs to let somebody read as a channel."""

    def __init__(self, settings: Settings, bus: Bus | None, clock: Clock) -> None:
        """Read the key, where there is one. Raises KeysMissing."""
        self._keys = None if settings.nats_keys is None else ChannelKeys(Path(settings.nats_keys))
        self._bus = bus
        self._clock = clock

    def new_user(self) -> nkeys.KeyPair:
        """A key for somebody who is to be let in. Raises Problem where nobody can be."""
        if self._keys is None or self._bus is None:
            raise Problem(
                "illegal-state",
                "this service does not hold the keys of its message server, which makes no"
                " credentials without them; set NATS_KEYS, or have its operator make them",
                what="message server",
                state="keys-missing",
            )
        return new_user()

    def credentials(
        self, channel: str, user: nkeys.KeyPair, credential_id: str, expires_at: Instant | None
    ) -> str:
        """The text of a credentials file: what its holder logs in with."""
        assert self._keys is not None
        ends = None if expires_at is None else expires_at // MICROSECONDS_PER_SECOND
        claims = channel_user(channel, public_key(user), credential_id, ends)
        issued_at = self._clock.now() // MICROSECONDS_PER_SECOND
        return credentials_file(signed(claims, self._keys.account(channel), issued_at), user)

    async def in_force(self, position: int) -> bool:
        """Whether the message server goes by everything up to a position; waits a little for it."""
        if self._bus is None:
            return False
        asked = msgspec.json.encode(Asked(position))
        return await self._bus.ask(SUBJECT, asked, _PATIENCE_S) is not None
