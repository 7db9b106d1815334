"""A guarded message server with channels on it, and what a client of it gets to hear."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from nats.aio.client import Client, RawCredentials
from nats.js import JetStreamContext

from api.runtime.natsd import EmbeddedNats
from ledger.clock import SystemClock
from ledger.domain.events import ChannelCredentialIssued, ChannelCredentialRevoked
from ledger.settings import login_with
from subscribers.access.accounts import Accounts
from subscribers.access.claims import channel_user
from subscribers.access.keys import SYSTEM_CREDENTIALS, Keys, new_user
from subscribers.access.standing import Standing
from subscribers.access.tokens import credentials_file, public_key, signed
from subscribers.durables import make_sure
from subscribers.messages import inbox_of
from subscribers.streams import ensure, filled

SECOND: Final = 1_000_000


class Heard(NamedTuple):
    """A client, and the errors the server has sent it."""

    client: Client
    errors: list[str]


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Heard]:
    """A client that comes once; the ends of its connection are tidied up, also of a refused one."""
    client, errors = Client(), list[str]()

    async def heard(error: Exception) -> None:
        errors.append(str(error))

    once: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1}
    try:
        await client.connect(url, error_cb=heard, **(once | options))
        yield Heard(client, errors)
    finally:
        writer = getattr(client._transport, "_io_writer", None)
        await client.close()
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class Broker:
    """The accounts of a guarded server, as the service would make them."""

    def __init__(self, server: EmbeddedNats) -> None:
        assert server.keys_dir is not None
        self.server = server
        self.keys = Keys(Path(server.keys_dir))
        self.standing = Standing()

    @property
    def service_login(self) -> dict[str, Any]:
        """How the service logs in."""
        return login_with(self.server.credentials)

    @property
    def system_login(self) -> dict[str, Any]:
        """How one gets into the system account."""
        assert self.server.keys_dir is not None
        return login_with(str(Path(self.server.keys_dir) / SYSTEM_CREDENTIALS))

    async def ready(self) -> None:
        """The streams are there."""
        async with connected(self.server.url, **self.service_login) as service:
            await ensure(service.client.jetstream())
            await filled(service.client.jetstream())

    async def issue(
        self, channel: str, credential_id: str = "one", *, expires_in_s: float | None = None
    ) -> dict[str, Any]:
        """Let somebody in as a channel; how he logs in."""
        user = new_user()
        now = SystemClock().now()
        ends = None if expires_in_s is None else now + int(expires_in_s * SECOND)
        self.standing.take(
            ChannelCredentialIssued(
                occurred_at=now,
                channel=channel,
                credential_id=credential_id,
                public_key=public_key(user),
                expires_at=ends,
            )
        )
        await self.put(channel)
        claims = channel_user(
            channel, public_key(user), credential_id, None if ends is None else ends // SECOND
        )
        token = signed(claims, self.keys.of_channel(channel), now // SECOND)
        return login(channel, credentials_file(token, user))

    async def revoke(self, channel: str, credential_id: str = "one") -> None:
        """Let him in no more."""
        known = self.standing._channels[channel][credential_id]
        self.standing.take(
            ChannelCredentialRevoked(
                occurred_at=SystemClock().now(),
                channel=channel,
                credential_id=credential_id,
                public_key=known.public_key,
            )
        )
        await self.put(channel)

    async def put(self, channel: str) -> None:
        """Put in force what stands, the channel's durable included."""
        async with connected(self.server.url, **self.system_login) as system:
            accounts = Accounts(system.client, self.keys)
            await accounts.put(channel, self.standing, SystemClock().now())
        async with connected(self.server.url, **self.service_login) as service:
            await make_sure(service.client.jetstream(), channel)


def login(channel: str, credentials: str) -> dict[str, Any]:
    """What a channel's program tells its client, given the text of its credentials file."""
    return {"user_credentials": RawCredentials(credentials), "inbox_prefix": inbox_of(channel)}


async def tell(js: JetStreamContext, channel: str, *skus: str) -> None:
    """Numbers for a channel."""
    for number, sku in enumerate(skus):
        await js.publish(f"inventory.ats.{channel}.{sku}", str(number).encode())


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float) -> None:
    """Wait for a thing. Raises TimeoutError where it did not come in time."""
    async with asyncio.timeout(within_s):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.01)


async def settled(client: Client) -> None:
    """Everything sent has been judged by the server, and its answers have been read."""
    await client.flush()
    await asyncio.sleep(0)
    await client.flush()
