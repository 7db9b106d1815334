"""The present in one reading: for who joins late and does not want the whole past."""

from pathlib import Path
from typing import Any, NamedTuple

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
from subscribers.sdk.credentials import login_with
from subscribers.sdk.direct import bites


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


async def present(url: str, *, credentials: str | Path | None = None, **connection: Any) -> Present:
    """Read the last state of every stock, by location and SKU.

    `credentials`: a credentials file or its text; `connection` goes on to the client. Raises
    NotAdmitted where nobody could log in with the credentials.
    """
    client = await open_client(url, **(connection | login_with(credentials)))
    try:
        js = client.jetstream()
        states: dict[tuple[str, str], StockState] = {}
        through = 0
        told = await js.stream_info(EVENTS_STREAM)
        generation = (told.config.metadata or {}).get(GENERATION_KEY, "1")
        async for some in bites(client, STOCK_STREAM):
            for message in some:
                headers, through = message.headers or {}, 0
                if headers.get(GENERATION, generation) != generation:
                    continue  # Of a copy that was given up.
                state = decode(message.data).data
                if isinstance(state, StockState):
                    states[state.location, state.sku] = state
                through = int(headers.get(THROUGH, 0))
        return Present(states, through, generation)
    finally:
        await client.close()
