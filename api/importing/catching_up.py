"""Waits until everything derived from the ledger reflects a position: answers and the stream."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import nats
import nats.errors
import nats.js.errors

from api.importing.connection import Connection, ConnectionFailed
from api.importing.sending import ImportStopped, problem_text
from subscribers.messages import EVENTS_STREAM, POSITION

TIMEOUT_S: Final = 300.0
"""A projector that has not caught up by then is not behind but stopped."""

_QUESTIONS: Final = (  # One to each projection; the answers do not matter.
    "/v1/stock?limit=1",
    "/v1/movements?limit=1&sku=-&location=-",
    "/v1/reservations?limit=1",
    "/v1/conflicts?limit=1",
)
_LOOK_S: Final = 0.1
_WHERE: Final = "see /health/ready, or import again to go on waiting"
_OK: Final = 200
_NOT_YET: Final = (429, 503)


async def projections_caught_up(connection: Connection, position: int) -> None:
    """Wait until one question to each projection is answered at the position."""
    for path in _QUESTIONS:
        question = f"{path}&min_position={position}"
        await _until(partial(_answers, connection, question), f"{path} is behind {position}")


async def _answers(connection: Connection, question: str) -> bool:
    try:
        answer = await connection.get(question)
    except ConnectionFailed:
        return False
    if answer.status not in (_OK, *_NOT_YET):
        raise ImportStopped(f"{question} does not answer: {problem_text(answer)}")
    return answer.status == _OK


async def stream_caught_up(nats_url: str, position: int, **connection: Any) -> None:
    """Wait until the stream's last message is that of the position, or of a later one."""
    client = await nats.connect(nats_url, **connection)
    try:
        context = client.jetstream()

        async def is_there() -> bool:
            try:
                info = await context.stream_info(EVENTS_STREAM)
                last = await context.get_msg(EVENTS_STREAM, info.state.last_seq)
            except (nats.js.errors.Error, nats.errors.Error):
                return False
            return int((last.headers or {}).get(POSITION, 0)) >= position

        await _until(is_there, f"the stream is behind position {position}")
    finally:
        await client.close()


async def _until(condition: Callable[[], Awaitable[bool]], problem: str) -> None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not await condition():  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(_LOOK_S)
    except TimeoutError as error:
        raise ImportStopped(f"everything is recorded, but {problem}: {_WHERE}") from error
