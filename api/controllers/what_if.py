"""What-if: a past interval again, under other rules and another staleness. Nothing is recorded."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from heapq import heappush, heappushpop
from typing import Any, Final, NamedTuple

import msgspec
from litestar.handlers import HTTPRouteHandler, post
from msgspec import UNSET, Struct, field

from api.commands import JSON, Answer
from api.dependencies import Backend, HttpRequest, backend_of, visit_of
from api.endpoints import READ_CODES, Endpoint, ask, path_id
from api.forms import wanted
from api.front_door import NDJSON, LinesReply, Reply, body_of, key_of
from api.problems import Problem, problem_of
from api.questions import asking, kept_codes, known_when
from api.schemas import what_if as words
from api.schemas.fields import check_asked_code
from api.schemas.reading import check_encoding, read
from ledger.domain.refusals import Malformed, NotFound
from projections.clocks import Asked, Clocks, clocks
from projections.progress import wait_for
from projections.what_if.answers import OfSku, Tally
from projections.what_if.asked import Asking, Question
from projections.what_if.policies import Otherwise
from projections.what_if.reading import Reader
from projections.what_if.replay import Pack, TooMuch, network, packs, replay
from projections.what_if.sweep import Terms

_TAG: Final = "channels"
_SOURCES: Final = ("history", "fences")

_encode: Final = msgspec.json.Encoder().encode


class _Ready(NamedTuple):
    """A question that can be answered: what its answer stands for, and what there is to read."""

    head: dict[str, Any]
    asking: Asking
    reader: Reader
    packs: list[Pack]


class _Sums(Struct):
    """What is kept of a replay however long it is: sums, and the SKUs that lost most."""

    limit: int
    whole: Tally = field(default_factory=Tally.empty)
    days: dict[int, Tally] = field(default_factory=dict)
    skus: int = 0
    worst: list[tuple[tuple[int, ...], int, OfSku]] = field(default_factory=list)

    def take(self, one: OfSku) -> None:
        """Take in one SKU more; they come in the order of their codes."""
        self.skus += 1
        self.whole.add(one.whole)
        for number, tally in one.days.items():
            self.days.setdefault(number, Tally.empty()).add(tally)
        seen = one.whole.what_if
        rank = (seen.sales_lost, seen.oversells_left, one.whole.units)
        entry = (rank, -self.skus, one)
        if len(self.worst) < self.limit:
            heappush(self.worst, entry)
        else:
            heappushpop(self.worst, entry)


async def _what_if(request: HttpRequest) -> Reply | LinesReply:
    backend, visit = backend_of(request), visit_of(request)
    if visit.key is not None:
        key_of(visit.key)  # Like every POST it may carry one; nothing is recorded under it.
    body = await body_of(request.receive, backend.settings.body_bytes_max)
    check_encoding(body)
    asked = read(words.WHAT_IF, body)
    channel = path_id(request)
    if asked.limit > backend.settings.page_max:
        raise Malformed("$.limit", f"at most {backend.settings.page_max}, is {asked.limit}")
    if wanted(visit.accept, (JSON, NDJSON)) == NDJSON:
        lines = _lines(backend, channel, asked)
        first = await anext(lines)  # Whatever stands in the way is said before it begins.
        return LinesReply(_after(first, lines), NDJSON)
    async with _turn(backend), asking():
        ready = await _ready(backend, channel, asked)
        sums = _Sums(asked.limit)
        async with aclosing(replay(ready.asking, ready.reader, ready.packs)) as replayed:
            async for one in replayed:
                if isinstance(one, OfSku):
                    sums.take(one)
    return Reply(Answer(200, _encode(_answer(ready.head, sums))))


def _answer(head: dict[str, Any], sums: _Sums) -> words.WhatIfAnswer:
    return words.WhatIfAnswer(
        **head,
        totals=words.TallyAnswer.of(sums.whole),
        days=words.days_of(sums.days),
        skus=[words.sku_line(one) for _, _, one in sorted(sums.worst, reverse=True)],
        skus_total=sums.skus,
        skus_left_out=sums.skus - len(sums.worst),
    )


async def _lines(
    backend: Backend, channel: str, asked: words.WhatIfRequest
) -> AsyncGenerator[bytes, None]:
    """What it stands for, every SKU as it is done, how far it has come, and the sums."""
    async with _turn(backend), asking():
        ready = await _ready(backend, channel, asked)
        yield _encode(words.WhatIfHead(**ready.head)) + b"\n"
        sums = _Sums(1)
        async with aclosing(replay(ready.asking, ready.reader, ready.packs)) as replayed:
            async for one in replayed:
                if isinstance(one, OfSku):
                    sums.take(one)
                    yield _encode(words.sku_line(one)) + b"\n"
                else:
                    yield _encode(words.progress_line(one)) + b"\n"
        last = words.LastLine(
            totals=words.TallyAnswer.of(sums.whole),
            days=words.days_of(sums.days),
            skus_total=sums.skus,
        )
        yield _encode(last) + b"\n"


async def _after(first: bytes, lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(lines):
        yield first
        async for line in lines:
            yield line


@asynccontextmanager
async def _turn(backend: Backend) -> AsyncIterator[None]:
    """A place among those who may ask at a time. Raises Problem."""
    if backend.what_ifs >= backend.settings.what_ifs_at_once_max:
        raise Problem("overloaded", f"{backend.what_ifs} of these questions are being answered")
    backend.what_ifs += 1
    try:
        yield
    finally:
        backend.what_ifs -= 1


async def _ready(backend: Backend, channel: str, asked: words.WhatIfRequest) -> _Ready:
    """Everything up to the first SKU. Raises Problem or Malformed."""
    asked = await _spelled(backend, asked)
    interval, otherwise = words.interval_of(asked), words.otherwise_of(asked)
    sku = None if asked.sku is UNSET else asked.sku
    check_asked_code("$.sku", sku)
    at, position = await _clocks(backend, asked)
    question = Question(channel=channel, known=at.known, all_sales=asked.sales == "all", sku=sku)
    reader = Reader(backend.pool, question)
    known = await network(reader, channel)
    if known is None:
        raise problem_of(NotFound("channel", channel))
    head = words.head_of(channel, asked, at, position=position, rule_version=known.version)
    terms = Terms(
        since=interval.since,
        until=interval.until,
        what_if=known.side(asked.staleness_s, otherwise),
        actual=known.side(head["actual_staleness_s"], Otherwise()),
        own_known=asked.own_sales == "known",
    )
    locations = sorted(terms.what_if.feeds | terms.actual.feeds)
    prepared = Asking(backend.pool, question, terms, locations)
    try:
        found = await packs(prepared, reader, backend.settings.what_if_changes_max)
    except TooMuch as much:
        raise Malformed("$.to", f"the interval is too long: {much}; name a SKU") from None
    return _Ready(head, prepared, reader, found)


async def _spelled(backend: Backend, asked: words.WhatIfRequest) -> words.WhatIfRequest:
    """The question under the codes that the ledger keeps. Raises Problem or Malformed."""
    codes = words.codes_in(asked)
    if not codes:
        return asked
    kept = await kept_codes(backend, codes, _known(asked))
    return words.respelled(asked, kept) if kept else asked


def _known(asked: words.WhatIfRequest) -> Asked:
    return known_when(None if asked.known_at is UNSET else asked.known_at, asked.min_position)


async def _clocks(backend: Backend, asked: words.WhatIfRequest) -> tuple[Clocks, int]:
    """What was known, and where everything that is read from stands."""
    patience_s = backend.settings.min_position_wait_ms / 1000
    at = await clocks(
        backend.pool,
        _known(asked),
        "history",
        now=backend.clock.now(),
        timeout_s=patience_s,
    )
    reached = max(at.known, asked.min_position)
    places = [await wait_for(backend.pool, name, reached, patience_s) for name in _SOURCES]
    return at, min(places)


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/channels/{id:str}/what-if",
        _what_if,
        operation_id="whatIf",
        method=post,
        endpoint=Endpoint(
            summary="What recorded sales would have come to under other rules and staleness",
            tag=_TAG,
            answers={200: words.WhatIfAnswer},
            codes=(*READ_CODES, "not-found", "payload-too-large", "overloaded"),
            request=words.WhatIfRequest,
            path_id="channel",
            streams=NDJSON,
        ),
    )
]
