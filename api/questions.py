"""What every question needs: its parameters, its readers, and what can go wrong on the way."""

import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
import msgspec.inspect
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.dependencies import Backend, HttpRequest, backend_of
from api.problems import Problem, problem_of
from api.schemas.fields import instant_of, time_of
from api.schemas.questions import DatedQuery, MovementsQuery, PagedQuery, stands_for
from ledger.domain.refusals import NotFound
from ledger.domain.values import Instant
from ledger.settings import Settings
from projections import documents
from projections.clocks import Asked, Clocks, known_at_time
from projections.cursors import BadCursor
from projections.documents import Documents
from projections.progress import Pool, ProjectionBehind

_Query = TypeVar("_Query")
_Wanted = TypeVar("_Wanted")
_Answer = TypeVar("_Answer")

_PARAMETERS_MAX: Final = 50
_BLANK_OFFSET: Final = re.compile(r"\A(\d{4}-\d\d-\d\dT[\d:.]+) (\d\d:\d\d)\Z")
_FIELD: Final = re.compile("field `([^`]*)`")

SESSION: Final = "set enable_memoize = off"
"""What a question looks up it looks up once: remembering it costs a tenth of a long list."""

logger = logging.getLogger(__name__)


def readers(settings: Settings) -> Pool:
    """The connections of an API process for questions; opened by the application's lifespan."""
    assert settings.database_url is not None, "an API process is given its database"
    return AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=settings.read_connections_max,
        timeout=settings.read_timeout_ms / 1000,
        open=False,
        check=None,
        name="questions",
        kwargs={"autocommit": True, "application_name": "inventory-ledger questions"},
        configure=_configured(settings.read_timeout_ms),
    )


def _configured(timeout_ms: int) -> Any:
    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(f"set statement_timeout = {timeout_ms}; {SESSION}".encode())

    return configure


def parameters(query_string: bytes, kind: type[_Query], page_max: int) -> _Query:
    """The decoded query. Raises Problem `malformed` naming the parameter."""
    given: dict[str, Any] = {}
    questions: Any = kind
    several = _several(questions)
    most = _PARAMETERS_MAX + (page_max if several else 0)
    try:
        text = query_string.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=most)
    except ValueError as error:
        raise malformed("query", f"cannot be read: {error}") from None
    for name, value in pairs:
        if name in several:
            given.setdefault(name, []).append(value)
            continue
        if name in given:
            raise malformed(name, "is given twice")
        # An offset's plus that nobody encoded has become a blank; nothing else looks like that.
        given[name] = _BLANK_OFFSET.sub(r"\1+\2", value)
    if "limit" in given and given["limit"].isdecimal() and int(given["limit"][:9]) > page_max:
        raise malformed("limit", f"at most {page_max}, is {given['limit'][:20]}")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`[.]") or "".join(_FIELD.findall(message))
        shown = f", is {given[name][:60]!r}" if name in given else ""
        raise malformed(name or "query", message + shown) from None


@cache
def _several(kind: Any) -> frozenset[str]:
    """The parameters of a question that may be given more than once."""
    found = msgspec.inspect.type_info(kind)
    assert isinstance(found, msgspec.inspect.StructType), kind
    return frozenset(
        field.encode_name
        for field in found.fields
        if isinstance(field.type, msgspec.inspect.ListType)
    )


async def question_of(request: HttpRequest, kind: type[_Query]) -> _Query:
    """The decoded query, its SKUs under the codes that the ledger keeps. Raises Problem."""
    backend = backend_of(request)
    query: Any = parameters(request.scope["query_string"], kind, backend.settings.page_max)
    sku = getattr(query, "sku", None)
    if sku is not None:
        several = isinstance(sku, list)
        asked = known_when(getattr(query, "known_at", None), query.min_position)
        kept = await kept_codes(backend, sku if several else [sku], asked)
        if kept:
            new = [kept.get(code, code) for code in sku] if several else kept[sku]
            query = msgspec.structs.replace(query, sku=new)
    decoded: _Query = query
    return decoded


async def kept_codes(backend: Backend, codes: Sequence[str], asked: Asked) -> Mapping[str, str]:
    """The codes that the ledger keeps in another form, and that form. Raises Problem.

    As they are defined now, and at least where the question's answer is from: there is no past in
    which a stock was kept under another code.
    """
    async with asking():
        reached = max(asked.min_position, asked.known_position or 0)
        if asked.known_at is not None:
            known = await known_at_time(backend.pool, asked.known_at)
            reached = max(reached, known.position)
        return await backend.spelling.kept(codes, reached)


def asked_of(query: DatedQuery | MovementsQuery) -> Asked:
    """What a question says of its clocks. Raises Problem or Malformed naming the parameter."""
    as_of = instant_of(query.as_of, "as_of") if isinstance(query, DatedQuery) else None
    return known_when(query.known_at, query.min_position, as_of)


def known_when(known_at: str | None, min_position: int, as_of: Instant | None = None) -> Asked:
    """A time or a position, as it was written. Raises Malformed or Problem."""
    if known_at is None:
        return Asked(as_of=as_of, min_position=min_position)
    if not (known_at.isascii() and known_at.isdigit()):
        at = time_of(known_at, "known_at")
        return Asked(as_of=as_of, known_at=at, min_position=min_position)
    position = int(known_at)
    if position > 2**63 - 1:
        raise malformed("known_at", f"no position is as large as {position}")
    return Asked(as_of=as_of, known_position=position, min_position=min_position)


async def one_of(
    request: HttpRequest, query: DatedQuery, kind: Documents[Any, _Answer], key: str, what: str
) -> tuple[_Answer, Clocks, int]:
    """A document at a question's clocks, those, and where it was read. Raises Problem."""
    backend = backend_of(request)
    async with asking():
        found = await documents.get(
            backend.pool,
            kind,
            key,
            asked_of(query),
            now=backend.clock.now(),
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    if found.answer is None:
        raise problem_of(NotFound(what, key))
    return found.answer, found.clocks, found.position


async def page_of(
    request: HttpRequest,
    query: PagedQuery,
    kind: Documents[_Wanted, _Answer],
    wanted: _Wanted,
) -> tuple[list[_Answer], dict[str, Any]]:
    """Documents at a question's clocks, and the fields of the page they are on. Raises Problem."""
    backend = backend_of(request)
    async with asking():
        page = await documents.page(
            backend.pool,
            kind,
            wanted,
            asked_of(query),
            now=backend.clock.now(),
            cursor=query.cursor,
            limit=query.limit,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    return page.items, {
        **stands_for(page.clocks, page.position),
        "next_cursor": page.next_cursor,
    }


def malformed(path: str, problem: str) -> Problem:
    """The refusal of one parameter."""
    return Problem("malformed", f"{path}: {problem}", path=path, problem=problem)


@asynccontextmanager
async def asking() -> AsyncIterator[None]:
    """Says in the caller's words what stood in the way of an answer."""
    try:
        yield
    except ProjectionBehind as behind:
        facts = {"position": behind.position, "min_position": behind.wanted}
        raise Problem(
            "projection-behind", str(behind), projection=behind.projection, **facts
        ) from None
    except BadCursor:
        raise malformed("cursor", "was not given out by this question") from None
    except psycopg.DataError as error:
        # A cursor that was made up, or a number no column can hold.
        raise malformed("query", f"holds what cannot be looked for: {error}") from None
    except (psycopg.Error, PoolTimeout) as error:
        logger.warning("a question could not be answered: %s", error)
        raise Problem("storage-unavailable", "the database did not answer") from error
