"""The streams that are copies of the ledger: what they hold, and how they are made anew, empty.

`COPIES` names them all. Their generation is that of the events' stream, and they begin again
together: a state, a conflict or a signed note of another history must not outlive it.
"""

import logging
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, StreamState
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.fenced import Broken
from subscribers.judgement import Found
from subscribers.streams import STREAMS, begun, generation_of
from subscribers.witness import Place

COPIES: Final = tuple(
    stream for stream in STREAMS if stream.name not in (messages.INBOX_STREAM, messages.DLQ_STREAM)
)
"""All but what others send, which no ledger could tell again."""

_TRIES: Final = 3

logger = logging.getLogger(__name__)


async def found_events(js: JetStreamContext) -> Found:
    """The events' stream as it is."""
    info = await js.stream_info(messages.EVENTS_STREAM)
    state, generation = info.state, await generation_of(js)
    if not state.messages:
        return Found(generation, last=int(state.last_seq))
    end = await _end(js, state)
    if end is None:
        return Found(generation, state.first_seq, state.last_seq, state.messages)
    headers = end.headers or {}
    place = Place(
        int(headers.get(messages.GENERATION) or 0),
        int(headers.get(messages.POSITION) or 0),
        headers.get(messages.HASH, ""),
    )
    reach = end.seq or 0
    return Found(generation, state.first_seq, state.last_seq, state.messages, reach, place)


async def emptied(js: JetStreamContext, name: str, generation: int) -> None:
    """The stream anew: empty, of a generation, its sequence beginning at one.

    A stream that the server lost may leave its messages behind, and then comes back with them.
    """
    declared = next(stream for stream in STREAMS if stream.name == name)
    anew = begun(declared, generation)
    for _ in range(_TRIES):
        try:
            await js.delete_stream(name)
        except NotFoundError:
            logger.info("%s was not there", name)
        info = await js.add_stream(anew)
        if not info.state.last_seq:
            return
    raise RuntimeError(f"{name} comes back with old messages, however often it is deleted")


async def mended_if_broken(
    js: JetStreamContext, name: str, generation: int, acknowledged: int
) -> None:
    """After `Overtaken`: empty a stream that refuses what follows its end, and raise `Broken`.

    A server that cannot read a message cannot replace it by the next of its subject, either. It
    then refuses everything, and goes on counting what it has not stored.
    """
    if (await js.stream_info(name)).state.last_seq == acknowledged:
        await emptied(js, name, generation)
        raise Broken(f"{name} took nothing any more; it was emptied, and is told anew")


async def generations_seen(js: JetStreamContext) -> int:
    """The highest generation of which any copy knows."""
    seen = 0
    for declared in COPIES:
        assert declared.name is not None
        try:
            seen = max(seen, await generation_of(js, declared.name))
            last = await js.get_last_msg(declared.name, ">")
        except NotFoundError:
            continue
        seen = max(seen, int((last.headers or {}).get(messages.GENERATION) or 0))
    return seen


async def _end(js: JetStreamContext, state: StreamState) -> RawStreamMsg | None:
    """The last message that can be read, if all before it are there as far as the server knows.

    Where a file was cut, the server still counts the sequences that were in it.
    """
    last = int(state.last_seq)
    if state.messages < last and not await _follows(js, state.messages):
        last = int(state.messages)
    try:
        return await js.get_msg(messages.EVENTS_STREAM, seq=last)
    except NotFoundError:
        return None


async def _follows(js: JetStreamContext, sequence: int) -> bool:
    """Whether anything is stored after a sequence."""
    try:
        await js.get_msg(messages.EVENTS_STREAM, seq=sequence + 1, subject=">", next=True)
    except NotFoundError:
        return False
    return True
