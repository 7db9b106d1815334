"""What a channel may sell, now or then, and everything it was ever told."""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.commands import Answer
from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, Endpoint, answered, ask, path_id
from api.front_door import NOT_MODIFIED, Reply
from api.problems import problem_of
from api.questions import asked_of, asking, question_of
from api.schemas import availability as words
from api.schemas.fields import check_asked_code, instant_of, rfc3339
from api.schemas.questions import stands_for
from ledger.domain.refusals import NotFound
from projections.availability.answers import Availability
from projections.availability.queries import availability
from projections.availability.told import Wanted, defined, derivations, told

_TAG: Final = "channels"


async def _availability(request: HttpRequest) -> Reply:
    backend = backend_of(request)
    query = await question_of(request, words.AvailabilityQuery)
    skus = list(dict.fromkeys(query.sku))
    check_asked_code("channel", query.channel)
    for sku in skus:
        check_asked_code("sku", sku)
    async with asking():
        found, at, position = await availability(
            backend.pool,
            query.channel,
            skus,
            asked_of(query),
            now=backend.clock.now(),
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
    if found is None:
        raise problem_of(NotFound("channel", query.channel))
    tag = _tag(found, skus)
    if _known(request.headers.get("if-none-match"), tag):
        return Reply(Answer(NOT_MODIFIED, b"", headers=(("ETag", tag),)))
    answer = words.AvailabilityAnswer(
        channel=found.channel,
        rule_version=found.rule_version,
        instant=rfc3339(found.instant),
        items=[
            words.AvailabilityItem.of(found.channel, one, explain=query.explain)
            for one in found.items
        ],
        **stands_for(at, position),
    )
    return Reply(Answer(200, msgspec.json.encode(answer), headers=(("ETag", tag),)))


def _tag(found: Availability, skus: Sequence[str]) -> str:
    """Position, rule version, the instant since when the numbers are what they are, and of what.

    That instant is when the last hold ran out that nobody has written down yet: until the next one
    does, or another of them changes, nothing can have changed. The codes are those the ledger
    keeps: the same question may come to be about others. Weak: the same numbers, asked for at
    another moment or with their derivation, are not the same bytes.
    """
    codes = crc32("\n".join(skus).encode())
    return f'W/"{found.position}-{found.rule_version}-{found.since}-{codes:08x}"'


def _known(given: str | None, tag: str) -> bool:
    """Whether the caller has this answer already."""
    if given is None:
        return False
    tags = [one.strip().removeprefix("W/") for one in given.split(",")]
    return "*" in tags or tag.removeprefix("W/") in tags


async def _log(request: HttpRequest, query: words.LogQuery) -> words.ToldPage:
    backend = backend_of(request)
    channel = path_id(request)
    for name, code in (("sku", query.sku), ("location", query.location)):
        check_asked_code(name, code)
    wanted = Wanted(
        channel=channel,
        sku=query.sku,
        location=query.location or "",
        at=instant_of(query.at, "at"),
    )
    async with asking():
        page = await told(
            backend.pool,
            wanted,
            cursor=query.cursor,
            limit=query.limit,
            min_position=query.min_position,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )
        if not page.items and not await defined(backend.pool, channel):
            raise problem_of(NotFound("channel", channel))
        explained = await derivations(backend.pool, page.items) if query.explain else None
    return words.ToldPage(
        channel=channel,
        items=words.log_items(page.items, explained),
        position=page.position,
        next_cursor=page.next_cursor,
    )


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/availability",
        _availability,
        operation_id="getAvailability",
        endpoint=Endpoint(
            summary="How many a channel may sell, and how that comes about; now or then",
            tag=_TAG,
            answers={200: words.AvailabilityAnswer, NOT_MODIFIED: None},
            codes=(*READ_CODES, "not-found"),
            query=words.AvailabilityQuery,
        ),
    ),
    ask(
        "/v1/channels/{id:str}/log",
        answered(words.LogQuery, _log),
        operation_id="getChannelLog",
        endpoint=Endpoint(
            summary="What a channel was told, when and why",
            tag=_TAG,
            answers={200: words.ToldPage},
            codes=(*READ_CODES, "not-found"),
            query=words.LogQuery,
            path_id="channel",
        ),
    ),
]
