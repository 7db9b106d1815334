"""`Channel(url, channel="web", credentials=…)`: what a channel may sell, from JetStream."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nats.aio.client import Client

from subscribers import messages
from subscribers.sdk.admission import admitted
from subscribers.sdk.credentials import login_with
from subscribers.sdk.durable import Durable
from subscribers.sdk.subscriber import Subscriber
from subscribers.sdk.subscription import Subscription
from subscribers.sdk.values import (
    Disconnected,
    Limits,
    OnStaleness,
)


class Channel(Subscriber):
    """Follows what one channel may sell: `async with Channel(…) as channel: await channel.run(f)`.

    Each time it joins, the present comes first, then the marker `PresentComplete`, then changes.
    A number is handed over only if it is newer than the one handed over before of the same SKU.
    A channel has one subscriber at a time: who joins last stays, the other ends with `Replaced`.
    """

    def __init__(
        self,
        url: str,
        *,
        channel: str,
        credentials: str | Path | None = None,
        limits: Limits | None = None,
        on_staleness: OnStaleness | None = None,
        **connection: Any,
    ) -> None:
        """`credentials`: a credentials file or its text; `connection` goes on to the client."""
        self._url = url
        self._channel = channel
        self._limits = limits or Limits()
        self._on_staleness = on_staleness
        self._credentials = credentials
        self._connection = connection
        self._client: Client | None = None
        self._source: Durable | None = None

    async def __aenter__(self) -> Self:
        """Connects. Raises NotAdmitted where the credentials are not accepted."""
        self._client = await admitted(
            self._url,
            refused=self._failed,
            closed=lambda: self._failed(Disconnected("the connection was closed")),
            reconnected=self._reconnected,
            needed=messages.sync_subject(self._channel),
            inbox_prefix=messages.inbox_of(self._channel),
            **(self._connection | login_with(self._credentials)),
        )
        self._source = Durable(self._client, self._channel, self._limits)
        self._subscription = Subscription(self._source, self._limits, self._on_staleness)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was acknowledged is on its way; the rest comes again."""
        await self._opened.leave()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _failed(self, reason: Exception) -> None:
        if self._source is not None and self._client is not None:
            self._source.fail(reason)

    def _reconnected(self) -> None:
        if self._source is not None:
            self._source.reconnected()
