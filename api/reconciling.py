"""A list of balances on its way through: taken piece by piece, compared, recorded, answered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec
from litestar.types import Receive
from msgspec import Struct

from api.balances import Reading, Written
from api.commands import Answer
from api.dependencies import Backend
from api.front_door import Visit, key_of, too_large
from api.problems import Problem
from api.questions import asking
from api.schemas import reconciliations as words
from api.schemas.drafts import RECORD, Content, draft_of
from api.schemas.reading import read
from ledger.domain.events import ReconciliationRecorded
from ledger.domain.outcomes import ReconciliationState
from ledger.domain.refusals import Malformed
from projections.feed import head as head_of
from projections.progress import ProjectionBehind, wait_for
from projections.reconciliations import queries
from projections.reconciliations.comparison import Variance
from projections.reconciling import PIECE_KEYS, Comparison, NamedTwice, Pins, pins

LINE_BYTES_MAX: Final = 64 * 1024
"""One line: the longest codes in the longest encoding take a tenth of it, a head a few of them."""

Keep: TypeAlias = Callable[[list[Variance]], None]

_state: Final = msgspec.json.Decoder(ReconciliationState).decode


class Refused(Exception):
    """The writer said no; its answer is the caller's."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer."""
        super().__init__(answer.code)
        self.answer = answer


class Done(Struct, frozen=True):
    """A reconciliation that is recorded."""

    recorded: ReconciliationRecorded
    position: int
    replayed: bool


class Otherwise(Exception):
    """The same list was recorded before, by what the ledger knew then: it has to be as it was."""

    def __init__(self, found: Pins) -> None:
        """Keep how far the ledger had got then."""
        super().__init__("recorded before")
        self.pins = found


async def caught_up(backend: Backend) -> None:
    """Waits until what was recorded up to now can be looked up, but not for ever.

    A list that is sent again is then known before it is compared.
    """
    patience_s = backend.settings.min_position_wait_ms / 1000
    async with asking():
        with suppress(ProjectionBehind):
            await wait_for(backend.pool, "reconciliations", await head_of(backend.pool), patience_s)


async def pins_of(backend: Backend, visit: Visit, head: words.ReconciliationHead) -> Pins:
    """How far the ledger has got; for what was recorded before under the id, how far it had."""
    asked = words.asked_of(head, backend.clock.now())
    async with asking():
        known = await queries.get(backend.pool, id_of(visit, head), limit=1)
        if known.found is not None:
            return Pins(
                as_of=known.found.as_of,
                known=known.found.known_position,
                cut=known.found.cut_position,
                horizon=known.found.horizon,
            )
        return await pins(
            backend.pool,
            as_of=asked.as_of,
            known=asked.known,
            known_is_position=asked.known_is_position,
            taken_at=asked.taken_at,
            timeout_s=backend.settings.min_position_wait_ms / 1000,
        )


async def reconcile(
    backend: Backend,
    visit: Visit,
    head: words.ReconciliationHead,
    pieces: AsyncIterator[list[Written]],
    keep: Keep,
    at: Pins,
) -> Done:
    """Compare a list, keep its variances, record what it came to. Raises Problem, Refused."""
    comparison = Comparison(backend.pool, words.terms_of(head, at))
    content = Content(head)
    patience_s = backend.settings.min_position_wait_ms / 1000
    reading = Reading(backend.pool, at.known, patience_s)
    async with asking():
        try:
            async for written in pieces:
                content.take(one.balance for one in written)
                keep(await comparison.take(await reading.entries(written)))
        except NamedTwice as twice:
            raise Malformed("$.balances", str(twice)) from None
        async for variances in comparison.missing():
            keep(variances)
    draft = draft_of(id_of(visit, head), head, at, content.digest(), comparison.findings)
    answer = await backend.carry_out(RECORD, "", visit, msgspec.json.encode(draft))
    if answer.code is not None:
        raise Refused(answer)
    state = _state(answer.body)
    then = state.recorded
    recorded_at = Pins(
        as_of=then.as_of,
        known=then.known_position,
        cut=then.cut_position,
        horizon=then.horizon,
    )
    if recorded_at != at:
        raise Otherwise(recorded_at)
    # Locations are not kept with the answer: they are the same once more.
    whole = msgspec.structs.replace(then, locations=draft.found.locations)
    return Done(whole, state.position, bool(answer.headers))


def id_of(visit: Visit, head: words.ReconciliationHead) -> str:
    """The id of a reconciliation: its own, or its call's key. Raises Problem without one."""
    key = key_of(visit.key)
    return key if head.reconciliation_id is None else head.reconciliation_id


async def pieces_of(balances: tuple[words.BalanceRequest, ...]) -> AsyncIterator[list[Written]]:
    """The balances of an object, some at a time. Raises Malformed."""
    for start in range(0, len(balances), PIECE_KEYS):
        some = balances[start : start + PIECE_KEYS]
        yield [
            Written(balance, f"$.balances[{start + index}]") for index, balance in enumerate(some)
        ]
        await asyncio.sleep(0)  # Others are served between two pieces.


class Lines:
    """A body that is a stream of lines: its head, then its balances as they come."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        """Read from a request."""
        self._receive = receive
        self._bytes_max = bytes_max
        self._length = 0
        self._number = 0
        self._rest = b""
        self._waiting: list[bytes] = []
        self._ended = False

    async def head(self) -> words.ReconciliationHead:
        """The first line. Raises Malformed."""
        while not self._waiting and not self._ended:
            await self._more()
        if not self._waiting:
            raise Malformed("line 1", "is not there; it says what the balances are of")
        self._number = 1
        return read(words.HEAD, self._waiting.pop(0), "line 1: $")

    async def pieces(self) -> AsyncIterator[list[Written]]:
        """The balances, some at a time. Raises Malformed with the number of the line."""
        while self._waiting or not self._ended:
            while len(self._waiting) < PIECE_KEYS and not self._ended:
                await self._more()
            some, self._waiting = self._waiting[:PIECE_KEYS], self._waiting[PIECE_KEYS:]
            written = []
            for line in some:
                self._number += 1
                if line:
                    at = f"line {self._number}: $"
                    written.append(Written(read(words.BALANCE, line, at), at))
            yield written

    async def drain(self) -> None:
        """Let the caller finish, so that it is there to read what was wrong."""
        try:
            while not self._ended:
                await self._more()
                self._waiting.clear()
        except (Problem, Malformed):
            return

    async def _more(self) -> None:
        message: Any = await self._receive()
        if message["type"] == "http.disconnect":
            self._ended = True
            raise Problem("malformed", "the client went away before its body was complete")
        body: bytes = message.get("body", b"")
        self._length += len(body)
        if self._length > self._bytes_max:
            raise too_large(self._bytes_max, self._length)
        *whole, self._rest = (self._rest + body).split(b"\n")
        if not message.get("more_body"):
            self._ended = True
            if self._rest:
                whole.append(self._rest)
        if len(self._rest) > LINE_BYTES_MAX:
            raise Malformed("$", f"a line has more than {LINE_BYTES_MAX} bytes")
        self._waiting += whole
