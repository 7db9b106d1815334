"""The same comparison for people who ask: up to where everything must have been told by now."""

from collections.abc import AsyncIterator
from contextlib import suppress

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.inspecting import Plan, Report, inspect
from subscribers.ledger_log import LedgerLog
from subscribers.streams import generation_of

STREAMS = (messages.EVENTS_STREAM, messages.CONFLICTS_STREAM, messages.STOCK_STREAM)


async def check(log: LedgerLog, client: Client) -> AsyncIterator[Report]:
    """Every copy beside the ledger; what is not told yet is missing."""
    js = client.jetstream()
    generation = await generation_of(js)
    head, tail = await log.head(), (await js.stream_info(messages.EVENTS_STREAM)).state.last_seq
    if tail > head:
        what = f"the stream ends after the ledger, which ends at {head}"
        yield Report(stream=messages.EVENTS_STREAM, compared=0, position=tail, what=what)
    through = await _through(js, generation, min(head, tail))
    plan = Plan(generation=generation, events=head, states=through, streams=STREAMS)
    async for report in inspect(log, client, plan):
        yield report


async def _through(js: JetStreamContext, generation: int, tail: int) -> int:
    """Up to where all states are said to be told; where nothing says so, the events' place."""
    with suppress(NotFoundError):
        last = await js.get_last_msg(messages.STOCK_STREAM, "inventory.stock.>")
        headers = last.headers or {}
        if headers.get(messages.GENERATION) == str(generation):
            return min(tail, int(headers.get(messages.THROUGH, 0)))
    return tail
