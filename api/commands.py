"""What callers may ask the ledger to do, by name: the same over HTTP and over the bus.

An operation turns a raw body into submissions and the writer's replies into an answer. Nothing
here waits: `begin` hands the submissions over, and the answer comes by callback on the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from api.metrics import HttpMetrics
from api.problems import MEDIA_TYPE, Problem, problem_of
from api.schemas.fields import ID, check_code
from api.schemas.reading import check_encoding, read
from ledger.clock import monotonic
from ledger.domain.commands import AnyCommand
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

CODED: Final = {"skus.define": "sku", "locations.define": "location"}
"""Operations whose path does not end with an id but with a code, and what it is the code of."""

_LOOK_S: Final = 0.1  # Between two looks for callers who have waited too long.

encode: Final = msgspec.json.Encoder().encode

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
        table: Mapping[str, Begin],
    ) -> None:
        self._table = table
        self.port = port
        self.settings = settings
        self.metrics = metrics
        self._unanswered: dict[asyncio.Future[Answer | None], Call] = {}
        self._looking = False
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
            if name in CODED:
                check_code(CODED[name], path_id)
            elif path_id and ID.fullmatch(path_id) is None:
                raise Malformed("id", f"must match {ID.pattern}, is {path_id[:130]!r}")
            self._table[name](self, path_id, call, body, done)
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

        self.begin(name, path_id, call, body, done)
        if future.done():
            return future.result()
        self._unanswered[future] = call
        if not self._looking:
            self._looking = True
            self._loop.call_later(_LOOK_S, self._look)
        try:
            return await future
        finally:
            self._unanswered.pop(future)

    def _look(self) -> None:
        """Gives up what has waited too long. One timer for all: most never need theirs."""
        given_up = monotonic() - self.settings.append_timeout_ms / 1000
        unknown = StorageUnavailable("no answer from the database; ask again with the same key")
        for future, call in self._unanswered.items():
            if call.deadline <= given_up and not future.done():
                future.set_result(refused(unknown, call.correlation_id))
        self._looking = bool(self._unanswered)
        if self._looking:
            self._loop.call_later(_LOOK_S, self._look)

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


def single(
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
