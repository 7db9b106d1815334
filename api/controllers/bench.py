"""The yardsticks of the benchmarks: requests that pass everything and do nothing."""

from litestar import post
from litestar.handlers import HTTPRouteHandler

from api.commands import Answer
from api.dependencies import HttpRequest, backend_of, visit_of
from api.front_door import Reply, body_of, key_of
from api.schemas.reservations import PlaceRequest, ReservationAnswer

_NOTHING = Answer(201, b'{"nothing":"done"}')


@post("/v1/bench/noop", operation_id="benchNoop", include_in_schema=False)
async def noop(request: HttpRequest) -> Reply:
    """Reads key and body like a command would, and answers."""
    key_of(visit_of(request).key)
    await body_of(request.receive, backend_of(request).settings.body_bytes_max)
    return Reply(_NOTHING)


@post("/v1/bench/typed", operation_id="benchTyped", include_in_schema=False)
async def typed(data: PlaceRequest) -> ReservationAnswer:
    """Does nothing the framework's own way: a body becomes a type, a type becomes an answer."""
    return ReservationAnswer(
        reservation_id=data.reservation_id,
        status="placed",
        channel=data.channel,
        kind="soft",
        expires_at=None,
        lines=(),
        position=0,
    )


HANDLERS: list[HTTPRouteHandler] = [noop, typed]
