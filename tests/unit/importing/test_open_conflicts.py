"""The first question of an import: to a service that is away, and to what is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.importing.connection import Connection
from api.importing.open_conflicts import open_conflicts
from api.importing.sending import ImportStopped

BUSY = b"HTTP/1.1 503 x\r\nContent-Length: 2\r\n\r\n{}"
NONE_OPEN = b'HTTP/1.1 200 x\r\nContent-Length: 12\r\n\r\n{"items":[]}'
A_PAGE = b"HTTP/1.1 200 x\r\nContent-Length: 6\r\n\r\n<html>"


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """Something that answers one question after the other so, on a port of this machine."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left and await reader.read(65_536):
            writer.write(left.pop(0))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


def to(url: str) -> Connection:
    """A connection to ask over."""
    return Connection(url, timeout_s=5.0, headers={})


async def test_a_service_that_is_away_is_waited_for() -> None:
    """That is said once, however often it is asked."""
    said: list[str] = []
    async with answering(BUSY, BUSY, NONE_OPEN) as place:
        found = await open_conflicts(to(f"http://{place}"), say=said.append)

    assert set() == found
    assert 1 == len(said)


async def test_one_that_stays_away_ends_the_import_in_a_sentence() -> None:
    """After a while, for nobody knows when it was there last."""
    with pytest.raises(ImportStopped, match="of no use for too long"):
        await open_conflicts(to("http://127.0.0.1:1"), patience_s=0.1)


async def test_what_is_no_service_is_told_at_once() -> None:
    """A page of something else, and a port where nobody speaks TLS, stay what they are."""
    async with answering(A_PAGE) as place:
        with pytest.raises(ImportStopped, match="no inventory ledger"):
            await open_conflicts(to(f"http://{place}"))
    async with answering(NONE_OPEN) as place:
        with pytest.raises(ImportStopped, match="no secure connection"):
            await open_conflicts(to(f"https://{place}"))
