"""Direct gets: many messages of a stream in one answer, without a consumer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from subscribers.sdk.client import QuickClient

TIMEOUT_S: Final = 10.0
SEQUENCE: Final = "Nats-Sequence"
SUBJECT: Final = "Nats-Subject"
_PENDING: Final = "Nats-Num-Pending"
_BITE: Final = 1_000  # About the most that the server answers at once.

_encode = msgspec.json.Encoder().encode


class StreamUnreadable(Exception):
    """The stream did not answer in time: nothing can be said about it."""


async def direct_get(client: Client, stream: str, **wanted: Any) -> tuple[list[Msg], bool]:
    """What one request brought, and whether the stream holds more of what was wanted."""
    told: list[Msg] = []
    last: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

    def take(message: Msg) -> None:
        headers = message.headers or {}
        if SEQUENCE in headers:
            told.append(message)
        elif not last.done():
            last.set_result(message)

    async def called(message: Msg) -> None:
        take(message)

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=called, pending_bytes_limit=0)
    if isinstance(client, QuickClient):
        client.hand_over(subscription, take)
    await client.publish(f"$JS.API.DIRECT.GET.{stream}", _encode(wanted), reply=inbox)
    try:
        end = await asyncio.wait_for(last, TIMEOUT_S)
    except TimeoutError as error:
        raise StreamUnreadable(f"{stream} did not answer about {_shown(wanted)}") from error
    finally:
        await subscription.unsubscribe()
        if isinstance(client, QuickClient):
            client.let_go(subscription)
    # 204 ends an answer and counts what is left; 404 says that there is nothing at all.
    return told, (end.headers or {}).get(_PENDING, "0") != "0"


async def bites(client: Client, stream: str) -> AsyncIterator[list[Msg]]:
    """Everything in the stream's order, until nothing follows.

    So the last message of every subject is read, however often it is replaced meanwhile: before
    the one at its old place is gone, the new one is at a place that is still to come. A consumer
    of last values may believe to be at its end too early.
    """
    sequence = 0
    while found := (await direct_get(client, stream, seq=sequence + 1, batch=_BITE))[0]:
        sequence = int((found[-1].headers or {})[SEQUENCE])
        yield found


def _shown(wanted: dict[str, Any]) -> str:
    return _encode(wanted)[:100].decode("utf-8", "replace")
