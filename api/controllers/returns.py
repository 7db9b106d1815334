"""Goods that customers send back, and what orders come to."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.questions import one_of, page_of
from api.schemas import returns as words
from api.schemas.fields import check_asked_code, check_text
from api.schemas.questions import OneQuery, OrdersQuery, ReturnsQuery, stands_for
from projections.returns.queries import ORDERS, RETURNS, Filter, OrderFilter

_TAG = "returns"


async def _one(request: HttpRequest, query: OneQuery) -> words.ReturnFound:
    found, at, position = await one_of(request, query, RETURNS, path_id(request), "return")
    return words.ReturnFound.of(found, **stands_for(at, position))


async def _list(request: HttpRequest, query: ReturnsQuery) -> words.ReturnsPage:
    check_asked_code("sku", query.sku)
    check_text("order", query.order)
    wanted = Filter(status=query.status, order=query.order, sku=query.sku)
    found, page = await page_of(request, query, RETURNS, wanted)
    return words.ReturnsPage(items=[words.ReturnItem.of(item) for item in found], **page)


async def _orders(request: HttpRequest, query: OrdersQuery) -> words.OrdersPage:
    check_asked_code("sku", query.sku)
    check_text("order", query.order)
    wanted = OrderFilter(order=query.order, sku=query.sku, excess=query.excess)
    found, page = await page_of(request, query, ORDERS, wanted)
    return words.OrdersPage(items=found, **page)


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
            summary="A return, now or at a business time as known at a ledger time",
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
