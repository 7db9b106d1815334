"""The claims of accounts as the message server keeps them: asked for, and replaced, over $SYS."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from nats.aio.client import Client

from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant
from subscribers.access.claims import channel_account
from subscribers.access.keys import Keys
from subscribers.access.standing import Standing
from subscribers.access.tokens import BadToken, claims_of, public_key, signed

_UPDATE: Final = "$SYS.REQ.CLAIMS.UPDATE"
_TIMEOUT_S: Final = 5.0


class ClaimsRefused(Exception):
    """The message server does not take an account's claims."""


class _Answer(Struct):
    data: dict[str, Any] = {}
    error: dict[str, Any] | None = None


class Accounts:
    """The accounts of channels on one message server, through its system account."""

    def __init__(self, system: Client, keys: Keys) -> None:
        """Take a connection of the system account."""
        self._system = system
        self._keys = keys
        self._ledger = public_key(keys.ledger)
        self._operator = public_key(keys.operator)

    async def put(self, channel: str, standing: Standing, now: Instant) -> bool:
        """Make a channel's account what it has to be; whether it was not.

        The server cuts off whoever is connected with a key that is now revoked. What it knows as
        revoked stays so until it has run out: a ledger that was set back knows less.
        """
        account = self._keys.of_channel(channel)
        name = public_key(account)
        kept = await self._kept(name)
        known = kept["nats"].get("revocations", {}) if kept else {}
        over = standing.ran_out(channel, now)
        revoked = {key: until for key, until in known.items() if key not in over}
        revoked |= standing.revoked(channel, now)
        wanted = channel_account(channel, name, self._ledger, revoked)
        if kept is not None and _says(kept) == _says(wanted) and kept.get("iss") == self._operator:
            return False
        token = signed(wanted, self._keys.operator, now // MICROSECONDS_PER_SECOND)
        said = await self._system.request(_UPDATE, token.encode(), timeout=_TIMEOUT_S)
        answer = msgspec.json.decode(said.data, type=_Answer)
        if answer.error is not None or answer.data.get("code") != 200:
            raise ClaimsRefused(f"the account of channel {channel}: {said.data.decode()}")
        return True

    async def _kept(self, account: str) -> dict[str, Any] | None:
        """What the server has of an account; None where it has nothing that can be read."""
        subject = f"$SYS.REQ.ACCOUNT.{account}.CLAIMS.LOOKUP"
        said = await self._system.request(subject, b"", timeout=_TIMEOUT_S)
        try:
            return claims_of(said.data.decode()) if said.data else None
        except (BadToken, UnicodeDecodeError):
            return None


def _says(claims: dict[str, Any]) -> tuple[Any, Any, Any]:
    """What claims mean, apart from when they were signed, and by whom."""
    return claims["sub"], claims.get("name"), claims["nats"]
