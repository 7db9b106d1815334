"""Units set aside for channels, and promises beyond what is there."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, write
from api.questions import asking
from api.schemas import fences as words
from api.schemas.fields import check_code
from api.schemas.questions import FencesQuery, LimitsQuery
from projections.fences import queries
from projections.progress import wait_for

_TAG = "fences"


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "fences", position, patience_s)


async def _fences(request: HttpRequest, query: FencesQuery) -> words.FencesPage:
    backend = backend_of(request)
    for name in ("sku", "location", "channel"):
        check_code(name, getattr(query, name))
    wanted = queries.Filter(sku=query.sku, location=query.location, channel=query.channel)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_fences(
            backend.pool, wanted, now=backend.clock.now(), cursor=query.cursor, limit=query.limit
        )
    return words.FencesPage(
        items=[words.FenceItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


async def _limits(request: HttpRequest, query: LimitsQuery) -> words.LimitsPage:
    for name in ("sku", "location"):
        check_code(name, getattr(query, name))
    wanted = queries.Filter(sku=query.sku, location=query.location)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_limits(
            backend_of(request).pool, wanted, cursor=query.cursor, limit=query.limit
        )
    return words.LimitsPage(
        items=[words.LimitItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


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
