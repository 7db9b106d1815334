"""Goods that customers send back, and what orders come to."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.problems import problem_of
from api.questions import asking
from api.schemas import returns as words
from api.schemas.fields import check_code, check_text
from api.schemas.questions import OneQuery, OrdersQuery, ReturnsQuery
from ledger.domain.refusals import NotFound
from projections.progress import wait_for
from projections.returns import queries

_TAG = "returns"


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "returns", position, patience_s)


async def _one(request: HttpRequest, query: OneQuery) -> words.ReturnFound:
    backend, return_id = backend_of(request), path_id(request)
    async with asking():
        await _wait(request, query.min_position)
        answer = await queries.get(backend.pool, return_id)
    if answer.found is None:
        raise problem_of(NotFound("return", return_id))
    return words.found(answer.found, answer.position)


async def _list(request: HttpRequest, query: ReturnsQuery) -> words.ReturnsPage:
    backend = backend_of(request)
    check_code("sku", query.sku)
    check_text("order", query.order)
    wanted = queries.Filter(status=query.status, order=query.order, sku=query.sku)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_returns(
            backend.pool, wanted, cursor=query.cursor, limit=query.limit
        )
    return words.ReturnsPage(
        items=[words.ReturnItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


async def _orders(request: HttpRequest, query: OrdersQuery) -> words.OrdersPage:
    backend = backend_of(request)
    check_code("sku", query.sku)
    check_text("order", query.order)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_orders(
            backend.pool,
            order=query.order,
            sku=query.sku,
            excess=query.excess,
            cursor=query.cursor,
            limit=query.limit,
        )
    return words.OrdersPage(items=page.items, position=page.position, next_cursor=page.next_cursor)


def _step(verb: str, request: type, summary: str, *, required: bool = True) -> HTTPRouteHandler:
    return write(
        f"/v1/returns/{{id:str}}/{verb}",
        name=f"returns.{verb}",
        operation_id=f"{verb}Return",
        endpoint=Endpoint(
            summary=summary,
            tag=_TAG,
            answers={200: words.ReturnAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state"),
            request=request,
            body_required=required,
            path_id="return",
            writes=True,
        ),
    )


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/returns",
        name="returns.authorise",
        operation_id="authoriseReturn",
        endpoint=Endpoint(
            summary="Let a customer send goods back",
            tag=_TAG,
            answers={201: words.ReturnAnswer},
            codes=(*WRITE_CODES, "id-taken"),
            request=words.AuthoriseReturnRequest,
            writes=True,
        ),
    ),
    _step("receive", words.ReceiveReturnRequest, "Report what arrived, authorised or not"),
    _step("inspect", words.InspectReturnRequest, "Report what received goods were found to be"),
    _step("disposition", words.DispositionReturnRequest, "Decide what becomes of received goods"),
    _step("close", words.CloseReturnRequest, "Expect nothing more of a return", required=False),
    ask(
        "/v1/returns/{id:str}",
        answered(OneQuery, _one),
        operation_id="getReturn",
        endpoint=Endpoint(
            summary="A return as it stands",
            tag=_TAG,
            answers={200: words.ReturnFound},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="return",
        ),
    ),
    ask(
        "/v1/returns",
        answered(ReturnsQuery, _list),
        operation_id="listReturns",
        endpoint=Endpoint(
            summary="Returns, newest first",
            tag=_TAG,
            answers={200: words.ReturnsPage},
            codes=READ_CODES,
            query=ReturnsQuery,
        ),
    ),
    ask(
        "/v1/orders",
        answered(OrdersQuery, _orders),
        operation_id="listOrders",
        endpoint=Endpoint(
            summary="What was sold and what came back, by order and SKU",
            tag=_TAG,
            answers={200: words.OrdersPage},
            codes=READ_CODES,
            query=OrdersQuery,
        ),
    ),
]
