"""What subscribers gave up on: reading it, and handing it to them again.

A letter is handed to the running subscriber of its channel, in the channel's own inbox, and never
put back into the stream of last values: there it would take the place of a newer number. The
subscriber answers beside its acknowledgements. Only then is the letter removed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from enum import Enum
from typing import Final, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.messages import DLQ_STREAM, DeadLetter

_STORED_AT: Final = "Nats-Time-Stamp"
_PREFIX: Final = messages.dead_letter_subject("")


class Filed(NamedTuple):
    """A letter and its place in the stream of dead letters.

    `consumer` is the one on whose subject it was left. What the letter says of itself is not to
    be trusted: a channel might write one that another channel is then handed as its own.
    """

    sequence: int
    stored_at: str
    consumer: str
    letter: DeadLetter


class Fate(Enum):
    """What became of a letter that was handed over again."""

    HANDLED = "handled"
    OVERTAKEN = "overtaken by a newer number"
    FAILED = "failed again"
    UNANSWERED = "nobody answered"

    @property
    def is_settled(self) -> bool:
        """Whether it is no dead letter any more."""
        return self in {Fate.HANDLED, Fate.OVERTAKEN}


_FATES: Final = {"+ACK": Fate.HANDLED, "+TERM": Fate.OVERTAKEN, "-NAK": Fate.FAILED}


async def letters(js: JetStreamContext, consumer: str | None = None) -> AsyncIterator[Filed]:
    """Every dead letter, or those of one consumer, the oldest first."""
    subject = f"{_PREFIX}>" if consumer is None else messages.dead_letter_subject(consumer)
    sequence = 0
    while True:
        try:
            found = await js.get_msg(
                DLQ_STREAM, seq=sequence + 1, subject=subject, next=True, direct=True
            )
        except NotFoundError:
            return
        sequence = int(found.seq or 0)
        data = messages.decode(found.data or b"").data
        if isinstance(data, DeadLetter):
            consumer = (found.subject or "").removeprefix(_PREFIX)
            yield Filed(sequence, (found.headers or {}).get(_STORED_AT, ""), consumer, data)


async def replay(client: Client, filed: Filed, *, timeout_s: float) -> tuple[Fate, str]:
    """Hand a letter to its subscriber again and wait for what becomes of it; why, where it failed.

    The letter stays where it is until the subscriber says that it is handled, or overtaken.
    """
    letter = filed.letter
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
        headers = letter.headers | {messages.REPLAY: place}
        subject = messages.replay_subject(channel)
        await client.publish(subject, letter.payload, unheard, headers=headers)
        async with asyncio.timeout(timeout_s):
            fate, reason = _read(await answered)
    except TimeoutError:
        return Fate.UNANSWERED, f"not within {timeout_s:g} s"
    finally:
        for subscription in hearing:
            await subscription.unsubscribe()
    if fate.is_settled:
        with suppress(NotFoundError):  # Somebody else has replayed it, too.
            await client.jetstream().delete_msg(DLQ_STREAM, filed.sequence)
    return fate, reason


def _read(answer: Msg) -> tuple[Fate, str]:
    if (answer.headers or {}).get("Status"):
        return Fate.UNANSWERED, "no subscriber of the channel is running"
    word, _, reason = answer.data.decode(errors="replace").partition(" ")
    return _FATES[word], reason
