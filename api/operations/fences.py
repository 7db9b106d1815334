"""What callers set aside for channels, and how far they let promises go."""

from collections.abc import Callable
from typing import Final

from api.commands import JSON, REPLAYED, Answer, Begin, encode, single
from api.schemas import fences
from ledger.domain.outcomes import BackorderLimitState, FenceState
from ledger.submission import Accepted


def _fence(status: int) -> Callable[[Accepted], Answer]:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, FenceState)
        body = encode(fences.FenceAnswer.of(reply.outcome))
        return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())

    return render


def _limit(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, BackorderLimitState)
    body = encode(fences.LimitAnswer.of(reply.outcome))
    return Answer(200, body, JSON, (REPLAYED,) if reply.replayed else ())


OPERATIONS: Final[dict[str, Begin]] = {
    "fences.grant": single(fences.GRANT, fences.grant_of, _fence(201), "promise"),
    "fences.return": single(fences.RETURN, fences.return_of, _fence(200), "promise"),
    "backorder_limits.set": single(fences.LIMIT, fences.limit_of, _limit, "promise"),
}
