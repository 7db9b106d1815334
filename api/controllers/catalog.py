"""What codes mean: define SKUs and locations, and look them up."""

from litestar import put
from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_code, write
from api.problems import problem_of
from api.questions import asking
from api.schemas import catalog as words
from api.schemas.fields import check_code
from api.schemas.questions import OneQuery
from ledger.domain.refusals import NotFound
from projections.catalog import queries
from projections.progress import wait_for

_TAG = "catalog"


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "catalog", position, patience_s)


async def _sku(request: HttpRequest, query: OneQuery) -> words.SkuAnswer:
    code = path_code(request, "sku")
    async with asking():
        await _wait(request, query.min_position)
        found = await queries.get_sku(backend_of(request).pool, code)
    if found.defined is None:
        raise problem_of(NotFound("sku", code))
    return words.SkuAnswer.of(found.defined.event, found.defined.version, position=found.position)


async def _location(request: HttpRequest, query: OneQuery) -> words.LocationAnswer:
    code = path_code(request, "location")
    async with asking():
        await _wait(request, query.min_position)
        found = await queries.get_location(backend_of(request).pool, code)
    if found.defined is None:
        raise problem_of(NotFound("location", code))
    defined = found.defined
    return words.LocationAnswer.of(defined.event, defined.version, position=found.position)


async def _skus(request: HttpRequest, query: words.SkusQuery) -> words.SkusPage:
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_skus(
            backend_of(request).pool,
            service=query.service,
            cursor=query.cursor,
            limit=query.limit,
        )
    return words.SkusPage(
        items=[words.SkuItem.of(one.event, one.version) for one in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


async def _locations(request: HttpRequest, query: words.LocationsQuery) -> words.LocationsPage:
    check_code("parent", query.parent)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_locations(
            backend_of(request).pool,
            kind=query.kind,
            parent=query.parent,
            cursor=query.cursor,
            limit=query.limit,
        )
    return words.LocationsPage(
        items=[words.LocationItem.of(one.event, one.version) for one in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/skus/{id:str}",
        method=put,
        name="skus.define",
        operation_id="defineSku",
        endpoint=Endpoint(
            summary="Say what a SKU is from now on",
            tag=_TAG,
            answers={200: words.SkuAnswer},
            codes=(*WRITE_CODES, "illegal-state"),
            request=words.SkuRequest,
            body_required=False,
            path_code="sku",
            writes=True,
        ),
    ),
    ask(
        "/v1/skus/{id:str}",
        answered(OneQuery, _sku),
        operation_id="getSku",
        endpoint=Endpoint(
            summary="A SKU as it is defined",
            tag=_TAG,
            answers={200: words.SkuAnswer},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_code="sku",
        ),
    ),
    ask(
        "/v1/skus",
        answered(words.SkusQuery, _skus),
        operation_id="listSkus",
        endpoint=Endpoint(
            summary="SKUs, by code",
            tag=_TAG,
            answers={200: words.SkusPage},
            codes=READ_CODES,
            query=words.SkusQuery,
        ),
    ),
    write(
        "/v1/locations/{id:str}",
        method=put,
        name="locations.define",
        operation_id="defineLocation",
        endpoint=Endpoint(
            summary="Say what a location is from now on",
            tag=_TAG,
            answers={200: words.LocationAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state"),
            request=words.LocationRequest,
            body_required=False,
            path_code="location",
            writes=True,
        ),
    ),
    ask(
        "/v1/locations/{id:str}",
        answered(OneQuery, _location),
        operation_id="getLocation",
        endpoint=Endpoint(
            summary="A location as it is defined",
            tag=_TAG,
            answers={200: words.LocationAnswer},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_code="location",
        ),
    ),
    ask(
        "/v1/locations",
        answered(words.LocationsQuery, _locations),
        operation_id="listLocations",
        endpoint=Endpoint(
            summary="Locations, by code",
            tag=_TAG,
            answers={200: words.LocationsPage},
            codes=READ_CODES,
            query=words.LocationsQuery,
        ),
    ),
]
