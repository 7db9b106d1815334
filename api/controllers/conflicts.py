"""What facts broke, and how people dealt with it."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, write
from api.questions import asking
from api.schemas import conflicts as words
from api.schemas.fields import check_code
from api.schemas.questions import ConflictItem, ConflictsPage, ConflictsQuery
from projections.conflicts import queries
from projections.progress import wait_for


async def _list(request: HttpRequest, query: ConflictsQuery) -> ConflictsPage:
    backend = backend_of(request)
    for name in ("kind", "location", "sku"):
        check_code(name, getattr(query, name))
    wanted = queries.Filter(
        status=query.status, kind=query.kind, location=query.location, sku=query.sku
    )
    async with asking():
        if query.min_position:
            patience_s = backend.settings.min_position_wait_ms / 1000
            await wait_for(backend.pool, "conflicts", query.min_position, patience_s)
        page = await queries.list_conflicts(
            backend.pool, wanted, cursor=query.cursor, limit=query.limit
        )
    return ConflictsPage(
        items=[ConflictItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


HANDLERS: list[HTTPRouteHandler] = [
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
