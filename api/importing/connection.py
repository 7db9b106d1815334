"""One keep-alive HTTP/1.1 connection: a request out, its answer in, and nothing else.

A general client spends more time on one request than the ledger on ten movements. This one knows
what it sends, reads status, three headers and a body, and leaves the rest alone.
"""

import asyncio
import ssl
from typing import Final, cast
from urllib.parse import urlsplit

from msgspec import Struct

_HEAD_BYTES_MAX: Final = 64 * 1024  # The service's heads are some hundred bytes.


class ConnectionFailed(OSError):
    """There was no answer: refused, cut, timed out or unintelligible. Asking again is safe."""


class Answer(Struct, frozen=True, gc=False):
    """What came back. `replayed`: the service had recorded this request before."""

    status: int
    replayed: bool
    retry_after_s: float | None
    body: bytes


class Connection:
    """Requests one at a time; connects when it has to, again after a failure."""

    def __init__(self, url: str, *, timeout_s: float, headers: dict[str, str]) -> None:
        """Take the service's base URL, and headers that every request carries."""
        parts = urlsplit(url)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        common = {"Host": parts.netloc.rpartition("@")[2], **headers}
        self._common = "".join(f"{name}: {value}\r\n" for name, value in common.items())
        self._protocol: _Exchange | None = None

    async def post(self, path: str, body: bytes, key: str) -> Answer:
        """POST a JSON body under an idempotency key."""
        head = (
            f"POST {self._prefix}{path} HTTP/1.1\r\n{self._common}Idempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._exchange(head.encode("ascii") + body)

    async def get(self, path: str) -> Answer:
        """GET a path with its query."""
        head = f"GET {self._prefix}{path} HTTP/1.1\r\n{self._common}\r\n"
        return await self._exchange(head.encode("ascii"))

    def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._protocol is not None:
            self._protocol.hang_up()
        self._protocol = None

    async def _exchange(self, request: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._protocol is None or self._protocol.closed:
                    _, self._protocol = await loop.create_connection(
                        _Exchange, self._host, self._port, ssl=self._tls
                    )
                return await self._protocol.send(request)
        except (TimeoutError, OSError) as error:
            self.close()
            raise ConnectionFailed(str(error) or "no answer in time") from error


class _Exchange(asyncio.Protocol):
    """Collects the bytes of one answer at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._received = bytearray()
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionFailed(str(exc) if exc else "the service hung up"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            answer = _parse(self._received)
        except ValueError as error:
            self._fail(ConnectionFailed(f"not an HTTP answer: {error}"))
            return
        if answer is None:
            return
        self._received.clear()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    async def send(self, request: bytes) -> Answer:
        """Write a request and wait for its answer."""
        assert self._transport is not None, "connected before use"
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def hang_up(self) -> None:
        """Close without waiting for anything."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, error: ConnectionFailed) -> None:
        self.closed = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def _parse(received: bytearray) -> Answer | None:
    """A whole answer, or None while bytes are missing."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > _HEAD_BYTES_MAX:
            raise ValueError("its head does not end")
        return None
    status_line, *lines = received[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = _body(received, end + 4, headers)
    if body is None:
        return None
    retry_after = headers.get("retry-after", "")
    return Answer(
        int(status_line.split(" ", 2)[1]),
        headers.get("idempotent-replayed", "").lower() == "true",
        float(retry_after) if retry_after.isdigit() else None,
        body,
    )


def _body(received: bytearray, start: int, headers: dict[str, str]) -> bytes | None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(received, start)
    length = int(headers.get("content-length", "0"))
    return bytes(received[start : start + length]) if len(received) >= start + length else None


def _chunks(received: bytearray, at: int) -> bytes | None:
    parts: list[bytes] = []
    while (line := received.find(b"\r\n", at)) >= 0:
        size = int(received[at:line].split(b";")[0], 16)
        at = line + 2 + size + 2
        if len(received) < at:
            return None
        if not size:
            return b"".join(parts)
        parts.append(bytes(received[line + 2 : at - 2]))
    return None
