"""Units set aside for channels, and promises beyond what is there."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, write
from api.questions import page_of
from api.schemas import fences as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import FencesQuery, LimitsQuery
from projections.fences.queries import FENCES, LIMITS, Filter

_TAG = "fences"


async def _fences(request: HttpRequest, query: FencesQuery) -> words.FencesPage:
    for name in ("sku", "location", "channel"):
        check_asked_code(name, getattr(query, name))
    wanted = Filter(sku=query.sku, location=query.location, channel=query.channel)
    found, page = await page_of(request, query, FENCES, wanted)
    return words.FencesPage(items=[words.FenceItem.of(item) for item in found], **page)


async def _limits(request: HttpRequest, query: LimitsQuery) -> words.LimitsPage:
    for name in ("sku", "location"):
        check_asked_code(name, getattr(query, name))
    wanted = Filter(sku=query.sku, location=query.location)
    found, page = await page_of(request, query, LIMITS, wanted)
    return words.LimitsPage(items=[words.LimitItem.of(item) for item in found], **page)


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/fences",
        name="fences.grant",
        operation_id="grantFence",
        endpoint=Endpoint(
            summary="Set units aside for a channel",
            tag=_TAG,
            answers={201: words.FenceAnswer},
            codes=(*WRITE_CODES, "insufficient-stock"),
            request=words.GrantRequest,
            writes=True,
        ),
    ),
    write(
        "/v1/fences/return",
        name="fences.return",
        operation_id="returnFence",
        endpoint=Endpoint(
            summary="Let anybody have what a channel has not taken",
            tag=_TAG,
            answers={200: words.FenceAnswer},
            codes=(*WRITE_CODES, "illegal-state"),
            request=words.ReturnRequest,
            writes=True,
        ),
    ),
    ask(
        "/v1/fences",
        answered(FencesQuery, _fences),
        operation_id="listFences",
        endpoint=Endpoint(
            summary="What is set aside for whom, and how much of it is taken",
            tag=_TAG,
            answers={200: words.FencesPage},
            codes=READ_CODES,
            query=FencesQuery,
        ),
    ),
    write(
        "/v1/backorder-limits",
        name="backorder_limits.set",
        operation_id="setBackorderLimit",
        endpoint=Endpoint(
            summary="Let so many units be promised beyond those that are sellable",
            tag=_TAG,
            answers={200: words.LimitAnswer},
            codes=WRITE_CODES,
            request=words.LimitRequest,
            writes=True,
        ),
    ),
    ask(
        "/v1/backorder-limits",
        answered(LimitsQuery, _limits),
        operation_id="listBackorderLimits",
        endpoint=Endpoint(
            summary="How far below zero promises may go, where they may",
            tag=_TAG,
            answers={200: words.LimitsPage},
            codes=READ_CODES,
            query=LimitsQuery,
        ),
    ),
]
