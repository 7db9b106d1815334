"""What callers may ask the ledger to do, by name: the same over HTTP and over the bus.

An operation turns a raw body into submissions and the writer's replies into an answer. Nothing
here waits: `begin` hands the submissions over, and the answer comes by callback on the loop.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from api.metrics import HttpMetrics
from api.problems import MEDIA_TYPE, Problem, problem_of
from api.schemas import conflicts, movements, reservations
from api.schemas.fields import ID
from api.schemas.reading import check_encoding, read
from ledger.clock import monotonic
from ledger.domain.commands import AnyCommand, AnyMovement, RecordMovements
from ledger.domain.outcomes import (
    ConflictState,
    MovementResult,
    MovementsRecorded,
    Outcome,
    ReservationState,
)
from ledger.domain.refusals import Malformed, Refusal
from ledger.settings import Settings
from ledger.submission import (
    Accepted,
    CommandPort,
    Lane,
    NoWriter,
    Reply,
    StorageUnavailable,
    Submission,
    Unavailable,
)

JSON: Final = "application/json"
REPLAYED: Final = ("Idempotent-Replayed", "true")

_encode: Final = msgspec.json.Encoder().encode

logger = logging.getLogger(__name__)


class Port(CommandPort, Protocol):
    """The writer of this process, which may or may not be the active one."""

    @property
    def active(self) -> bool:
        """Whether it holds the lease."""
        ...

    @property
    def head(self) -> int:
        """The ledger's last position, as far as it knows."""
        ...


class Call(Struct, frozen=True, gc=False):
    """Who asks, under which key and as part of what; already checked for form."""

    principal: str
    key: str
    correlation_id: str
    source: str
    deadline: float


class Answer(Struct, frozen=True, gc=False, array_like=True):
    """What goes back to the caller, ready to be sent."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    code: str | None = None  # Of the problem, where it is one.


Done: TypeAlias = Callable[[Answer | None], None]
"""Takes the answer on the loop's thread; None: this process is not the writer, ask another."""

Begin: TypeAlias = Callable[["Operations", str, Call, bytes, Done], None]


class Ticket:
    """One command under way: how its reply becomes an answer, and who waits for that."""

    __slots__ = ("call", "done", "render")

    def __init__(self, call: Call, render: Callable[[Accepted], Answer], done: Done) -> None:
        self.call = call
        self.render = render
        self.done = done

    def settle(self, reply: Reply) -> None:
        """Answers the caller; called on the loop's thread."""
        if type(reply) is Accepted:
            self.done(self.render(reply))
        elif isinstance(reply, NoWriter):
            self.done(None)
        else:
            assert isinstance(reply, Exception)
            self.done(refused(reply, self.call.correlation_id))


class LoopSink:
    """Carries replies from the writer's thread to the loop: one wake-up for a whole batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Hands the replies over; a loop that has closed has nobody left who waits."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, replies)

    def _settle(self, replies: list[tuple[Any, Reply]]) -> None:
        for ticket, reply in replies:
            try:
                ticket.settle(reply)
            except Exception:  # One answer that cannot be given must not take the others along.
                logger.exception("a reply could not be delivered")
                ticket.done(refused(RuntimeError(), ticket.call.correlation_id))


class Operations:
    """Every operation, bound to the writer of this process. Lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        port: Port,
        metrics: HttpMetrics,
    ) -> None:
        self.port = port
        self.settings = settings
        self.metrics = metrics
        self._loop: asyncio.AbstractEventLoop
        self._sink: LoopSink

    def start(self) -> None:
        """Belongs to the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._sink = LoopSink(self._loop)

    def begin(self, name: str, path_id: str, call: Call, body: bytes, done: Done) -> None:
        """Starts an operation; `done` is called once, perhaps before this returns."""
        try:
            check_encoding(body)
            if path_id and ID.fullmatch(path_id) is None:
                raise Malformed("id", f"must match {ID.pattern}, is {path_id[:130]!r}")
            OPERATIONS[name](self, path_id, call, body, done)
        except NoWriter:
            done(None)
        except (Problem, Refusal, Unavailable) as error:
            done(refused(error, call.correlation_id))

    async def execute(self, name: str, path_id: str, call: Call, body: bytes) -> Answer | None:
        """The same for a coroutine: waits for the answer, but not for ever.

        A database that is frozen, not gone, keeps the writer waiting as long as it is: whoever
        asked learns in the end that nobody knows.
        """
        future: asyncio.Future[Answer | None] = self._loop.create_future()

        def done(answer: Answer | None) -> None:
            if not future.done():  # Whoever waited may have gone.
                future.set_result(answer)

        def give_up() -> None:
            unknown = StorageUnavailable("no answer from the database; ask again with the same key")
            done(refused(unknown, call.correlation_id))

        self.begin(name, path_id, call, body, done)
        if future.done():
            return future.result()
        patience_s = call.deadline - monotonic() + self.settings.append_timeout_ms / 1000
        timer = self._loop.call_later(max(0.0, patience_s), give_up)
        try:
            return await future
        finally:
            timer.cancel()

    def submit(
        self, command: AnyCommand, command_id: str, call: Call, lane: Lane, ticket: object
    ) -> None:
        """Hands one command to the writer. Raises Unavailable."""
        submission = Submission(
            command=command,
            principal=call.principal,
            command_id=command_id,
            source=call.source,
            correlation_id=call.correlation_id,
            deadline=call.deadline,
            lane=lane,
        )
        self.port.submit(submission, self._sink, ticket)


def refused(error: Exception, correlation_id: str) -> Answer:
    """The answer that says no."""
    problem = problem_of(error)
    if problem.status == 500:
        logger.error("a command failed", exc_info=error, extra={"correlation_id": correlation_id})
    return Answer(
        problem.status,
        problem.body(correlation_id),
        MEDIA_TYPE,
        tuple(problem.headers()),
        problem.code,
    )


# --- Reservations and conflicts: one command, one reply --------------------------------------


def _reservation(status: int) -> Callable[[Accepted], Answer]:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, ReservationState)
        body = _encode(reservations.ReservationAnswer.of(reply.outcome))
        return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())

    return render


_created: Final = _reservation(201)
_changed: Final = _reservation(200)


def _resolved(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, ConflictState)
    body = _encode(conflicts.ResolvedAnswer.of(reply.outcome))
    return Answer(200, body, JSON, (REPLAYED,) if reply.replayed else ())


def _place(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    command = reservations.place_of(read(reservations.PLACE, body))
    operations.submit(command, call.key, call, "promise", Ticket(call, _created, done))


def _single(
    decoder: "msgspec.json.Decoder[Any]",
    command_of: Callable[[str, Any], AnyCommand],
    render: Callable[[Accepted], Answer],
    lane: Lane,
) -> Begin:
    """An operation on one document: an absent body means one that says nothing."""

    def begin(operations: Operations, path_id: str, call: Call, body: bytes, done: Done) -> None:
        command = command_of(path_id, read(decoder, body or b"{}"))
        operations.submit(command, call.key, call, lane, Ticket(call, render, done))

    return begin


# --- Movements: one command, or one for each item --------------------------------------------


def _record(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    batch = read(movements.BATCH, body)
    limit = operations.settings.movements_per_call_max
    if len(batch.movements) > limit:
        raise Malformed("$.movements", f"at most {limit} in one call, {len(batch.movements)} given")
    if batch.atomic:
        _record_all(operations, batch.movements, call, done)
    else:
        _Items(operations, call, done, len(batch.movements)).begin(batch.movements)


def _record_all(operations: Operations, items: list[msgspec.Raw], call: Call, done: Done) -> None:
    facts: list[AnyMovement] = []
    ids: dict[str, int] = {}
    for index, item in enumerate(items):
        at = f"$.movements[{index}]"
        request = read(movements.ITEM, item, at)
        own = request.movement_id
        if own is not None and ids.setdefault(own, index) != index:
            raise Malformed(f"{at}.movement_id", f"{own!r} is also that of movement {ids[own]}")
        facts.append(movements.movement_of(request, at, own))

    def render(reply: Accepted) -> Answer:
        outcome = _recorded(reply.outcome)
        results: list[Any] = [
            _item_result(fact.movement_id or f"{call.key}/{index}", result, result.replayed)
            for index, (fact, result) in enumerate(zip(facts, outcome.results, strict=True))
        ]
        body = _encode(movements.MovementsAnswer(position=outcome.position, results=results))
        return Answer(201, body, JSON, (REPLAYED,) if reply.replayed else ())

    command = RecordMovements(movements=tuple(facts))
    operations.submit(command, call.key, call, "fact", Ticket(call, render, done))


class _Items:
    """A call whose movements stand each for itself: collects their results, in order."""

    def __init__(self, operations: Operations, call: Call, done: Done, count: int) -> None:
        self.call = call
        self.done = done
        self._operations = operations
        self._results: list[Any] = [None] * count
        self._missing = count
        self._position = 0
        self._replayed = 0
        self._failure: Exception | None = None

    def begin(self, items: list[msgspec.Raw]) -> None:
        """Submits every item that can be read; the others are refused on the spot."""
        for index, item in enumerate(items):
            try:
                self._submit(index, item)
            except (Refusal, Unavailable) as error:
                self.settle_item(index, f"{self.call.key}/{index}", error)

    def _submit(self, index: int, item: msgspec.Raw) -> None:
        at = f"$.movements[{index}]"
        request = read(movements.ITEM, item, at)
        # The ledger names an unnamed first movement `<key>/0`; the others get their names here.
        named = request.movement_id or (f"{self.call.key}/{index}" if index else None)
        fact = movements.movement_of(request, at, named)
        command_id = named or self.call.key
        movement_id = named or f"{self.call.key}/0"
        command = RecordMovements(movements=(fact,))
        ticket = _Item(self, index, movement_id)
        try:
            self._operations.submit(command, command_id, self.call, "fact", ticket)
        except Unavailable as error:
            self.settle_item(index, movement_id, error)

    def settle_item(self, index: int, movement_id: str, reply: Reply) -> None:
        """Takes one result; after the last one, answers."""
        if type(reply) is Accepted:
            self._take(index, movement_id, reply)
        else:
            assert isinstance(reply, Exception)
            # What the world refused now it may take in a moment: the whole call is worth
            # repeating, and what was recorded of it answers the same again.
            if isinstance(reply, Unavailable):
                self._failure = reply
            problem = problem_of(reply)
            self._operations.metrics.refused(problem.code)
            item = {"status": "refused", "movement_id": movement_id, **problem.members()}
            self._results[index] = item
        self._missing -= 1
        if self._missing == 0:
            self._answer()

    def _take(self, index: int, movement_id: str, reply: Accepted) -> None:
        outcome = _recorded(reply.outcome)
        replayed = reply.replayed or outcome.results[0].replayed
        self._replayed += replayed
        self._position = max(self._position, outcome.position)
        self._results[index] = _item_result(movement_id, outcome.results[0], replayed)

    def _answer(self) -> None:
        if isinstance(self._failure, NoWriter):
            self.done(None)
        elif self._failure is not None:
            self.done(refused(self._failure, self.call.correlation_id))
        else:
            position = self._position or self._operations.port.head
            body = _encode(movements.MovementsAnswer(position=position, results=self._results))
            again = self._replayed == len(self._results)
            self.done(Answer(201, body, JSON, (REPLAYED,) if again else ()))


class _Item:
    """The ticket of one movement of a call."""

    __slots__ = ("_index", "_items", "_movement_id")

    def __init__(self, items: _Items, index: int, movement_id: str) -> None:
        self._items = items
        self._index = index
        self._movement_id = movement_id

    def settle(self, reply: Reply) -> None:
        """Passes the reply on to its call."""
        self._items.settle_item(self._index, self._movement_id, reply)

    @property
    def call(self) -> Call:
        """The call it belongs to."""
        return self._items.call

    @property
    def done(self) -> Done:
        """Whom the call answers."""
        return self._items.done


def _recorded(outcome: Outcome) -> MovementsRecorded:
    assert isinstance(outcome, MovementsRecorded)
    return outcome


def _item_result(
    movement_id: str, result: MovementResult, replayed: bool
) -> movements.RecordedItem:
    return movements.RecordedItem(
        movement_id=movement_id,
        position=result.position,
        version=result.version,
        conflicts=result.conflicts,
        replayed=True if replayed else msgspec.UNSET,
    )


OPERATIONS: Final[dict[str, Begin]] = {
    "movements.record": _record,
    "reservations.place": _place,
    "reservations.confirm": _single(
        reservations.CONFIRM, reservations.confirm_of, _changed, "promise"
    ),
    "reservations.extend": _single(
        reservations.EXTEND, reservations.extend_of, _changed, "promise"
    ),
    "reservations.amend": _single(reservations.AMEND, reservations.amend_of, _changed, "promise"),
    "reservations.fulfil": _single(reservations.FULFIL, reservations.fulfil_of, _changed, "fact"),
    "reservations.release": _single(
        reservations.RELEASE, reservations.release_of, _changed, "promise"
    ),
    "conflicts.resolve": _single(conflicts.RESOLVE, conflicts.resolve_of, _resolved, "fact"),
}
