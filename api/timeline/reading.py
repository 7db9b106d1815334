"""Reads a stock's changes from the service, page by page."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import Raw, Struct

from api.importing.connection import Answer, Connection, ConnectionFailed
from api.importing.sending import problem_text
from ledger.clock import monotonic

PAGE: Final = 1_000
PATIENCE_S: Final = 60.0
"""A service that was just started may have some catching up to do; longer means it stands still."""

_LOOK_S: Final = 0.1
_OK: Final = 200
_NOT_YET: Final = (429, 503)


class NoHistory(Exception):
    """The service does not answer, or not with a history; the sentence says why."""


class Wanted(NamedTuple):
    """Which changes: of one stock, from when to when, in which order, how many at most."""

    sku: str
    location: str
    order: str
    start: str | None = None
    end: str | None = None
    limit: int | None = None


class Page(Struct):
    """Some changes, each as the API has it, and where more of them are."""

    items: list[Raw]
    next_cursor: str | None


class _Head(Struct):
    position: int


_decode_page: Final = msgspec.json.Decoder(Page).decode
_decode_head: Final = msgspec.json.Decoder(_Head).decode


async def changes(connection: Connection, wanted: Wanted) -> AsyncIterator[Page]:
    """Pages of changes, as of the moment of the first one. Raises NoHistory."""
    head = _decode_head((await _asked(connection, "/v1/events?limit=1")).body).position
    given = wanted._asdict()
    given |= {"from": given.pop("start"), "to": given.pop("end"), "min_position": head}
    left = wanted.limit
    while left is None or left > 0:
        given["limit"] = PAGE if left is None else min(PAGE, left)
        query = urlencode({name: value for name, value in given.items() if value is not None})
        page = _decode_page((await _asked(connection, f"/v1/movements?{query}")).body)
        yield page
        if page.next_cursor is None:
            return
        given["cursor"] = page.next_cursor
        left = None if left is None else left - len(page.items)


async def _asked(connection: Connection, path: str) -> Answer:
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            answer = await connection.get(path)
        except ConnectionFailed as failure:
            problem = str(failure)
        else:
            if answer.status == _OK:
                return answer
            problem = problem_text(answer)
            if answer.status not in _NOT_YET:
                raise NoHistory(problem)
        if monotonic() > deadline:
            raise NoHistory(f"the service was of no use for too long ({problem})")
        await asyncio.sleep(_LOOK_S)
