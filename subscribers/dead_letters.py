"""What subscribers gave up on: reading it, handing it to them again, and removing it.

A letter is handed to the running subscriber of its channel, in the channel's own inbox, and never
put back into the stream of last values: there it would take the place of a newer number. The
subscriber answers beside its acknowledgements. Only then is the letter removed.

Whoever may leave letters may leave anything: what cannot be read is told as such, and everything
else is read as if it were not there.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from subscribers import messages
from subscribers.messages import DLQ_STREAM, DeadLetter

_PREFIX: Final = messages.dead_letter_subject("")
_NO_SUCH_MESSAGE: Final = frozenset({10043, 10057})  # Removed before, or not there yet.


class Filed(NamedTuple):
    """A letter and its place in the stream of dead letters.

    `consumer` is the one on whose subject it was left. What the letter says of itself is not to
    be trusted: a channel might write one that another channel is then handed as its own.
    """

    sequence: int
    stored_at: str
    consumer: str
    letter: DeadLetter


class Unreadable(NamedTuple):
    """What was left where letters are left, and is none; `reason` says why."""

    sequence: int
    stored_at: str
    consumer: str
    reason: str
    payload: bytes


class Fate(Enum):
    """What became of a letter that was handed over again."""

    HANDLED = "handled"
    OVERTAKEN = "overtaken by a newer number"
    FAILED = "failed again"
    UNANSWERED = "nobody answered"
    UNCLEAR = "the answer is none"
    UNREADABLE = "unreadable"
    UNSENDABLE = "cannot be handed over"

    @property
    def is_settled(self) -> bool:
        """Whether it is no dead letter any more."""
        return self in {Fate.HANDLED, Fate.OVERTAKEN}


_FATES: Final = {"+ACK": Fate.HANDLED, "+TERM": Fate.OVERTAKEN, "-NAK": Fate.FAILED}


async def letters(
    js: JetStreamContext, consumer: str | None = None
) -> AsyncIterator[Filed | Unreadable]:
    """Everything that was left, or what one consumer left, the oldest first."""
    subject = f"{_PREFIX}>" if consumer is None else messages.dead_letter_subject(consumer)
    sequence = 0
    while (found := await _next(js, sequence + 1, subject)) is not None:
        sequence = found["seq"]
        yield _read(found)


async def replay(
    client: Client, filed: Filed | Unreadable, *, timeout_s: float
) -> tuple[Fate, str]:
    """Hand a letter to its subscriber again and wait for what becomes of it; why, where it failed.

    The letter stays where it is until the subscriber says that it is handled, or overtaken.
    """
    if isinstance(filed, Unreadable):
        return Fate.UNREADABLE, filed.reason
    channel = messages.channel_of(filed.consumer)
    if channel is None:
        return Fate.UNANSWERED, f"{filed.consumer} is no channel"
    answered: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

    async def hear(message: Msg) -> None:
        if not answered.done():
            answered.set_result(message)

    place = str(filed.sequence)
    hearing = [
        await client.subscribe(messages.replay_answer(filed.consumer, place), cb=hear),
        await client.subscribe(unheard := client.new_inbox(), cb=hear),  # Nobody is there.
    ]
    try:
        headers = filed.letter.headers | {messages.REPLAY: place}
        subject = messages.replay_subject(channel)
        await client.publish(subject, filed.letter.payload, unheard, headers=headers)
        async with asyncio.timeout(timeout_s):
            fate, reason = _fate(await answered)
    except TimeoutError:
        return Fate.UNANSWERED, f"not within {timeout_s:g} s"
    except (nats.errors.Error, ValueError) as error:  # Its headers are the channel's own words.
        return Fate.UNSENDABLE, str(error)
    finally:
        for subscription in hearing:
            await subscription.unsubscribe()
    if fate.is_settled:
        await remove(client.jetstream(), filed.sequence)  # Or somebody else has replayed it, too.
    return fate, reason


async def remove(js: JetStreamContext, sequence: int) -> bool:
    """Remove what lies at a place, letter or not; false where nothing does."""
    try:
        return await js.delete_msg(DLQ_STREAM, sequence)
    except NotFoundError:
        return False
    except APIError as error:
        if error.err_code in _NO_SUCH_MESSAGE:
            return False
        raise


async def _next(js: JetStreamContext, sequence: int, subject: str) -> dict[str, Any] | None:
    """As the server itself describes it: in a direct answer the headers are the channel's, too."""
    wanted = msgspec.json.encode({"seq": sequence, "next_by_subj": subject})
    try:
        answer = await js._api_request(  # noqa: SLF001 - it has no other name
            f"$JS.API.STREAM.MSG.GET.{DLQ_STREAM}", wanted
        )
    except NotFoundError:
        return None
    found: dict[str, Any] = answer["message"]
    return found


def _read(found: dict[str, Any]) -> Filed | Unreadable:
    consumer = found["subject"].removeprefix(_PREFIX)
    payload = base64.b64decode(found.get("data") or "")
    place = found["seq"], found["time"], consumer
    try:
        event = messages.decode(payload)
    except (ValueError, RecursionError) as error:
        return Unreadable(*place, f"{type(error).__name__}: {error}", payload)
    if not isinstance(event.data, DeadLetter):
        return Unreadable(*place, f"it is of type {event.type!r}", payload)
    return Filed(*place, event.data)


def _fate(answer: Msg) -> tuple[Fate, str]:
    if (answer.headers or {}).get("Status"):
        return Fate.UNANSWERED, "no subscriber of the channel is running"
    said = answer.data.decode(errors="replace")
    word, _, reason = said.partition(" ")
    return (_FATES[word], reason) if word in _FATES else (Fate.UNCLEAR, said)
