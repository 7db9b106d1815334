"""Count documents: what shall be counted, what was, and that it stands."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.problems import problem_of
from api.questions import asking
from api.schemas import counts as words
from api.schemas.fields import check_code
from api.schemas.questions import CountsQuery, OneQuery
from ledger.domain.refusals import NotFound
from projections.counts import queries
from projections.progress import wait_for
from projections.uncounted import Uncounted, uncounted

_TAG = "counts"

MISSING_MAX: Final = 1_000
"""SKUs shown as missing in one answer: what one call can enter."""


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "counts", position, patience_s)


async def _one(request: HttpRequest, query: OneQuery) -> words.CountFound:
    backend, count_id = backend_of(request), path_id(request)
    async with asking():
        await _wait(request, query.min_position)
        answer = await queries.get(backend.pool, count_id)
        if answer.found is None:
            raise problem_of(NotFound("count", count_id))
        left = Uncounted((), more=False)
        if answer.found.kind == "full" and answer.found.missing is None:
            left = await uncounted(
                backend.pool,
                answer.found,
                answer.position,
                limit=MISSING_MAX,
                timeout_s=backend.settings.min_position_wait_ms / 1000,
            )
    return words.found(answer.found, left, position=answer.position)


async def _list(request: HttpRequest, query: CountsQuery) -> words.CountsPage:
    backend = backend_of(request)
    check_code("location", query.location)
    check_code("sku", query.sku)
    wanted = queries.Filter(status=query.status, location=query.location, sku=query.sku)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_counts(
            backend.pool, wanted, cursor=query.cursor, limit=query.limit
        )
    return words.CountsPage(
        items=[words.CountItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


def _step(verb: str, request: type, summary: str, *, required: bool = False) -> HTTPRouteHandler:
    return write(
        f"/v1/counts/{{id:str}}/{verb}",
        name=f"counts.{verb}",
        operation_id=f"{verb}Count",
        endpoint=Endpoint(
            summary=summary,
            tag=_TAG,
            answers={200: words.CountAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state"),
            request=request,
            body_required=required,
            path_id="count",
            writes=True,
        ),
    )


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/counts",
        name="counts.open",
        operation_id="openCount",
        endpoint=Endpoint(
            summary="Have a location counted",
            tag=_TAG,
            answers={201: words.CountAnswer},
            codes=(*WRITE_CODES, "id-taken"),
            request=words.OpenCountRequest,
            writes=True,
        ),
    ),
    _step("enter", words.EnterCountRequest, "Enter figures; the last one counts", required=True),
    _step("approve", words.ApproveCountRequest, "Stand for the figures entered until now"),
    _step("post", words.PostCountRequest, "Let the figures stand in the ledger, all or none"),
    _step("cancel", words.CancelCountRequest, "Let none of it count, posted or not"),
    ask(
        "/v1/counts/{id:str}",
        answered(OneQuery, _one),
        operation_id="getCount",
        endpoint=Endpoint(
            summary="A count as it stands",
            tag=_TAG,
            answers={200: words.CountFound},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="count",
        ),
    ),
    ask(
        "/v1/counts",
        answered(CountsQuery, _list),
        operation_id="listCounts",
        endpoint=Endpoint(
            summary="Counts, newest first",
            tag=_TAG,
            answers={200: words.CountsPage},
            codes=READ_CODES,
            query=CountsQuery,
        ),
    ),
]
