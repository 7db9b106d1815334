"""Count documents: what shall be counted, what was, and that it stands."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.questions import asking, one_of, page_of
from api.schemas import counts as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import CountsQuery, OneQuery, stands_for
from projections.counts.queries import COUNTS, Filter
from projections.uncounted import Uncounted, uncounted

_TAG = "counts"

MISSING_MAX: Final = 1_000
"""SKUs shown as missing in one answer: what one call can enter."""


async def _one(request: HttpRequest, query: OneQuery) -> words.CountFound:
    found, at, position = await one_of(request, query, COUNTS, path_id(request), "count")
    left = Uncounted((), more=False)
    if found.kind == "full" and found.missing is None:
        backend = backend_of(request)
        async with asking():
            left = await uncounted(
                backend.pool,
                found,
                at.known,
                limit=MISSING_MAX,
                timeout_s=backend.settings.min_position_wait_ms / 1000,
            )
    return words.found(found, left, **stands_for(at, position))


async def _list(request: HttpRequest, query: CountsQuery) -> words.CountsPage:
    check_asked_code("location", query.location)
    check_asked_code("sku", query.sku)
    wanted = Filter(status=query.status, location=query.location, sku=query.sku)
    found, page = await page_of(request, query, COUNTS, wanted)
    return words.CountsPage(items=[words.CountItem.of(item) for item in found], **page)


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
            summary="A count, now or at a business time as known at a ledger time",
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
