"""Sends the batches of an import over a few connections and keeps count of the answers.

An answer is final when it is a 2xx or a refusal. Everything else (503, 429, a cut connection, no
answer in time) is asked again under the same idempotency key, with growing pauses, until the
service has been of no use for too long. A killed import is simply started again: what had been
recorded is answered as recorded, and nothing is kept beside the ledger that could disagree.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from api.importing.batches import Batch, Work
from api.importing.connection import Answer, Connection, ConnectionFailed
from api.importing.order import Schedule

CONNECTIONS: Final = 8
"""More would only help files whose neighbouring lines have no stock in common."""

REQUEST_TIMEOUT_S: Final = 30.0
"""Twice what the service itself waits for its database."""

PATIENCE_S: Final = 120.0
"""Without one answer for this long the import gives up; a take-over needs two seconds."""

_PAUSE_MIN_S: Final = 0.05
_PAUSE_MAX_S: Final = 2.0
_DIFFERING_SHOWN_MAX: Final = 10

_ACCEPTED: Final = (200, 201)
_UNAUTHENTICATED: Final = 401
_REFUSED: Final = 409
TRY_AGAIN: Final = (429, 503)


class ImportStopped(Exception):
    """The import cannot go on; what was recorded stays, and it can be started again."""


class Tally(Struct):
    """What became of the movements that were sent."""

    recorded: int = 0
    already_recorded: int = 0
    differing: int = 0  # Under the same key, something else had been recorded before.
    differing_keys: list[str] = []
    conflicts: dict[str, str] = {}  # Kind by id: what new movements opened or made worse.
    position: int = 0  # The highest one an answer named.

    @property
    def settled(self) -> int:
        """Movements whose fate is known."""
        return self.recorded + self.already_recorded + self.differing


class _Broken(Struct, gc=False):
    conflict_id: str


class _Conflict(Struct, gc=False):
    conflict_id: str
    kind: str
    reservations: list[_Broken] = []

    def ids(self) -> list[str]:
        """Broken promises of one stock share a note, and have an id each."""
        return [broken.conflict_id for broken in self.reservations] or [self.conflict_id]


class _Result(Struct, gc=False):
    replayed: bool = False
    conflicts: list[_Conflict] = []


class _Recorded(Struct, gc=False):
    position: int
    results: list[_Result]


_decode_recorded: Final = msgspec.json.Decoder(_Recorded).decode


class Sender:
    """Carries one import to one service."""

    def __init__(
        self,
        batches: Work,
        connect: Callable[[], Connection],
        *,
        connections: int = CONNECTIONS,
        patience_s: float = PATIENCE_S,
        stop_on_differing: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """`stop_on_differing` says, for a key recorded before with other content, why to stop."""
        self.tally = Tally()
        self._batches = batches
        self._connect = connect
        self._connections = connections
        self._patience_s = patience_s
        self._stop_on_differing = stop_on_differing
        self._schedule = Schedule(len(batches), batches.stocks)
        self._turn = asyncio.Event()
        self._last_answer_s = 0.0

    async def run(self) -> Tally:
        """Send everything. Raises ImportStopped, with `tally` telling how far it came."""
        self._last_answer_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._connections):
                    group.create_task(self._work())
        except BaseExceptionGroup as group:  # Raised inside `except*`, it would stay in a group.
            stopped, others = group.split(ImportStopped)
            if stopped is None or others is not None:
                raise
            raise stopped.exceptions[0] from None
        return self.tally

    async def _work(self) -> None:
        connection = self._connect()
        try:
            while not self._schedule.finished:
                number = self._schedule.take()
                if number is None:
                    self._turn.clear()
                    await self._turn.wait()
                    continue
                batch = self._batches[number]
                if not self._settle(batch, await self._deliver(connection, batch)):
                    await self._one_by_one(connection, self._batches.parts(number))
                self._schedule.done(number)
                self._turn.set()
        finally:
            connection.close()

    async def _one_by_one(self, connection: Connection, parts: list[Batch]) -> None:
        """Something in a request differs from what was recorded: find out what, save the rest."""
        for part in parts:
            if len(parts) == 1 or not self._settle(part, await self._deliver(connection, part)):
                self._differs(part)

    async def _deliver(self, connection: Connection, batch: Batch) -> Answer:
        """Ask until there is a final answer."""
        loop = asyncio.get_running_loop()
        pause_s = _PAUSE_MIN_S
        while True:
            try:
                answer = await connection.post("/v1/movements", batch.body, batch.key)
            except ConnectionFailed as failure:
                problem, wait_s = str(failure), pause_s
            else:
                if answer.status not in TRY_AGAIN:
                    self._last_answer_s = loop.time()
                    return answer
                problem, wait_s = f"{answer.status}", max(pause_s, answer.retry_after_s or 0.0)
            if loop.time() - self._last_answer_s > self._patience_s:
                raise ImportStopped(
                    f"the service was of no use for too long ({problem}): see that it is ready,"
                    " then import again; what is recorded already is passed over"
                )
            await asyncio.sleep(wait_s)
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    def _settle(self, batch: Batch, answer: Answer) -> bool:
        """Count what an answer says; False where its key or an id in it was used otherwise."""
        if answer.status == _REFUSED and b"idempotency-conflict" in answer.body:
            return False
        if answer.status not in _ACCEPTED:
            raise ImportStopped(
                f"{batch.key} was refused: {problem_text(answer)};"
                " put it right and import again, what is recorded already is passed over"
            )
        tally, recorded = self.tally, _decode_recorded(answer.body)
        tally.position = max(tally.position, recorded.position)
        again = batch.movements if answer.replayed else sum(r.replayed for r in recorded.results)
        tally.already_recorded += again
        tally.recorded += batch.movements - again
        if not answer.replayed:
            new = (result for result in recorded.results if not result.replayed)
            for conflict in (conflict for result in new for conflict in result.conflicts):
                tally.conflicts.update(dict.fromkeys(conflict.ids(), conflict.kind))
        return True

    def _differs(self, batch: Batch) -> None:
        if (why := self._stop_on_differing(batch.key)) is not None:
            raise ImportStopped(why)
        self.tally.differing += batch.movements
        if len(self.tally.differing_keys) < _DIFFERING_SHOWN_MAX:
            self.tally.differing_keys.append(batch.key)


def problem_text(answer: Answer) -> str:
    """The sentence of a problem document, or its status where it is none."""
    try:
        problem: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        return f"status {answer.status}"
    text = f"{answer.status} {problem.get('detail') or problem.get('title') or ''}".strip()
    return f"{text} (give one with --api-key)" if answer.status == _UNAUTHENTICATED else text
