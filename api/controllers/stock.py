"""How many, where, now or then."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, Endpoint, answered, ask
from api.questions import asking, malformed
from api.schemas.fields import check_code, instant_of, time_of
from api.schemas.questions import StockAnswer, StockQuery
from projections.questions import StockQuestion, stock


async def _stock(request: HttpRequest, query: StockQuery) -> StockAnswer:
    backend = backend_of(request)
    check_code("sku", query.sku)
    check_code("location", query.location)
    async with asking():
        page = await stock(
            backend.pool,
            _question(query),
            now=backend.clock.now(),
            cursor=query.cursor,
            limit=query.limit,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    return StockAnswer.of(page)


def _question(query: StockQuery) -> StockQuestion:
    known = query.known_at
    by_position = known is not None and known.isascii() and known.isdigit()
    position = int(known) if known is not None and by_position else None
    if position is not None and position > 2**63 - 1:
        raise malformed("known_at", f"no position is as large as {position}")
    at = None if known is None or by_position else time_of(known, "known_at")
    return StockQuestion(
        sku=query.sku,
        location=query.location,
        as_of=instant_of(query.as_of, "as_of"),
        known_at=at,
        known_position=position,
        min_position=query.min_position,
    )


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/stock",
        answered(StockQuery, _stock),
        operation_id="getStock",
        endpoint=Endpoint(
            summary="Balances, now or at a business time as known at a ledger time",
            tag="questions",
            answers={200: StockAnswer},
            codes=READ_CODES,
            query=StockQuery,
        ),
    )
]
