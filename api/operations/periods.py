"""What callers do with periods."""

from typing import Final

from api.commands import JSON, REPLAYED, Answer, Begin, Call, Done, Operations, Ticket, encode
from api.schemas import periods
from api.schemas.reading import read
from ledger.domain.outcomes import PeriodState
from ledger.submission import Accepted


def _closed(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, PeriodState)
    body = encode(periods.PeriodFound.of(reply.outcome))
    return Answer(201, body, JSON, (REPLAYED,) if reply.replayed else ())


def _close(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    command = periods.close_of(read(periods.CLOSE, body))
    operations.submit(command, call.key, call, "fact", Ticket(call, _closed, done))


OPERATIONS: Final[dict[str, Begin]] = {"periods.close": _close}
