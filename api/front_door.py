"""What every HTTP request passes before it is routed: its names, its credential, its size.

Plain ASGI around the framework, so that a request without a route is answered in the same words
as any other, and the hot path pays for nothing it does not use.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from api.auth import Authenticator
from api.commands import Answer, refused
from api.metrics import HttpMetrics
from api.problems import Problem
from api.schemas.fields import ID
from ledger.settings import Settings

# Whole paths, compared whole: nothing else is open, however it begins or ends.
OPEN_PATHS: Final = frozenset(
    {"/", "/health/live", "/health/ready", "/metrics", "/schema/openapi.json"}
)

# What follows these is a SKU or a location to the end, slashes and all.
CODED_PATHS: Final = ("/v1/skus/", "/v1/locations/")
_CODE_STAND_IN: Final = "-"

NDJSON: Final = "application/x-ndjson"

# Here a stream of lines is taken piece by piece, so that it may be longer than memory.
STREAMED_PATHS: Final = frozenset({"/v1/reconciliations"})

CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._~:@+/=-]{1,128}")

_CORRELATION_BYTES: Final = 16
_MADE_AT_ONCE: Final = 256
_made: Final[list[str]] = []  # Correlation ids that nobody has yet.
NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304
_JSON_HEADER: Final = (b"content-type", b"application/json")

logger = logging.getLogger(__name__)


class Visit(Struct, gc=False):
    """What the headers of a request say about who asks, and as part of what."""

    correlation_id: str
    principal: str = ""
    authorization: str | None = None
    key: str | None = None
    accept: str = ""
    code: str | None = None  # The SKU or location that the path ends with.


class Straight(Struct, frozen=True, gc=False):
    """An address whose requests need no framework: nothing in it has to be taken apart."""

    operation_id: str
    answer: Callable[[Visit, Receive], Awaitable[Answer]]


class Reply:
    """An answer on its way out: headers and body in two messages, nothing else."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def to_asgi_response(self, **_: Any) -> "Reply":
        """Itself: what the framework asks of a response made by an exception handler."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Sends it."""
        answer = self._answer
        headers = _headers_of(answer)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _headers_of(answer: Answer) -> list[tuple[bytes, bytes]]:
    media_type = answer.media_type
    headers: list[tuple[bytes, bytes]] = []
    if answer.status not in (
        NO_CONTENT,
        NOT_MODIFIED,
    ):  # Those say nothing of a body, and have none.
        headers += [
            _JSON_HEADER
            if media_type == "application/json"
            else (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % len(answer.body)),
        ]
    for name, value in answer.headers:
        headers.append((name.lower().encode(), value.encode()))
    return headers


class LinesReply:
    """An answer that is made while it is sent, piece by piece.

    A reader knows that it has all of it by its end: where the making fails, or nobody reads any
    more, the connection is cut instead.
    """

    __slots__ = ("_headers", "_media_type", "_pieces", "_status")

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        media_type: str,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._pieces = pieces
        self._media_type = media_type
        self._status = status
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Sends it; a reader who is slow slows the making, one who has gone ends it."""
        headers = [(b"content-type", self._media_type.encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in self._headers]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        # To be asked for: sending to somebody who has gone succeeds like any other.
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if gone.done():
                        return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception:
            logger.exception("an answer in lines was cut off, it could not be made any further")
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    """Waits until the reader has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _head_only(send: Send) -> Send:
    """Ends an answer where its body would begin."""
    ended = False

    async def head(message: Any) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        await asyncio.sleep(0)  # Whoever makes the body learns that nobody reads on.

    return head


async def _nobody() -> Any:
    """What is received from a reader who waits for no body."""
    return {"type": "http.disconnect"}


class FrontDoor:
    """The service as granian sees it.

    `straight` are the addresses, by path, to which a POST goes past the framework: measured, that
    spares a third of what the interpreter does for one.
    """

    def __init__(
        self,
        app: ASGIApp,
        auth: Authenticator,
        metrics: HttpMetrics,
        settings: Settings,
        straight: Mapping[str, Straight],
    ) -> None:
        self._app = app
        self._auth = auth
        self._metrics = metrics
        self._body_bytes_max = settings.body_bytes_max
        self._stream_bytes_max = settings.stream_bytes_max
        self.straight = straight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or says why not."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        visit = Visit(correlation_id="")
        straight = self.straight.get(scope["path"]) if scope["method"] == "POST" else None
        if straight is not None:
            status = await self._go_straight(straight, visit, scope, receive, send)
            self._metrics.observe(straight.operation_id, status, perf_counter() - started)
            return
        status = 500
        if scope["method"] == "HEAD":  # Answered like GET as far as it is answered at all.
            scope["method"] = "GET"
            receive, send = _nobody, _head_only(send)

        async def stamped(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-correlation-id", visit.correlation_id.encode()))
            await send(message)

        scope["visit"] = visit  # type: ignore[typeddict-unknown-key]
        try:
            self._look_at(scope, visit)
            await self._app(scope, receive, stamped)
        except Problem as problem:
            answer = refused(problem, visit.correlation_id)
            await Reply(answer)(scope, receive, stamped)
        handler = scope.get("route_handler")
        operation = getattr(handler, "operation_id", None) or "none"
        self._metrics.observe(operation, status, perf_counter() - started)

    async def _go_straight(
        self, straight: Straight, visit: Visit, scope: Scope, receive: Receive, send: Send
    ) -> int:
        """Answers a request without the framework; returns the status."""
        try:
            self._look_at(scope, visit)
            answer = await straight.answer(visit, receive)
        except Problem as problem:
            answer = refused(problem, visit.correlation_id)
        except Exception as error:  # noqa: BLE001 - it is logged, and its caller is told so.
            answer = refused(error, visit.correlation_id)
            self._metrics.refused(answer.code or "")
        headers = _headers_of(answer)
        headers.append((b"x-correlation-id", visit.correlation_id.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return answer.status

    def _look_at(self, scope: Scope, visit: Visit) -> None:
        """Reads the headers in one pass. Raises Problem."""
        pairs = list(scope["headers"])
        headers = dict(pairs)
        if len(headers) < len(pairs):
            _join(headers, pairs)
        given = headers.get
        visit.authorization = _text(given(b"authorization"))
        visit.key = _text(given(b"idempotency-key"))
        visit.accept = _text(given(b"accept")) or ""
        api_key = _text(given(b"x-api-key"))
        correlation_id = _text(given(b"x-correlation-id"))
        length = given(b"content-length", b"0")
        visit.correlation_id = correlation_of(correlation_id, visit)
        if scope["path"].startswith(CODED_PATHS):
            visit.code = _take_code(scope)
        if scope["path"] not in OPEN_PATHS:
            visit.principal = self._auth.principal(visit.authorization, api_key)
        if visit.authorization is None and api_key is not None:
            visit.authorization = f"Bearer {api_key}"
        lines = given(b"content-type", b"").startswith(NDJSON.encode())
        streamed = lines and scope["path"] in STREAMED_PATHS
        limit = self._stream_bytes_max if streamed else self._body_bytes_max
        if length.isdigit() and int(length) > limit:
            raise too_large(limit, int(length))


def _join(headers: dict[bytes, bytes], pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """What several headers of one name say together. An idempotency key among them is none."""
    for name in (b"accept", b"idempotency-key"):
        values = [value for other, value in pairs if other == name]
        if len(values) > 1:
            headers[name] = b", ".join(values)


def _take_code(scope: Scope) -> str:
    """The code at the end of a path, whatever it is made of; the path goes on without it.

    Taken from the path as it was sent: decoded, an escaped slash would be like any other. Raises
    Problem where it is not UTF-8.
    """
    sent = scope.get("raw_path") or scope["path"].encode()
    for prefix in CODED_PATHS:
        if sent.startswith(prefix.encode()):
            scope["path"] = f"{prefix}{_CODE_STAND_IN}"
            try:
                return unquote_to_bytes(sent[len(prefix) :].partition(b"?")[0]).decode()
            except UnicodeDecodeError as error:
                why = f"not UTF-8: {error.reason}"
                raise Problem("malformed", f"path: {why}", path="path", problem=why) from None
    raise Problem("not-found", "nothing is served at this address")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def correlation_of(given: str | None, visit: Visit | None = None) -> str:
    """The caller's correlation id, or a new one. Raises Problem where it cannot be one."""
    if given is not None and CORRELATION_ID.fullmatch(given) is not None:
        return given
    made = _new_id()
    if given is None:
        return made
    if visit is not None:
        visit.correlation_id = made  # The refusal itself has to be found again, too.
    problem = f"must match {CORRELATION_ID.pattern}"
    raise Problem(
        "malformed", f"X-Correlation-ID: {problem}", path="X-Correlation-ID", problem=problem
    )


def _new_id() -> str:
    """Random, many made at once: asking the kernel for each costs more than all the rest."""
    if not _made:
        noise = secrets.token_hex(_CORRELATION_BYTES * _MADE_AT_ONCE)
        digits = 2 * _CORRELATION_BYTES
        _made.extend(noise[at : at + digits] for at in range(0, len(noise), digits))
    return _made.pop()


def key_of(given: str | None) -> str:
    """The idempotency key. Raises Problem where there is none, or it cannot be one."""
    if given is not None and ID.fullmatch(given) is not None:
        return given
    problem = "is required" if given is None else f"must match {ID.pattern}"
    detail = f"Idempotency-Key: {problem}"
    raise Problem("malformed", detail, path="Idempotency-Key", problem=problem)


def too_large(limit: int, length: int) -> Problem:
    """The refusal of a body that exceeds the limit."""
    return Problem(
        "payload-too-large",
        f"the body has more than {limit} bytes",
        limit_bytes=limit,
        length_bytes=length,
    )


async def body_of(receive: Receive, limit: int) -> bytes:
    """The whole body, given up as soon as it exceeds the limit. Raises Problem."""
    message: Any = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        if len(body) > limit:
            raise too_large(limit, len(body))
        return body
    parts = [message.get("body", b"")]
    length = len(parts[0])
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > limit:
            raise too_large(limit, length)
    if message["type"] == "http.disconnect":
        raise Problem("malformed", "the client went away before its body was complete")
    return b"".join(parts)
