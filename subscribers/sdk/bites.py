"""A stream from its first message to its last, without a consumer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

_BITE: Final = 1_000  # About the most that the server answers at once.
_TIMEOUT_S: Final = 10.0
_SEQUENCE: Final = "Nats-Sequence"


async def bites(client: Client, stream: str) -> AsyncIterator[list[Msg]]:
    """Everything in the stream's order, until nothing follows.

    So the last message of every subject is read, however often it is replaced meanwhile: before
    the one at its old place is gone, the new one is at a place that is still to come. A consumer
    of last values may believe to be at its end too early.
    """
    sequence = 0
    while found := await _after(client, stream, sequence):
        sequence = int((found[-1].headers or {})[_SEQUENCE])
        yield found


async def _after(client: Client, stream: str, sequence: int) -> list[Msg]:
    found: list[Msg] = []
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        if _SEQUENCE in (message.headers or {}):
            found.append(message)
        elif not ended.done():
            ended.set_result(None)  # 204 ends an answer; 404 says that there is nothing at all.

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=take, pending_bytes_limit=0)
    try:
        request = msgspec.json.encode({"seq": sequence + 1, "batch": _BITE})
        await client.publish(f"$JS.API.DIRECT.GET.{stream}", request, reply=inbox)
        await asyncio.wait_for(ended, _TIMEOUT_S)
    finally:
        await subscription.unsubscribe()
    return found
