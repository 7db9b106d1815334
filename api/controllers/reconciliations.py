"""Who disagrees with the ledger, by how much and why; and putting right what nobody can explain."""

from collections.abc import AsyncGenerator
from tempfile import SpooledTemporaryFile
from typing import Final

import msgspec
from litestar.handlers import HTTPRouteHandler, post

from api.commands import REPLAYED, Answer
from api.dependencies import HttpRequest, backend_of, visit_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.front_door import NDJSON, LinesReply, Reply, body_of, key_of
from api.problems import Problem, problem_of
from api.questions import asking
from api.reconciling import (
    Done,
    Lines,
    Otherwise,
    Refused,
    caught_up,
    pieces_of,
    pins_of,
    reconcile,
)
from api.schemas import reconciliations as words
from api.schemas.fields import check_asked_code
from api.schemas.reading import check_encoding, read
from ledger.domain.refusals import NotFound, Refusal
from projections.progress import wait_for
from projections.reconciliations import queries
from projections.reconciliations.comparison import Variance

_TAG: Final = "reconciliations"

_IN_MEMORY_BYTES: Final = 1024 * 1024
"""Of the variances of a stream of lines; the others wait in a file until the list has ended."""

_SENT_BYTES: Final = 64 * 1024

_encode: Final = msgspec.json.Encoder().encode


async def _reconcile(request: HttpRequest) -> Reply | LinesReply:
    key_of(visit_of(request).key)
    lines = request.headers.get("content-type", "").startswith(NDJSON)
    try:
        return await (_of_lines(request) if lines else _of_object(request))
    except Refused as refused:
        backend_of(request).metrics.refused(refused.answer.code or "")
        return Reply(refused.answer)


async def _of_object(request: HttpRequest) -> Reply | LinesReply:
    backend, visit = backend_of(request), visit_of(request)
    body = await body_of(request.receive, backend.settings.body_bytes_max)
    check_encoding(body)
    asked = read(words.LIST, body)
    at = await pins_of(backend, visit, asked)
    kept = _Kept()
    try:
        done = await reconcile(backend, visit, asked, pieces_of(asked.balances), kept.take, at)
    except Otherwise as otherwise:
        kept, at = _Kept(), otherwise.pins
        done = await reconcile(backend, visit, asked, pieces_of(asked.balances), kept.take, at)
    answer = words.reply(words.head_answer(done.recorded, done.position), kept.items, kept.left_out)
    headers = (REPLAYED,) if done.replayed else ()
    return Reply(Answer(201, _encode(answer), headers=headers))


class _Kept:
    """Variances for an answer that is one object."""

    def __init__(self) -> None:
        self.items: list[words.VarianceItem] = []
        self.left_out = 0

    def take(self, variances: list[Variance]) -> None:
        room = words.VARIANCES_SHOWN_MAX - len(self.items)
        self.items += map(words.VarianceItem.of, variances[:room])
        self.left_out += max(0, len(variances) - room)


async def _of_lines(request: HttpRequest) -> LinesReply:
    """A list of any length. The answer begins when the list has ended: until then anything may
    still be wrong with it, and its caller is busy sending.
    """
    backend, visit = backend_of(request), visit_of(request)
    lines = Lines(request.receive, backend.settings.stream_bytes_max)
    spool = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed when it has been sent

    def keep(variances: list[Variance]) -> None:
        spool.write(b"".join([_encode(words.VarianceItem.of(one)) + b"\n" for one in variances]))

    try:
        head = await lines.head()
        await caught_up(backend)  # It can be read only once: a repeat has to be known as one.
        at = await pins_of(backend, visit, head)
        done = await reconcile(backend, visit, head, lines.pieces(), keep, at)
    except BaseException as problem:
        spool.close()
        if isinstance(problem, Otherwise):
            said = "this list was recorded a moment ago; ask again to see what it came to"
            raise Problem("projection-behind", said, projection=_TAG) from None
        if isinstance(problem, Problem | Refusal | Refused):
            await lines.drain()
        raise
    return LinesReply(_sent(spool, done), NDJSON, 201, (REPLAYED,) if done.replayed else ())


async def _sent(spool: "SpooledTemporaryFile[bytes]", done: Done) -> AsyncGenerator[bytes, None]:
    with spool:
        yield _encode(words.head_answer(done.recorded, done.position)) + b"\n"
        spool.seek(0)
        while piece := spool.read(_SENT_BYTES):
            yield piece


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "reconciliations", position, patience_s)


async def _one(
    request: HttpRequest, query: words.OneReconciliationQuery
) -> words.ReconciliationFound:
    reconciliation_id = path_id(request)
    async with asking():
        await _wait(request, query.min_position)
        answer = await queries.get(
            backend_of(request).pool, reconciliation_id, cursor=query.cursor, limit=query.limit
        )
    if answer.found is None:
        raise problem_of(NotFound("reconciliation", reconciliation_id))
    return words.found(answer)


async def _list(
    request: HttpRequest, query: words.ReconciliationsQuery
) -> words.ReconciliationsPage:
    check_asked_code("source", query.source)
    check_asked_code("location", query.location)
    wanted = queries.Filter(source=query.source, location=query.location)
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_reconciliations(
            backend_of(request).pool, wanted, cursor=query.cursor, limit=query.limit
        )
    return words.ReconciliationsPage(
        items=[words.ReconciliationItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/reconciliations",
        _reconcile,
        operation_id="reconcile",
        method=post,
        endpoint=Endpoint(
            summary="Compare another system's balances with the ledger's, and explain what differs",
            tag=_TAG,
            answers={201: words.ReconciliationReply},
            codes=(*WRITE_CODES, "projection-behind", "id-taken"),
            request=words.ReconciliationRequest,
            writes=True,
            streams=NDJSON,
        ),
    ),
    write(
        "/v1/reconciliations/{id:str}/approve",
        name="reconciliations.approve",
        operation_id="approveReconciliation",
        endpoint=Endpoint(
            summary="Make proposed corrections, each once",
            tag=_TAG,
            answers={200: words.ApprovalAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state"),
            request=words.ApproveRequest,
            body_required=False,
            path_id="reconciliation",
            writes=True,
        ),
    ),
    ask(
        "/v1/reconciliations/{id:str}",
        answered(words.OneReconciliationQuery, _one),
        operation_id="getReconciliation",
        endpoint=Endpoint(
            summary="What a reconciliation came to, and the corrections it proposes",
            tag=_TAG,
            answers={200: words.ReconciliationFound},
            codes=(*READ_CODES, "not-found"),
            query=words.OneReconciliationQuery,
            path_id="reconciliation",
        ),
    ),
    ask(
        "/v1/reconciliations",
        answered(words.ReconciliationsQuery, _list),
        operation_id="listReconciliations",
        endpoint=Endpoint(
            summary="Reconciliations, newest first: the trend of a source or a location",
            tag=_TAG,
            answers={200: words.ReconciliationsPage},
            codes=READ_CODES,
            query=words.ReconciliationsQuery,
        ),
    ),
]
