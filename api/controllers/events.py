"""The ledger feed: every event in order, as a page or as a stream of lines."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.commands import JSON, Answer
from api.dependencies import HttpRequest, backend_of, visit_of
from api.endpoints import READ_CODES, Endpoint, ask
from api.forms import wanted
from api.front_door import NDJSON, LinesReply, Reply
from api.questions import asking, parameters
from api.schemas.questions import EventsAnswer, EventsPage, EventsQuery
from ledger.recorded import Recorded
from projections.feed import events_after, head
from projections.progress import WAIT_LONGEST_S, Pool, ProjectionBehind
from subscribers.translate import event_message

_GENERATION = 1  # The feed is the ledger itself; only copies of it have later generations.
_PAGE = 100
_LINES_AT_ONCE = 500


async def _events(request: HttpRequest) -> Reply | LinesReply:
    backend = backend_of(request)
    query = parameters(request.scope["query_string"], EventsQuery, backend.settings.page_max)
    async with asking():
        patience_s = backend.settings.min_position_wait_ms / 1000
        until = await _head(backend.pool, query.min_position, patience_s)
        if wanted(visit_of(request).accept, (JSON, NDJSON)) == NDJSON:
            # The stream ends at the head it found, so that a reader knows it has seen it all.
            last = until if query.limit is None else min(until, query.after + query.limit)
            return LinesReply(_lines(backend.pool, query.after, last), NDJSON)
        page = await events_after(backend.pool, query.after, query.limit or _PAGE)
    items = [msgspec.Raw(_payload(recorded)) for recorded in page.items]
    following = page.items[-1].position if page.items else query.after
    answer = EventsPage(items=items, position=page.head, next_after=following)
    return Reply(Answer(200, msgspec.json.encode(answer)))


async def _head(pool: Pool, min_position: int, patience_s: float) -> int:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while (position := await head(pool)) < min_position:
        if loop.time() > deadline:
            raise ProjectionBehind("the ledger", position, min_position)
        await asyncio.sleep(WAIT_LONGEST_S)
    return position


async def _lines(pool: Pool, after: int, until: int) -> AsyncGenerator[bytes, None]:
    while after < until:
        page = await events_after(pool, after, _LINES_AT_ONCE, until)
        assert page.items, f"position {after + 1} is missing from the ledger"
        yield b"".join(_payload(recorded) + b"\n" for recorded in page.items)
        after = page.items[-1].position


def _payload(recorded: Recorded) -> bytes:
    return event_message(recorded, _GENERATION).payload


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/events",
        _events,
        operation_id="listEvents",
        endpoint=Endpoint(
            summary="The ledger feed, after a position",
            tag="questions",
            answers={200: EventsAnswer},
            codes=READ_CODES,
            query=EventsQuery,
            streams=NDJSON,
        ),
    )
]
