"""The one durable of each channel, made anew whenever the channel asks for the present.

A channel's credentials make no consumers: one that could might have others' numbers delivered
to itself. So it asks, and the service, which owns the durables, deletes the channel's and creates
it again with the last value of everything to come first. Its metadata names the session that
asked, which is how an earlier session of the channel learns that it has been replaced.
"""

import logging
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from subscribers.messages import (
    ATS_STREAM,
    EVERY_SYNC,
    SyncAnswer,
    SyncRequest,
    durable_of,
    every_ats,
)
from subscribers.streams import generation_of, is_filling

SESSION_KEY: Final = "inventory-ledger.session"

_ACK_WAIT_S: Final = 30.0  # A subscriber says "still at it" three times as often.
_UNACKNOWLEDGED_MAX: Final = 1_000  # More than a subscriber takes at once by default.
_QUEUE: Final = "sync"  # One of several services answers.


class Filling(Exception):
    """The stream was made anew, and not all has been told yet: ask again in a moment."""


_FAILURES: Final = (
    Filling,
    msgspec.MsgspecError,
    APIError,
    nats.errors.Error,
    OSError,
    TimeoutError,
)

logger = logging.getLogger(__name__)


def declared(channel: str, session: str = "") -> ConsumerConfig:
    """The durable of a channel. What it does not acknowledge is delivered for ever."""
    return ConsumerConfig(
        name=durable_of(channel),
        durable_name=durable_of(channel),
        description=f"what channel {channel} is told",
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=_ACK_WAIT_S,
        max_deliver=-1,
        max_ack_pending=_UNACKNOWLEDGED_MAX,
        filter_subject=every_ats(channel),
        metadata={SESSION_KEY: session},
    )


async def make_sure(js: JetStreamContext, channel: str) -> None:
    """A channel has its durable. One that exists is left as it is. Raises NotFoundError."""
    try:
        await js.consumer_info(ATS_STREAM, durable_of(channel))
    except NotFoundError:
        await js.add_consumer(ATS_STREAM, declared(channel))


async def take_away(js: JetStreamContext, channel: str) -> None:
    """Nobody reads as the channel any more: nothing waits for it."""
    with suppress(NotFoundError):  # Nobody ever did, or the stream was made anew without it.
        await js.delete_consumer(ATS_STREAM, durable_of(channel))


async def make_anew(js: JetStreamContext, channel: str, session: str = "") -> SyncAnswer:
    """Delete a channel's durable and create it again: whoever pulled from it is told so.

    Raises `Filling` where the stream does not hold the present: whoever were given a part of it
    as the whole would sell nothing of the rest.
    """
    await _refuse_filling(js)
    await take_away(js, channel)
    info = await js.add_consumer(ATS_STREAM, declared(channel, session))
    await _refuse_filling(js)  # It may have been made anew in between.
    return SyncAnswer(
        stream=ATS_STREAM,
        consumer=info.name,
        session=session,
        generation=await generation_of(js, ATS_STREAM),
        values=info.num_pending or 0,
        made_at_ns=int(info.created.timestamp() * 1_000_000) * 1_000,
        ack_wait_ms=int(_ACK_WAIT_S * 1_000),
    )


async def _refuse_filling(js: JetStreamContext) -> None:
    if await is_filling(js):
        raise Filling(Filling.__doc__)


async def answer_syncs(client: Client, *, timeout_s: float = 5.0) -> Subscription:
    """Answer every channel that asks for the present, until unsubscribed."""
    js = client.jetstream(timeout=timeout_s)

    async def answer(request: Msg) -> None:
        channel = unquote(request.subject.split(".")[2])
        try:
            asked = msgspec.json.decode(request.data, type=SyncRequest)
            answered = await make_anew(js, channel, asked.session)
        except _FAILURES as error:
            logger.warning("channel %s asked for the present in vain: %r", channel, error)
            answered = SyncAnswer(error=str(error) or type(error).__name__)
        if request.reply:
            await request.respond(msgspec.json.encode(answered))

    return await client.subscribe(EVERY_SYNC, queue=_QUEUE, cb=answer)
