"""A lean HTTP load in a process of its own: N connections, each with one request under way.

Usage: python -m api.bench.http_client PLAN, a JSON file; prints one JSON object. Reads answers
just far enough to know their status and length, so that the client costs the server little.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import cast

import msgspec
import uvloop

_END = b"\r\n\r\n"


class Plan(msgspec.Struct, kw_only=True):
    """What to send: numbered bodies, round robin to the addresses."""

    addresses: list[tuple[str, int]]
    path: str
    headers: dict[str, str]
    body: str  # `%d` stands for the number of the request.
    key: str  # The idempotency key, likewise.
    first: int
    requests: int
    connections: int


class Outcome(msgspec.Struct, kw_only=True):
    """How it went: answers by status, seconds in all, latencies in microseconds."""

    statuses: dict[int, int]
    seconds: float
    p50_us: int
    p99_us: int


class Connection(asyncio.Protocol):
    """Sends the next request when an answer is complete."""

    def __init__(self, load: "Load") -> None:
        """Take work from a load."""
        self._load = load
        self._buffer = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none.
        self._next()

    def data_received(self, data: bytes) -> None:
        """Collect an answer; note its status and time."""
        self._buffer += data
        head = self._buffer.find(_END)
        if head < 0:
            return
        at = self._buffer.lower().find(b"content-length:", 0, head)
        length = int(self._buffer[at + 15 : self._buffer.find(b"\r", at)])
        if len(self._buffer) < head + 4 + length:
            return
        self._load.note(int(self._buffer[9:12]), time.perf_counter() - self._sent)
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """A lost connection fails the run."""
        self._load.lost(exc)

    def _next(self) -> None:
        assert self._transport is not None
        request = self._load.next()
        if request is not None:
            self._sent = time.perf_counter()
            self._transport.write(request)


class Load:
    """The requests of one run."""

    def __init__(self, plan: Plan) -> None:
        """Prepare every request before the clock starts."""
        head = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
        self._requests = iter([_request(plan, head, n) for n in range(plan.requests)])
        self._open = plan.requests
        self.statuses: dict[int, int] = {}
        self.times: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        """The next request, if there is one left."""
        return next(self._requests, None)

    def note(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.times.append(seconds)
        self._open -= 1
        if self._open == 0:
            self.done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        """A connection ended before the run did."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed a connection"))


def _request(plan: Plan, head: str, offset: int) -> bytes:
    number = plan.first + offset
    body = plan.body.replace("%d", str(number)).encode()
    key = plan.key.replace("%d", str(number))
    return (
        f"POST {plan.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nIdempotency-Key: {key}\r\n{head}\r\n"
    ).encode() + body


async def run(plan: Plan) -> Outcome:
    """Open the connections, send everything, wait for every answer."""
    loop = asyncio.get_running_loop()
    load = Load(plan)
    begun = time.perf_counter()
    for index in range(plan.connections):
        host, port = plan.addresses[index % len(plan.addresses)]
        await loop.create_connection(lambda: Connection(load), host, port)
    await load.done
    seconds = time.perf_counter() - begun
    times = sorted(load.times)
    return Outcome(
        statuses=load.statuses,
        seconds=seconds,
        p50_us=round(times[len(times) // 2] * 1e6),
        p99_us=round(times[len(times) * 99 // 100] * 1e6),
    )


def main() -> None:
    """Run the plan named on the command line."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(plan))))


if __name__ == "__main__":
    main()
