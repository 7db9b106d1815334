"""The yardstick of the benchmarks: a request that passes everything and does nothing."""

from litestar import post
from litestar.handlers import HTTPRouteHandler

from api.commands import Answer
from api.dependencies import HttpRequest, backend_of, visit_of
from api.front_door import Reply, body_of, key_of

_NOTHING = Answer(201, b'{"nothing":"done"}')


@post("/v1/bench/noop", operation_id="benchNoop", include_in_schema=False)
async def noop(request: HttpRequest) -> Reply:
    """Reads key and body like a command would, and answers."""
    key_of(visit_of(request).key)
    await body_of(request.receive, backend_of(request).settings.body_bytes_max)
    return Reply(_NOTHING)


HANDLERS: list[HTTPRouteHandler] = [noop]
