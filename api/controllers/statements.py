"""Where units came from and went to: statements, and the movements behind each line."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.commands import JSON, Answer
from api.dependencies import HttpRequest, backend_of, visit_of
from api.endpoints import READ_CODES, Endpoint, answered, ask
from api.forms import wanted
from api.front_door import Reply
from api.questions import asking, known_when, malformed, question_of
from api.schemas.fields import check_asked_code, instant_of
from api.schemas.statements import (
    ENTRIES_PATH,
    EntriesAnswer,
    EntriesQuery,
    StatementsAnswer,
    StatementsQuery,
)
from api.statement_files import CSV, PARQUET, as_csv, as_parquet, pins
from ledger.domain.values import EARLIEST, LATEST
from ledger.settings import Settings
from projections.bookkeeping.entries import EntriesAsked
from projections.bookkeeping.queries import Scope, Span
from projections.statement_questions import Limits, entries, statements

_TAG: Final = "statements"
_FORMATS: Final[dict[str, Callable[[StatementsAnswer], bytes]]] = {
    CSV: as_csv,
    PARQUET: as_parquet,
}
FORMATS: Final = tuple(_FORMATS)


async def _statements(request: HttpRequest) -> Reply:
    backend = backend_of(request)
    query = await question_of(request, StatementsQuery)
    check_asked_code("sku", query.sku)
    check_asked_code("location", query.location)
    start, until = instant_of(query.start, "from"), instant_of(query.end, "to")
    assert start is not None
    assert until is not None
    if start >= until:
        raise malformed("to", "must lie after from")
    async with asking():
        page = await statements(
            backend.pool,
            Scope(sku=query.sku, location=query.location, group_by=query.group_by),
            Span(start, until),
            known_when(query.known_at, query.min_position),
            cursor=query.cursor,
            limits=limits(backend.settings, query.limit),
        )
    return await formatted(request, StatementsAnswer.of(page))


async def formatted(request: HttpRequest, answer: StatementsAnswer) -> Reply:
    """The answer in the form that was asked for; a table tells in headers what it is pinned to."""
    media_type = wanted(visit_of(request).accept, (JSON, *FORMATS))
    if media_type == JSON:
        return Reply(Answer(200, msgspec.json.encode(answer), JSON))
    told = {"ledger-" + name.replace("_", "-"): text for name, text in pins(answer).items()}
    body = await asyncio.to_thread(_FORMATS[media_type], answer)
    return Reply(Answer(200, body, media_type, tuple(told.items())))


def limits(settings: Settings, page: int) -> Limits:
    """How much one answer may hold."""
    return Limits(
        page=page,
        lines=settings.statement_lines_max,
        timeout_s=settings.min_position_wait_ms / 1000,
    )


async def _entries(request: HttpRequest, query: EntriesQuery) -> EntriesAnswer:
    backend = backend_of(request)
    check_asked_code("sku", query.sku)
    check_asked_code("location", query.location)
    start, until = instant_of(query.start, "from"), instant_of(query.end, "to")
    if start is not None and until is not None and start > until:
        raise malformed("to", "must not lie before from")
    asked = EntriesAsked(
        sku=query.sku,
        location=query.location,
        start=EARLIEST if start is None else start,
        until=LATEST + 1 if until is None else until,
        counter=query.counter,
        from_bucket=query.from_bucket,
        to_bucket=query.to_bucket,
        type=query.type,
        reason=query.reason,
        known_after=query.known_after,
    )
    async with asking():
        page = await entries(
            backend.pool,
            asked,
            known_when(query.known_at, query.min_position),
            cursor=query.cursor,
            limits=limits(backend.settings, query.limit),
        )
    return EntriesAnswer.of(page)


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/statements",
        _statements,
        operation_id="getStatements",
        endpoint=Endpoint(
            summary="Opening, where units came from and went to, and closing, as known when",
            tag=_TAG,
            answers={200: StatementsAnswer},
            codes=READ_CODES,
            query=StatementsQuery,
            forms=FORMATS,
        ),
    ),
    ask(
        ENTRIES_PATH,
        answered(EntriesQuery, _entries),
        operation_id="listStatementEntries",
        endpoint=Endpoint(
            summary="The movements behind the lines of a statement, as they happened",
            tag=_TAG,
            answers={200: EntriesAnswer},
            codes=READ_CODES,
            query=EntriesQuery,
        ),
    ),
]
