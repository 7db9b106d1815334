"""What callers do with transfers: one command, one reply."""

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
from api.schemas import transfers
from api.schemas.reading import read
from ledger.domain.outcomes import TransferState
from ledger.submission import Accepted


def _transfer(status: int) -> Callable[[Accepted], Answer]:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, TransferState)
        body = encode(transfers.TransferAnswer.of(reply.outcome))
        return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())

    return render


_created: Final = _transfer(201)
_changed: Final = _transfer(200)


def _request(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    command = transfers.request_of(read(transfers.REQUEST, body))
    operations.submit(command, call.key, call, "fact", Ticket(call, _created, done))


OPERATIONS: Final[dict[str, Begin]] = {
    "transfers.request": _request,
    "transfers.dispatch": single(transfers.DISPATCH, transfers.dispatch_of, _changed, "fact"),
    "transfers.receive": single(transfers.RECEIVE, transfers.receive_of, _changed, "fact"),
    "transfers.cancel": single(transfers.CANCEL, transfers.cancel_of, _changed, "fact"),
    "transfers.close": single(transfers.CLOSE, transfers.close_of, _changed, "fact"),
}
