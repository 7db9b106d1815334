"""A service that answers as it is told, and remembers what it accepted, in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class FakeService:
    """`trouble(key, attempt)` names what goes wrong with a request, or nothing."""

    trouble: Callable[[str, int], str | None] = lambda key, attempt: None
    url: str = ""
    accepted: dict[str, Any] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeService"]:
        """Serve on a free port of this machine."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = dict(x.split(": ", 1) for x in head.decode().split("\r\n")[1:] if x)
                body = await reader.readexactly(int(headers.get("Content-Length", "0")))
                answer = self._answer(headers["Idempotency-Key"], json.loads(body))
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, key: str, body: Any) -> bytes | None:
        self.attempts[key] = self.attempts.get(key, 0) + 1
        match self.trouble(key, self.attempts[key]):
            case "busy":
                return _answer(503, {"detail": "busy"}, "Retry-After: 0\r\n")
            case "cut before":
                return None
            case "cut after":
                self.accepted.setdefault(key, body)
                return None
            case "nonsense":
                return b"nonsense\r\n\r\n"
            case "differs":
                return _answer(409, {"type": "urn:problem:idempotency-conflict"})
            case "refused":
                return _answer(400, {"detail": "no such thing"})
            case _:
                return self._accept(key, body)

    def _accept(self, key: str, body: Any) -> bytes:
        replayed = key in self.accepted
        self.accepted.setdefault(key, body)
        results = [
            {"status": "recorded", "conflicts": _conflicts(key) * m.get("short", 0)}
            for m in body["movements"]
        ]
        mark = "idempotent-replayed: true\r\n" if replayed else ""
        return _answer(201, {"position": len(self.accepted), "results": results}, mark)


def _conflicts(key: str) -> list[dict[str, Any]]:
    """Every tenth opens one; the others make it worse."""
    return [{"conflict_id": f"c-{int(key) // 10}", "kind": "negative_stock"}]


def _answer(status: int, document: Any, headers: str = "") -> bytes:
    """Half of the answers are chunked, the service decides that too."""
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} x\r\n{headers}"
    if len(body) % 2:
        return (
            f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
            + body
            + b"\r\n0\r\n\r\n"
        )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
