"""The present in one reading: for who joins late and does not want the whole past."""

import asyncio
from typing import Any, Final, NamedTuple

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from subscribers.messages import (
    EVENTS_STREAM,
    GENERATION,
    GENERATION_KEY,
    STOCK_STREAM,
    THROUGH,
    CloudEvent,
    StockState,
    decode,
)
from subscribers.sdk.client import open_client

_SILENCE_S: Final = 10.0
_EVERY_STOCK: Final = "inventory.stock.>"  # The server asks for a filter here, even a void one.


class Present(NamedTuple):
    """Every stock's last state, and the position from which the events continue them.

    Go on with `Events(url, position=present.position, generation=present.generation)` and pass
    over events whose `streamversion` is not above the `version` of their stock's state: no hole,
    nothing twice. `Stocks` does that.
    """

    states: dict[tuple[str, str], StockState]
    position: int
    generation: str = "1"

    def reflects(self, event: CloudEvent) -> bool:
        """Whether an event of a stock is in its state already."""
        data = event.data
        key = getattr(data, "location", ""), getattr(data, "sku", "")
        state = self.states.get(key)
        return (
            event.subject.startswith("stock/")
            and state is not None
            and event.streamversion <= state.version
        )


async def present(url: str, **connection: Any) -> Present:
    """Read the last state of every stock, by location and SKU."""
    client = await open_client(url, **connection)
    try:
        js = client.jetstream()
        states: dict[tuple[str, str], StockState] = {}
        through = 0
        told = await js.stream_info(EVENTS_STREAM)
        generation = (told.config.metadata or {}).get(GENERATION_KEY, "1")
        if not (await js.stream_info(STOCK_STREAM)).state.messages:
            return Present(states, through, generation)
        queue: asyncio.Queue[Msg] = asyncio.Queue()
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.LAST_PER_SUBJECT
        )
        await js.subscribe(
            _EVERY_STOCK, stream=STOCK_STREAM, config=config, ordered_consumer=True, cb=queue.put
        )
        while True:
            message = await asyncio.wait_for(queue.get(), _SILENCE_S)
            headers, through = message.headers or {}, 0
            if headers.get(GENERATION, generation) == generation:  # Others are of no copy any more.
                state = decode(message.data).data
                if isinstance(state, StockState):
                    states[state.location, state.sku] = state
                through = int(headers.get(THROUGH, 0))
            if message.metadata.num_pending == 0:
                return Present(states, through, generation)
    finally:
        await client.close()
