"""What codes mean: define SKUs and locations, and look them up."""

from litestar import put
from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_code, write
from api.questions import one_of, page_of
from api.schemas import catalog as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import OneQuery, stands_for
from projections.catalog.queries import LOCATIONS, SKUS, LocationFilter, SkuFilter

_TAG = "catalog"


async def _sku(request: HttpRequest, query: OneQuery) -> words.SkuFound:
    found, at, position = await one_of(request, query, SKUS, path_code(request, "sku"), "sku")
    return words.SkuFound.of(found.event, found.version, **stands_for(at, position))


async def _location(request: HttpRequest, query: OneQuery) -> words.LocationFound:
    code = path_code(request, "location")
    found, at, position = await one_of(request, query, LOCATIONS, code, "location")
    return words.LocationFound.of(found.event, found.version, **stands_for(at, position))


async def _skus(request: HttpRequest, query: words.SkusQuery) -> words.SkusPage:
    found, page = await page_of(request, query, SKUS, SkuFilter(service=query.service))
    items = [words.SkuItem.of(one.event, one.version) for one in found]
    return words.SkusPage(items=items, **page)


async def _locations(request: HttpRequest, query: words.LocationsQuery) -> words.LocationsPage:
    check_asked_code("parent", query.parent)
    wanted = LocationFilter(kind=query.kind, parent=query.parent)
    found, page = await page_of(request, query, LOCATIONS, wanted)
    items = [words.LocationItem.of(one.event, one.version) for one in found]
    return words.LocationsPage(items=items, **page)


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
            summary="A SKU as it is defined, or was",
            tag=_TAG,
            answers={200: words.SkuFound},
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
            summary="A location as it is defined, or was",
            tag=_TAG,
            answers={200: words.LocationFound},
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
