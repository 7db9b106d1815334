"""The feed as a stream of lines: as fast as its reader, and no longer than there is one."""

import asyncio
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
import msgspec
import psycopg
import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from api.app import create_app
from api.controllers import events
from api.front_door import NDJSON
from api.runtime import memory
from ledger.settings import Settings
from projections import feed
from projections.feed import EventsPage
from projections.progress import Pool
from tests.support.event_log import EventLog
from tests.support.fake_port import FakePort
from tests.support.servers import Database
from tests.support.waiting import eventually

EVENTS = 30_000
PAGE = 500
PAGES = EVENTS // PAGE
AHEAD_MAX = PAGES // 2
"""Pages that may wait in the sockets between service and reader; they hold some megabytes."""

MEMORY_MAX = 12 * 1024 * 1024
"""Far below the feed, which has some twenty mebibytes."""


class Feed:
    """A service in this process: who has asked for which pages, and how to ask."""

    def __init__(self, url: str, asked: Counter[int]) -> None:
        self.url = url
        self._asked = asked

    def pages(self, after: int) -> int:
        """Pages read for the reader who began after a position (below a page's size)."""
        return sum(count for place, count in self._asked.items() if place % PAGE == after)

    async def lines(self, **query: int) -> list[int]:
        """The positions of a whole stream, read as fast as it comes."""
        async with httpx.AsyncClient(base_url=self.url, headers={"Accept": NDJSON}) as client:
            async with client.stream("GET", "/v1/events", params=query) as answer:
                assert (200, NDJSON) == (answer.status_code, answer.headers["content-type"])
                return [position_of(line) async for line in answer.aiter_lines()]

    async def idle_reader(self, after: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Somebody who asks for everything and takes next to nothing."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.setblocking(False)
        host, _, port = self.url.removeprefix("http://").partition(":")
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=connection, limit=1_024)
        writer.write(
            f"GET /v1/events?after={after} HTTP/1.1\r\nHost: x\r\nAccept: {NDJSON}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        return reader, writer

    async def ended(self) -> int:
        """Requests for the feed that have ended."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            text = (await client.get("/metrics")).text
        wanted = 'ledger_http_requests_total{operation="listEvents",status="200"}'
        found = [line for line in text.splitlines() if line.startswith(wanted)]
        return int(float(found[0].split()[-1])) if found else 0


Serve: TypeAlias = Callable[[int], AbstractAsyncContextManager[Feed]]


@pytest.fixture
def feed_of(database: Database, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Fills a ledger and serves it, counting the pages that are read."""
    asked: Counter[int] = Counter()

    async def counted(pool: Pool, after: int, limit: int, until: int) -> EventsPage:
        asked[after] += 1
        return await read(pool, after, limit, until)

    read = feed.events_after
    monkeypatch.setattr(events, "events_after", counted)
    monkeypatch.setattr(memory, "settle", lambda: None)  # This process is not the service's.

    @asynccontextmanager
    async def serve(count: int) -> AsyncIterator[Feed]:
        log = EventLog(database.owner_url)
        log.fill(count)
        log.close()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = Settings(
            database_url=database.service_url, auth="none", http_port=port, min_position_wait_ms=50
        )
        server = Server(
            create_app(settings, writer=FakePort()),
            address="127.0.0.1",
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
        )
        serving = asyncio.create_task(server.serve())
        await eventually(lambda: reachable(port))
        yield Feed(f"http://127.0.0.1:{port}", asked)
        server.stop()  # type: ignore[no-untyped-call]
        await serving

    return serve


def reachable(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def position_of(line: str) -> int:
    """Where in the ledger an event stands."""
    position: int = msgspec.json.decode(line)["position"]
    return position


def memory_in_use() -> int:
    """Bytes of this process in the machine's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_slow_reader_stops_the_reading_of_pages(feed_of: Serve) -> None:
    """What nobody takes is not read: the service keeps some pages for a reader, not a ledger."""
    async with feed_of(EVENTS) as served:
        await served.lines(after=2)  # What reading a feed takes once, is not counted.
        before = memory_in_use()
        reader, writer = await served.idle_reader(after=0)
        # Meanwhile another one takes everything: there was time for all the idle one's pages.
        assert EVENTS - 1 == len(await served.lines(after=1))
        assert PAGES == served.pages(1)
        assert AHEAD_MAX > served.pages(0)
        assert MEMORY_MAX > memory_in_use() - before

        rest = await reader.read()
        writer.close()
        assert PAGES == served.pages(0)
        assert EVENTS == rest.count(b'"specversion"')
        assert rest.endswith(b"\r\n0\r\n\r\n")


async def test_a_reader_who_goes_away_ends_the_work(feed_of: Serve) -> None:
    """Nothing is read for nobody."""
    async with feed_of(EVENTS) as served:
        _, writer = await served.idle_reader(after=0)
        writer.transport.abort()
        taken = 0
        while await served.ended() == taken:  # As many as were read to their end: one is left.
            assert EVENTS - 1 == len(await served.lines(after=1))
            taken += 1

        assert AHEAD_MAX > served.pages(0)


async def test_a_stream_of_lines_keeps_to_what_was_asked(feed_of: Serve) -> None:
    """After a position, so many at most, to the head that was found, and never from before one."""
    async with feed_of(1_200) as served:
        assert [*range(1, 1_201)] == await served.lines()
        assert [*range(1_150, 1_201)] == await served.lines(after=1_149, min_position=1_200)
        assert [*range(101, 801)] == await served.lines(after=100, limit=700)
        assert [1_200] == await served.lines(after=1_199, limit=700)
        assert [] == await served.lines(after=1_200)
        assert [] == await served.lines(after=5_000, limit=1)
        async with httpx.AsyncClient(base_url=served.url) as client:
            early = await client.get("/v1/events?min_position=1201", headers={"Accept": NDJSON})
            greedy = await client.get("/v1/events?limit=1001", headers={"Accept": NDJSON})

    assert (503, 1_200) == (early.status_code, early.json()["position"])
    assert (400, "limit") == (greedy.status_code, greedy.json()["path"])


async def test_a_stream_that_cannot_go_on_is_cut(feed_of: Serve, database: Database) -> None:
    """A reader who met the end of a stream has seen it all; this one has not, and can tell."""
    async with feed_of(1_200) as served:
        with psycopg.connect(database.owner_url) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute("update ledger.events set state = 'x' where position = 700")

        with pytest.raises(httpx.RemoteProtocolError):
            await served.lines()
