"""Facts: what physically happened, and the history of it."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, write
from api.questions import asked_of, asking, malformed
from api.schemas import movements as words
from api.schemas.fields import check_asked_code, instant_of
from api.schemas.questions import MovementItem, MovementsPage, MovementsQuery, stands_for
from projections.history.movements import Window, movements


async def _movements(request: HttpRequest, query: MovementsQuery) -> MovementsPage:
    backend = backend_of(request)
    check_asked_code("sku", query.sku)
    check_asked_code("location", query.location)
    window = Window(
        sku=query.sku,
        location=query.location,
        order=query.order,
        start=instant_of(query.start, "from"),
        end=instant_of(query.end, "to"),
    )
    if window.start is not None and window.end is not None and window.start > window.end:
        raise malformed("to", "must not lie before from")
    async with asking():
        page = await movements(
            backend.pool,
            window,
            asked_of(query),
            now=backend.clock.now(),
            cursor=query.cursor,
            limit=query.limit,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    return MovementsPage(
        items=[MovementItem.of(item) for item in page.items],
        order=page.order,
        next_cursor=page.next_cursor,
        **stands_for(page.clocks, page.position),
    )


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
    ask(
        "/v1/movements",
        answered(MovementsQuery, _movements),
        operation_id="listMovements",
        endpoint=Endpoint(
            summary="Every change of one stock, with the balances after it",
            tag="questions",
            answers={200: MovementsPage},
            codes=READ_CODES,
            query=MovementsQuery,
        ),
    ),
]
