"""Evidence for strangers: signed checkpoints of the ledger's tree, and proofs against them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.commands import Answer
from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, Endpoint, answered, ask
from api.front_door import Reply
from api.problems import Problem
from api.questions import asking, malformed, parameters
from api.schemas.audit import (
    CheckpointQuery,
    ConsistencyAnswer,
    ConsistencyQuery,
    InclusionAnswer,
    InclusionQuery,
    KeysQuery,
)
from projections.feed import head
from projections.progress import wait_for
from projections.proof import queries
from projections.proof.answers import Checkpoint

_TEXT = "text/plain; charset=utf-8"


async def _checkpoint(request: HttpRequest) -> Reply:
    backend = backend_of(request)
    query = parameters(request.scope["query_string"], CheckpointQuery, backend.settings.page_max)
    if query.size is not None and query.position is not None:
        raise malformed("size", "cannot be asked for together with a position")
    async with _evidence():
        await _grown(request, query.min_position)
        if query.position is not None:
            await _grown(request, query.position, exists=True)
            found = await queries.over(backend.pool, query.position)
        elif query.size is not None:
            found = await queries.of_size(backend.pool, query.size)
        else:
            found = await queries.last(backend.pool)
    return Reply(Answer(200, _known(found).note.encode(), _TEXT))


async def _keys(request: HttpRequest) -> Reply:
    page_max = backend_of(request).settings.page_max
    query = parameters(request.scope["query_string"], KeysQuery, page_max)
    async with asking():
        await _grown(request, query.min_position)
        keys = await queries.keys(backend_of(request).pool)
    return Reply(Answer(200, "".join(f"{key}\n" for key in keys).encode(), _TEXT))


async def _inclusion(request: HttpRequest, query: InclusionQuery) -> InclusionAnswer:
    pool = backend_of(request).pool
    if query.size is not None and query.size < query.position:
        raise malformed("size", f"a tree of {query.size} has no position {query.position}")
    async with _evidence():
        await _grown(request, query.min_position)
        await _grown(request, query.position, exists=True)
        last = query.size is None
        found = await (queries.last(pool) if last else queries.of_size(pool, query.size or 0))
        return InclusionAnswer.of(await queries.inclusion(pool, query.position, _known(found)))


async def _consistency(request: HttpRequest, query: ConsistencyQuery) -> ConsistencyAnswer:
    pool = backend_of(request).pool
    if query.second is not None and query.second < query.first:
        raise malformed("to", f"must not be below from={query.first}, is {query.second}")
    async with _evidence():
        await _grown(request, query.min_position)
        await _grown(request, max(query.first, query.second or 0), exists=True)
        second = query.second or _known(await queries.last(pool)).size
        return ConsistencyAnswer.of(await queries.consistency(pool, query.first, second))


async def _grown(request: HttpRequest, position: int, *, exists: bool = False) -> None:
    """Wait until the tree holds a position; if it has to exist, not for one that does not."""
    backend = backend_of(request)
    if exists and await head(backend.pool) < position:
        raise Problem("not-found", f"the ledger has no position {position} yet")
    if position:
        await wait_for(
            backend.pool, "proof", position, backend.settings.min_position_wait_ms / 1000
        )


def _known(found: Checkpoint | None) -> Checkpoint:
    if found is None:
        raise Problem("not-found", "there is no such checkpoint; ask for the one over a position")
    return found


@asynccontextmanager
async def _evidence() -> AsyncIterator[None]:
    """A tree with a hole proves nothing; that is said, and not taken for our own mistake."""
    try:
        async with asking():
            yield
    except LookupError as hole:
        raise Problem("storage-unavailable", f"the tree is damaged: {hole}; run verify") from hole


def _asked(
    path: str,
    question: Any,
    operation_id: str,
    summary: str,
    answer: Any,
    query: type[msgspec.Struct],
) -> HTTPRouteHandler:
    endpoint = Endpoint(
        summary=summary,
        tag="audit",
        answers={200: answer},
        codes=READ_CODES if query is KeysQuery else (*READ_CODES, "not-found"),
        query=query,
    )
    return ask(path, question, operation_id=operation_id, endpoint=endpoint)


HANDLERS: list[HTTPRouteHandler] = [
    _asked(
        "/v1/audit/checkpoint",
        _checkpoint,
        "getCheckpoint",
        "A signed checkpoint of the ledger (C2SP tlog-checkpoint)",
        "text/plain",
        CheckpointQuery,
    ),
    _asked(
        "/v1/audit/keys",
        _keys,
        "listCheckpointKeys",
        "The keys that checkpoints are checked with (C2SP signed-note), one a line",
        "text/plain",
        KeysQuery,
    ),
    _asked(
        "/v1/audit/inclusion",
        answered(InclusionQuery, _inclusion),
        "proveInclusion",
        "That an event is in the ledger of a checkpoint (RFC 9162)",
        InclusionAnswer,
        InclusionQuery,
    ),
    _asked(
        "/v1/audit/consistency",
        answered(ConsistencyQuery, _consistency),
        "proveConsistency",
        "That one state of the ledger continues another (RFC 9162)",
        ConsistencyAnswer,
        ConsistencyQuery,
    ),
]
