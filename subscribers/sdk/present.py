"""The present in one reading: for who joins late and does not want the whole past."""

import asyncio
from typing import Any, Final, NamedTuple

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from subscribers.messages import STOCK_STREAM, THROUGH, StockState, decode
from subscribers.sdk.client import open_client

_SILENCE_S: Final = 10.0
_EVERY_STOCK: Final = "inventory.stock.>"  # The server asks for a filter here, even a void one.


class Present(NamedTuple):
    """Every stock's last state, and the position from which the events continue them.

    Go on with `Events(url, position=present.position)` and pass over events whose
    `streamversion` is not above the `version` of their stock's state: no hole, nothing twice.
    """

    states: dict[tuple[str, str], StockState]
    position: int


async def present(url: str, **connection: Any) -> Present:
    """Read the last state of every stock, by location and SKU."""
    client = await open_client(url, **connection)
    try:
        js = client.jetstream()
        states: dict[tuple[str, str], StockState] = {}
        through = 0
        if not (await js.stream_info(STOCK_STREAM)).state.messages:
            return Present(states, through)
        queue: asyncio.Queue[Msg] = asyncio.Queue()
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.LAST_PER_SUBJECT
        )
        await js.subscribe(
            _EVERY_STOCK, stream=STOCK_STREAM, config=config, ordered_consumer=True, cb=queue.put
        )
        while True:
            message = await asyncio.wait_for(queue.get(), _SILENCE_S)
            state = decode(message.data).data
            if isinstance(state, StockState):
                states[state.location, state.sku] = state
            through = int((message.headers or {}).get(THROUGH, 0))
            if message.metadata.num_pending == 0:
                return Present(states, through)
    finally:
        await client.close()
