"""What callers do about conflicts."""

from typing import Final

from api.commands import JSON, REPLAYED, Answer, Begin, encode, single
from api.schemas import conflicts
from ledger.domain.outcomes import ConflictState
from ledger.submission import Accepted


def _resolved(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, ConflictState)
    body = encode(conflicts.ResolvedAnswer.of(reply.outcome))
    return Answer(200, body, JSON, (REPLAYED,) if reply.replayed else ())


OPERATIONS: Final[dict[str, Begin]] = {
    "conflicts.resolve": single(conflicts.RESOLVE, conflicts.resolve_of, _resolved, "fact"),
}
