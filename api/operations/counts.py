"""What callers do with count documents: one command, one reply."""

from collections.abc import Callable
from typing import Final

from api.commands import (
    JSON,
    REPLAYED,
    Answer,
    Begin,
    Call,
    Done,
    Operations,
    Ticket,
    encode,
    single,
)
from api.schemas import counts
from api.schemas.reading import read
from ledger.domain.outcomes import CountState
from ledger.submission import Accepted


def _answer(status: int) -> Callable[[Accepted], Answer]:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, CountState)
        body = encode(counts.CountAnswer.of(reply.outcome))
        return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())

    return render


_created: Final = _answer(201)
_changed: Final = _answer(200)


def _open(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    command = counts.open_of(read(counts.OPEN, body))
    operations.submit(command, call.key, call, "fact", Ticket(call, _created, done))


OPERATIONS: Final[dict[str, Begin]] = {
    "counts.open": _open,
    "counts.enter": single(counts.ENTER, counts.enter_of, _changed, "fact"),
    "counts.approve": single(counts.APPROVE, counts.approve_of, _changed, "fact"),
    "counts.post": single(counts.POST, counts.post_of, _changed, "fact"),
    "counts.cancel": single(counts.CANCEL, counts.cancel_of, _changed, "fact"),
}
