"""Periods: close one, and have what it was closed with, for ever."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from api.controllers.statements import FORMATS, formatted, limits
from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.front_door import Reply
from api.problems import problem_of
from api.questions import asking, malformed, question_of
from api.schemas import periods as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import OneQuery
from api.schemas.statements import StatementsAnswer
from ledger.domain.refusals import NotFound
from projections.bookkeeping.periods import PeriodAnswer, get_period, list_periods
from projections.bookkeeping.queries import Scope
from projections.progress import wait_for
from projections.statement_questions import PROJECTION, period_statements

_TAG: Final = "statements"


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, PROJECTION, position, patience_s)


async def _found(request: HttpRequest, min_position: int) -> tuple[PeriodAnswer, int]:
    period_id = path_id(request)
    await _wait(request, min_position)
    found = await get_period(backend_of(request).pool, period_id)
    if found.period is None:
        raise problem_of(NotFound("period", period_id))
    return found.period, found.position


async def _one(request: HttpRequest, query: OneQuery) -> words.PeriodFound:
    async with asking():
        return words.found_of(*await _found(request, query.min_position))


async def _list(request: HttpRequest, query: words.PeriodsQuery) -> words.PeriodsPage:
    check_asked_code("location", query.location)
    async with asking():
        await _wait(request, query.min_position)
        pool = backend_of(request).pool
        page = await list_periods(pool, query.location, cursor=query.cursor, limit=query.limit)
    return words.PeriodsPage(
        items=[words.item_of(period) for period in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


async def _statement(request: HttpRequest) -> Reply:
    backend = backend_of(request)
    query = await question_of(request, words.PeriodStatementQuery)
    check_asked_code("sku", query.sku)
    check_asked_code("location", query.location)
    async with asking():
        period, _ = await _found(request, query.min_position)
        page = await period_statements(
            backend.pool,
            period,
            Scope(sku=query.sku, location=_location(query, period), group_by=query.group_by),
            cursor=query.cursor,
            limits=limits(backend.settings, query.limit),
        )
    return await formatted(request, StatementsAnswer.of(page))


def _location(query: words.PeriodStatementQuery, period: PeriodAnswer) -> str | None:
    """A part of the period's scope. Raises Problem where it is none."""
    if query.location is not None and period.location not in (None, query.location):
        raise malformed("location", f"the period is of {period.location!r} alone")
    return query.location or period.location


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/periods",
        name="periods.close",
        operation_id="closePeriod",
        endpoint=Endpoint(
            summary="Pin what is known about a period; it refuses nothing",
            tag=_TAG,
            answers={201: words.PeriodFound},
            codes=(*WRITE_CODES, "illegal-state", "id-taken"),
            request=words.ClosePeriodRequest,
            writes=True,
        ),
    ),
    ask(
        "/v1/periods/{id:str}/statement",
        _statement,
        operation_id="getPeriodStatement",
        endpoint=Endpoint(
            summary="What a period was closed with, and what was learned of the time before it",
            tag=_TAG,
            answers={200: StatementsAnswer},
            codes=(*READ_CODES, "not-found"),
            query=words.PeriodStatementQuery,
            path_id="period",
            forms=FORMATS,
        ),
    ),
    ask(
        "/v1/periods/{id:str}",
        answered(OneQuery, _one),
        operation_id="getPeriod",
        endpoint=Endpoint(
            summary="A closed period",
            tag=_TAG,
            answers={200: words.PeriodFound},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="period",
        ),
    ),
    ask(
        "/v1/periods",
        answered(words.PeriodsQuery, _list),
        operation_id="listPeriods",
        endpoint=Endpoint(
            summary="Closed periods, the last closed first",
            tag=_TAG,
            answers={200: words.PeriodsPage},
            codes=READ_CODES,
            query=words.PeriodsQuery,
        ),
    ),
]
