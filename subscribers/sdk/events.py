"""`Events(url).run(on_event)`: the ledger's events in order, from JetStream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo

from subscribers.messages import (
    EVENTS_STREAM,
    GENERATION,
    GENERATION_KEY,
    POSITION,
    decode,
)
from subscribers.sdk.client import open_client
from subscribers.sdk.credentials import login_with
from subscribers.sdk.following import (
    Delivery,
    Following,
    Handler,
    MessagesMissing,
    NewGeneration,
    Restart,
)

__all__ = ["Delivery", "Events", "MessagesMissing", "NewGeneration", "Restart"]

_SILENCE_S: Final = 1.0  # After so long without a message, ask whether there should be one.
_REQUEST_TIMEOUT_S: Final = 5.0
_INACTIVE_S: Final = 30.0  # The server forgets an ordered consumer nobody listens to.
_HEARTBEAT_S: Final = 5.0
_FIRST: Final = "1"  # The generation of a stream that does not say.


class Events:
    """Follows the whole ledger: `await Events(url, position=last).run(on_event)`.

    Loss, repetition and changes of order are found by position; the consumer is then created
    anew after the last event handled. Deliveries are at least once, handled effects once.
    """

    def __init__(
        self,
        url: str,
        *,
        position: int = 0,
        generation: str | None = None,
        credentials: str | Path | None = None,
        **connection: Any,
    ) -> None:
        """`generation`: the one in which the position was reached, if it was kept.

        `credentials`: a credentials file or its text; `connection` goes on to the client: TLS, a
        name.
        """
        self._url = url
        self._credentials = credentials
        self._connection = connection
        self._source = _Consumer()
        self._following = Following(self._source, position=position, generation=generation)

    @property
    def position(self) -> int:
        """The last event handled."""
        return self._following.position

    @property
    def generation(self) -> str | None:
        """The copy of the ledger in which that is its position."""
        return self._following.generation

    @property
    def gaps(self) -> int:
        """How often a gap was found, and closed by reading again."""
        return self._following.gaps

    @property
    def repetitions(self) -> int:
        """How many deliveries had been handled before."""
        return self._following.repetitions

    def stop(self) -> None:
        """End `run` after the event at hand."""
        self._following.stop()

    async def run(
        self, on_event: Handler, *, until: int | None = None, on_restart: Restart | None = None
    ) -> None:
        """Hand every event to `on_event`, in order, until stopped or `until` has been handled.

        `on_restart` is called where a new generation begins; see `Following.run`. Raises
        NotAdmitted where nobody could log in with the credentials.
        """
        login = login_with(self._credentials)
        client = await open_client(self._url, **(self._connection | login))
        self._source.js = client.jetstream(timeout=_REQUEST_TIMEOUT_S)
        try:
            await self._following.run(on_event, until=until, on_restart=on_restart)
        finally:
            await client.close()


class _Consumer:
    """An ephemeral push consumer without acknowledgements: order is ours to check."""

    def __init__(self) -> None:
        self.js: JetStreamContext | None = None

    async def generation(self) -> str | None:
        """What the stream says of itself; nothing where it does not answer."""
        assert self.js is not None
        info = await _info(self.js)
        return None if info is None else _generation(info)

    async def open(self, position: int) -> AsyncIterator[Delivery]:
        """Deliver from a position on; end when the stream holds more than comes in."""
        assert self.js is not None
        js, following, generation = self.js, position - 1, await self.generation()
        queue: asyncio.Queue[Msg] = asyncio.Queue()
        try:
            subscription = await js.subscribe(
                "",
                stream=EVENTS_STREAM,
                config=_from(position),
                ordered_consumer=True,
                cb=queue.put,
            )
        except (nats.errors.Error, OSError, TimeoutError):
            return
        try:
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), _SILENCE_S)
                except TimeoutError:
                    info = await _info(js)
                    if info is None:
                        continue
                    if info.state.last_seq > following or _generation(info) != generation:
                        return
                    continue
                delivery = _delivery(message)
                following = max(following, delivery.position)
                yield delivery
        finally:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                await subscription.unsubscribe()


def _from(position: int) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=position,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=_INACTIVE_S,
        idle_heartbeat=_HEARTBEAT_S,
        flow_control=True,
    )


async def _info(js: JetStreamContext) -> StreamInfo | None:
    try:
        return await js.stream_info(EVENTS_STREAM)
    except (nats.errors.Error, OSError, TimeoutError):
        return None


def _generation(info: StreamInfo) -> str:
    return (info.config.metadata or {}).get(GENERATION_KEY, _FIRST)


def _delivery(message: Msg) -> Delivery:
    headers = message.headers or {}
    return Delivery(
        int(headers.get(POSITION, 0)), headers.get(GENERATION, ""), decode(message.data)
    )
