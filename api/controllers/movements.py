"""Facts: what physically happened, and the history of it."""

from litestar.handlers import HTTPRouteHandler

from api.endpoints import WRITE_CODES, Endpoint, write
from api.schemas import movements as words

HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/movements",
        name="movements.record",
        operation_id="recordMovements",
        endpoint=Endpoint(
            summary="Record facts: all or none, or each for itself",
            tag="movements",
            answers={201: words.MovementsAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state", "stale-quantity"),
            request=words.MovementsRequest,
            writes=True,
        ),
    ),
]
