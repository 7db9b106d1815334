"""The yardsticks of the benchmarks: requests that pass everything and do nothing."""

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.types import Receive

from api.commands import Answer
from api.dependencies import Backend
from api.front_door import Straight, Visit, body_of, key_of
from api.schemas.reservations import PlaceRequest, ReservationAnswer

_NOTHING = Answer(201, b'{"nothing":"done"}')


def straight(backend: Backend) -> dict[str, Straight]:
    """One that comes in as commands do, past the framework."""

    async def noop(visit: Visit, receive: Receive) -> Answer:
        key_of(visit.key)
        await body_of(receive, backend.settings.body_bytes_max)
        return _NOTHING

    return {"/v1/bench/noop": Straight("benchNoop", noop)}


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


HANDLERS: list[HTTPRouteHandler] = [typed]
