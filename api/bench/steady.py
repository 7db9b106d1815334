"""An open HTTP load in a process of its own: requests are due by the clock, answered or not.

Usage: python -m api.bench.steady PLAN, a JSON file; prints one JSON object. A request waits for a
free connection where all are busy, and its time counts from when it was due.
"""

import asyncio
import sys
from collections import Counter, deque
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

from ledger.clock import SystemClock, monotonic

_END: Final = b"\r\n\r\n"
_TICK_S: Final = 0.001
_SLOWEST_S: Final = 30.0


class Request(msgspec.Struct, array_like=True):
    """One request: where, under which key, what."""

    path: str
    key: str
    body: str


class Plan(msgspec.Struct, kw_only=True):
    """What to send to whom, and how many of it in a second."""

    host: str
    port: int
    api_key: str
    rate: float
    connections: int
    requests: list[Request]


class Outcome(msgspec.Struct, kw_only=True):
    """How it went: answers by status, times in microseconds, begin and end on the clock."""

    statuses: dict[int, int]
    p50_us: int
    p99_us: int
    max_us: int
    begun_at: int
    ended_at: int


class _Connection(asyncio.Protocol):
    """One request under way at a time."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._buffer = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none.
        self._load.free(self)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(_END)
        if head < 0:
            return
        at = self._buffer.lower().find(b"content-length:", 0, head)
        length = int(self._buffer[at + 15 : self._buffer.find(b"\r", at)])
        if len(self._buffer) < head + 4 + length:
            return
        self._load.note(int(self._buffer[9:12]), monotonic() - self._due)
        self._buffer = b""
        self._load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost(exc)


class _Load:
    """Requests that are due, and connections that are free."""

    def __init__(self, plan: Plan) -> None:
        self._rate = plan.rate
        self._requests = [_wire(plan, request) for request in plan.requests]
        self._free: deque[_Connection] = deque()
        self._late: deque[int] = deque()
        self._begun = 0.0
        self.statuses: Counter[int] = Counter()
        self.times: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Send by the clock, and wait for every answer."""
        self._begun, sent = monotonic(), 0
        while sent < len(self._requests):
            due = min(len(self._requests), int((monotonic() - self._begun) * self._rate) + 1)
            self._late.extend(range(sent, due))
            sent = due
            self._send()
            await asyncio.sleep(_TICK_S)
        async with asyncio.timeout(_SLOWEST_S):
            await self.done

    def _send(self) -> None:
        while self._late and self._free:
            number = self._late.popleft()
            due = self._begun + number / self._rate
            self._free.popleft().send(self._requests[number], due)

    def free(self, connection: _Connection) -> None:
        self._free.append(connection)
        self._send()

    def note(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.times.append(seconds)
        if len(self.times) == len(self._requests):
            self.done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed a connection"))


def _wire(plan: Plan, request: Request) -> bytes:
    body = request.body.encode()
    return (
        f"POST {request.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {plan.api_key}\r\nContent-Length: {len(body)}\r\n"
        f"Idempotency-Key: {request.key}\r\n\r\n"
    ).encode() + body


async def run(plan: Plan) -> Outcome:
    """Open the connections, then begin."""
    loop, load, clock = asyncio.get_running_loop(), _Load(plan), SystemClock()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: _Connection(load), plan.host, plan.port)
    begun_at = clock.now()
    await load.run()
    times = sorted(load.times)
    return Outcome(
        statuses=dict(load.statuses),
        p50_us=round(times[len(times) // 2] * 1e6),
        p99_us=round(times[len(times) * 99 // 100] * 1e6),
        max_us=round(times[-1] * 1e6),
        begun_at=begun_at,
        ended_at=clock.now(),
    )


def main() -> None:
    """Run the plan named on the command line."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(plan))))


if __name__ == "__main__":
    main()
