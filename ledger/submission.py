"""A command on its way to the writer, and what may come back."""

from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from ledger.domain.commands import AnyCommand
from ledger.domain.outcomes import Outcome

Lane: TypeAlias = Literal["promise", "fact", "bulk"]


class Submission(Struct, frozen=True, kw_only=True, gc=False):
    """A command with who asks, under which idempotency key, and until when it makes sense.

    `command_id` is unique per principal for the life of the ledger. `deadline` is in seconds of
    the monotonic clock; past it the command is dropped before it is decided, never after.
    """

    command: AnyCommand
    principal: str
    command_id: str
    source: str
    correlation_id: str
    deadline: float
    lane: Lane = "fact"


class Accepted(Struct, frozen=True, gc=False):
    """The command is durable. `replayed`: it had been before, and this is the recorded answer."""

    outcome: Outcome
    replayed: bool = False


class Unavailable(Exception):
    """The ledger cannot take this command now; trying again is safe and may help."""

    code: str = "storage-unavailable"
    retry_after_s: int = 1


class Overloaded(Unavailable):
    """Too many commands are waiting."""

    code = "overloaded"


class NoWriter(Unavailable):
    """No process holds the lease of the ledger right now."""

    code = "no-writer"


class StorageUnavailable(Unavailable):
    """The database did not take the command."""

    code = "storage-unavailable"


class CommandFailed(Exception):
    """Our own mistake: the command broke an assertion or could not be stored. Nothing was kept."""


Reply: TypeAlias = Accepted | Exception
"""`Accepted`, or the `Refusal`, `Unavailable` or `CommandFailed` that stands in its place."""


class Sink(Protocol):
    """Where replies go: called once per committed batch, from the writer's thread."""

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Take pairs of the ticket given at submission and its reply; must not block."""
        ...


class CommandPort(Protocol):
    """Something that takes commands: the active writer, or the way to it."""

    def submit(self, submission: Submission, sink: Sink, ticket: object) -> None:
        """Queue a command, raising `Overloaded` or `NoWriter`; the reply comes to the sink."""
        ...
