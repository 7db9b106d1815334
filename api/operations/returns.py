"""What callers do with returns: one command, one reply."""

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
from api.schemas import returns
from api.schemas.reading import read
from ledger.domain.outcomes import ReturnState
from ledger.submission import Accepted


def _answer(status: int) -> Callable[[Accepted], Answer]:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, ReturnState)
        body = encode(returns.ReturnAnswer.of(reply.outcome))
        return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())

    return render


_created: Final = _answer(201)
_changed: Final = _answer(200)


def _authorise(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    command = returns.authorise_of(read(returns.AUTHORISE, body))
    operations.submit(command, call.key, call, "fact", Ticket(call, _created, done))


OPERATIONS: Final[dict[str, Begin]] = {
    "returns.authorise": _authorise,
    "returns.receive": single(returns.RECEIVE, returns.receive_of, _changed, "fact"),
    "returns.inspect": single(returns.INSPECT, returns.inspect_of, _changed, "fact"),
    "returns.disposition": single(returns.DISPOSITION, returns.disposition_of, _changed, "fact"),
    "returns.close": single(returns.CLOSE, returns.close_of, _changed, "fact"),
}
