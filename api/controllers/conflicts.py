"""What facts broke, and how people dealt with it."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.questions import one_of, page_of
from api.schemas import conflicts as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import (
    ConflictFound,
    ConflictItem,
    ConflictsPage,
    ConflictsQuery,
    OneQuery,
    stands_for,
)
from projections.conflicts.queries import CONFLICTS, Filter


async def _one(request: HttpRequest, query: OneQuery) -> ConflictFound:
    found, at, position = await one_of(request, query, CONFLICTS, path_id(request), "conflict")
    return ConflictFound.of(found, **stands_for(at, position))


async def _list(request: HttpRequest, query: ConflictsQuery) -> ConflictsPage:
    for name in ("kind", "location", "sku"):
        check_asked_code(name, getattr(query, name))
    wanted = Filter(status=query.status, kind=query.kind, location=query.location, sku=query.sku)
    found, page = await page_of(request, query, CONFLICTS, wanted)
    return ConflictsPage(items=[ConflictItem.of(item) for item in found], **page)


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/conflicts/{id:str}",
        answered(OneQuery, _one),
        operation_id="getConflict",
        endpoint=Endpoint(
            summary="A conflict, now or at a business time as known at a ledger time",
            tag="conflicts",
            answers={200: ConflictFound},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="conflict",
        ),
    ),
    ask(
        "/v1/conflicts",
        answered(ConflictsQuery, _list),
        operation_id="listConflicts",
        endpoint=Endpoint(
            summary="Conflicts, newest first",
            tag="conflicts",
            answers={200: ConflictsPage},
            codes=READ_CODES,
            query=ConflictsQuery,
        ),
    ),
    write(
        "/v1/conflicts/{id:str}/resolve",
        name="conflicts.resolve",
        operation_id="resolveConflict",
        endpoint=Endpoint(
            summary="Say how a conflict was dealt with, and do it",
            tag="conflicts",
            answers={200: words.ResolvedAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state", "insufficient-stock"),
            request=words.ResolveRequest,
            path_id="conflict",
            writes=True,
        ),
    ),
]
