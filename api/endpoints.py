"""How an address is described and served: one place for what all handlers have in common."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from litestar import get, post, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.commands import Answer, refused
from api.dependencies import Backend, HttpRequest, backend_of, visit_of
from api.front_door import NO_CONTENT, Reply, Straight
from api.problems import Problem
from api.questions import malformed, question_of
from api.schemas.fields import ID
from ledger.domain.values import asked_code_problem

_Query = TypeVar("_Query", bound=Struct)

READ_CODES: Final = (
    "malformed",
    "unauthenticated",
    "forbidden",
    "rate-limited",
    "projection-behind",
    "storage-unavailable",
)
WRITE_CODES: Final = (
    "malformed",
    "unauthenticated",
    "forbidden",
    "idempotency-conflict",
    "payload-too-large",
    "rate-limited",
    "overloaded",
    "storage-unavailable",
    "no-writer",
)


class Endpoint(Struct, frozen=True, kw_only=True):
    """What the OpenAPI document says about one operation."""

    summary: str
    tag: str
    answers: dict[int, Any]  # Status to the type of the answer, or to a media type.
    codes: tuple[str, ...] = ()
    request: Any = None
    body_required: bool = True
    query: type[Struct] | None = None
    path_id: str | None = None  # What the id in the path is the id of.
    path_second: str | None = None  # The name of a second id in the path.
    path_code: str | None = None  # What the path ends with: a SKU or a location.
    headers: tuple[str, ...] = ()  # Of a good answer, beside those that all have.
    writes: bool = False
    open: bool = False
    streams: str | None = None  # A media type in which the answer comes line by line.
    forms: tuple[str, ...] = ()  # Other media types in which the answer may be had as a file.


def write(
    path: str, *, name: str, operation_id: str, endpoint: Endpoint, method: Any = post
) -> HTTPRouteHandler:
    """The handler of an operation of `api.commands`."""

    async def handler(request: HttpRequest) -> Reply:
        visit = visit_of(request)
        named = visit.code
        if named is None:
            named = str(request.scope["path_params"].get("id", ""))
        answer = await backend_of(request).write(name, named, visit, request.receive)
        return Reply(answer)

    decorated: HTTPRouteHandler = _decorated(method, path, operation_id, endpoint)(handler)
    decorated.opt["operation"] = name
    return decorated


def straight(handlers: Iterable[HTTPRouteHandler], backend: Backend) -> dict[str, Straight]:
    """The operations whose addresses name nothing, by their paths."""
    return {
        path: Straight(
            str(handler.operation_id), partial(backend.write, handler.opt["operation"], "")
        )
        for handler in handlers
        for path in handler.paths
        if "operation" in handler.opt and "{" not in path and "POST" in handler.http_methods
    }


def ask(
    path: str,
    question: Callable[[HttpRequest], Awaitable[Any]],
    *,
    operation_id: str,
    endpoint: Endpoint,
    method: Any = get,
) -> HTTPRouteHandler:
    """The handler of a question; it returns a `Reply` or an ASGI response of its own."""

    async def handler(request: HttpRequest) -> Reply:
        reply: Reply = await question(request)
        return reply

    decorated: HTTPRouteHandler = _decorated(method, path, operation_id, endpoint)(handler)
    return decorated


def answered(
    query: type[_Query], question: Callable[[HttpRequest, _Query], Awaitable[Struct]]
) -> Callable[[HttpRequest], Awaitable[Reply]]:
    """A question that takes its parameters as a Struct and returns the answer as one."""

    async def reply(request: HttpRequest) -> Reply:
        asked = await question_of(request, query)
        return Reply(Answer(200, msgspec.json.encode(await question(request, asked))))

    return reply


def options(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """For each address, a handler that says which methods it knows."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        for path in handler.paths:
            methods.setdefault(path, set()).update(map(str, handler.http_methods))
    return [_options(path, known) for path, known in methods.items()]


def _options(path: str, methods: set[str]) -> HTTPRouteHandler:
    reply = Reply(Answer(NO_CONTENT, b"", headers=(("Allow", _allowed(methods)),)))

    async def handler() -> Reply:
        return reply

    decorated: HTTPRouteHandler = route(path, http_method=["OPTIONS"], status_code=200)(handler)
    return decorated


def _allowed(methods: Iterable[str]) -> str:
    """Methods as the header `Allow` has them; wherever GET is one, HEAD is."""
    known = {*methods, "OPTIONS"}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def path_id(request: HttpRequest) -> str:
    """The id in the path. Raises Problem where it cannot be one."""
    given = str(request.scope["path_params"]["id"])
    if ID.fullmatch(given) is None:
        raise malformed("id", f"must match {ID.pattern}, is {given[:130]!r}")
    return given


def path_code(request: HttpRequest, what: str) -> str:
    """The SKU or location at the end of the path. Raises Problem where it cannot be one."""
    code = visit_of(request).code or ""
    if (problem := asked_code_problem(code)) is not None:
        raise malformed(what, problem)
    return code


def _decorated(method: Any, path: str, operation_id: str, endpoint: Endpoint) -> Any:
    return method(
        path,
        operation_id=operation_id,
        summary=endpoint.summary,
        opt={"endpoint": endpoint},
        status_code=min(endpoint.answers),
    )


def on_error(request: HttpRequest, error: Exception) -> Any:
    """The answer to whatever a handler or the framework raised, in our own words."""
    problem = error if isinstance(error, Problem) else _of_framework(error)
    answer = refused(problem, visit_of(request).correlation_id)
    backend_of(request).metrics.refused(answer.code or "")
    if isinstance(error, HTTPException) and error.headers:
        more = {name.lower(): value for name, value in error.headers.items()}
        if "allow" in more:
            more["allow"] = _allowed(more["allow"].split(", "))
        headers = (*answer.headers, *more.items())
        answer = Answer(answer.status, answer.body, answer.media_type, headers, answer.code)
    return Reply(answer)


def _of_framework(error: Exception) -> Exception:
    if not isinstance(error, HTTPException):
        return error
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return Problem("not-found", "nothing is served at this address")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return Problem("method-not-allowed", "this address does not know the method")
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Problem("malformed", error.detail, path="$", problem=error.detail)
        case _:
            return error
