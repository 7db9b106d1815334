"""Many requests over a few connections at once, and the answers in the order of the requests."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from api.importing.connection import Connection
from tests.support.servers import RunningService

CONNECTIONS: Final = 24  # Enough for the writer to find a batch waiting; two cores serve them.
TIMEOUT_S: Final = 60.0


class Request(NamedTuple):
    """One command: where to, under which key, and what."""

    path: str
    key: str
    body: object


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: dict[str, Any]


def send_all(service: RunningService, requests: Sequence[Request]) -> list[Answer]:
    """Every request once, several under way at a time, in no order that could be relied upon."""
    return asyncio.run(_send_all(service, requests))


async def _send_all(service: RunningService, requests: Sequence[Request]) -> list[Answer]:
    answers: list[Answer | None] = [None] * len(requests)
    numbers = iter(range(len(requests)))

    async def work() -> None:
        connection = Connection(service.url, timeout_s=TIMEOUT_S, headers=service.headers())
        for number in numbers:
            path, key, body = requests[number]
            answer = await connection.post(path, msgspec.json.encode(body), key)
            answers[number] = Answer(answer.status, msgspec.json.decode(answer.body))
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(CONNECTIONS, len(requests))):
            group.create_task(work())
    return [answer for answer in answers if answer is not None]
