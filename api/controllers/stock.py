"""How many, where, now or then."""

from litestar.handlers import HTTPRouteHandler
from msgspec import structs

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, Endpoint, answered, ask
from api.questions import asked_of, asking
from api.schemas.fields import check_code
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
    asked = structs.asdict(asked_of(query))
    return StockQuestion(sku=query.sku, location=query.location, **asked)


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
