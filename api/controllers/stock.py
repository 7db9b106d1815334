"""How many, where, now or then."""

from litestar.handlers import HTTPRouteHandler
from msgspec import structs

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, Endpoint, answered, ask
from api.questions import asked_of, asking
from api.schemas.fields import check_asked_code
from api.schemas.questions import (
    StockAnswer,
    StockQuery,
    TotalsAnswer,
    TotalsQuery,
    stands_for,
)
from projections.questions import StockQuestion, TotalsQuestion, stock, totals


async def _stock(request: HttpRequest, query: StockQuery) -> StockAnswer:
    backend = backend_of(request)
    check_asked_code("sku", query.sku)
    check_asked_code("location", query.location)
    asked = structs.asdict(asked_of(query))
    async with asking():
        page = await stock(
            backend.pool,
            StockQuestion(sku=query.sku, location=query.location, sort=query.sort, **asked),
            now=backend.clock.now(),
            cursor=query.cursor,
            limit=query.limit,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    return StockAnswer.of(page)


async def _totals(request: HttpRequest, query: TotalsQuery) -> TotalsAnswer:
    backend = backend_of(request)
    check_asked_code("sku", query.sku)
    check_asked_code("location", query.location)
    asked = structs.asdict(asked_of(query))
    async with asking():
        page = await totals(
            backend.pool,
            TotalsQuestion(sku=query.sku, location=query.location, group=query.group_by, **asked),
            now=backend.clock.now(),
            cursor=query.cursor,
            limit=query.limit,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    return TotalsAnswer(
        items=page.items,
        next_cursor=page.next_cursor,
        **stands_for(page.clocks, page.position),
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
    ),
    ask(
        "/v1/stock/totals",
        answered(TotalsQuery, _totals),
        operation_id="getStockTotals",
        endpoint=Endpoint(
            summary="Sums over stocks, now or at a business time as known at a ledger time",
            tag="questions",
            answers={200: TotalsAnswer},
            codes=READ_CODES,
            query=TotalsQuery,
        ),
    ),
]
