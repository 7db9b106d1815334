"""The same comparison for people who ask: up to where everything must have been told by now."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.inspecting import Plan, Report, inspect
from subscribers.ledger_log import LedgerLog
from subscribers.streams import generation_of

STREAMS = (messages.EVENTS_STREAM, messages.CONFLICTS_STREAM, messages.STOCK_STREAM)

_QUIET_S: Final = (
    2.0  # States follow their events within a second, also while the relay catches up.
)
_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.1


async def check(log: LedgerLog, client: Client) -> AsyncIterator[Report]:
    """Every copy beside the ledger; what is not told yet is missing."""
    js = client.jetstream()
    generation = await generation_of(js)
    head, tail = await log.head(), (await js.stream_info(messages.EVENTS_STREAM)).state.last_seq
    if tail > head:
        what = f"the stream ends after the ledger, which ends at {head}"
        yield Report(stream=messages.EVENTS_STREAM, compared=0, position=tail, what=what)
    place = min(head, tail)
    await _settled(js, generation, place)
    plan = Plan(generation=generation, events=head, states=place, streams=STREAMS)
    async for report in inspect(log, client, plan):
        yield report


async def _settled(js: JetStreamContext, generation: int, place: int) -> None:
    """Until the states of a place are said to be told, or no more come: then they are told.

    The last message says only what had been told before it was: never that it was the last.
    """
    loop = asyncio.get_running_loop()
    last, since = -1, loop.time()
    ends = since + _PATIENCE_S
    while loop.time() < min(since + _QUIET_S, ends):
        if await _through(js, generation) >= place:
            return
        sequence = (await js.stream_info(messages.STOCK_STREAM)).state.last_seq
        if sequence != last:
            last, since = sequence, loop.time()
        await asyncio.sleep(_LOOK_S)


async def _through(js: JetStreamContext, generation: int) -> int:
    with suppress(NotFoundError):
        last = await js.get_last_msg(messages.STOCK_STREAM, "inventory.stock.>")
        headers = last.headers or {}
        if headers.get(messages.GENERATION) == str(generation):
            return int(headers.get(messages.THROUGH, 0))
    return 0
