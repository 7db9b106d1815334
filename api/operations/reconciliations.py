"""Reconciliations on their way to the writer: what was found, and what of it is put right."""

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
)
from api.schemas import reconciliations as words
from api.schemas.drafts import DRAFT, RECORD, check_draft
from api.schemas.reading import read
from ledger.domain.outcomes import ReconciliationApproval, ReconciliationState
from ledger.submission import Accepted


def _record(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    """Made by the process that compared; it renders the answer, too."""

    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, ReconciliationState)
        return _answer(201, encode(reply.outcome), reply)

    draft = read(DRAFT, body)
    check_draft(draft)
    operations.submit(draft, call.key, call, "bulk", Ticket(call, render, done))


def _approve(operations: Operations, path_id: str, call: Call, body: bytes, done: Done) -> None:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, ReconciliationApproval)
        return _answer(200, encode(words.ApprovalAnswer.of(reply.outcome, call.key)), reply)

    request = read(words.APPROVE, body or b"{}")
    command = words.approve_of(path_id, request, operations.settings.movements_per_call_max)
    operations.submit(command, call.key, call, "fact", Ticket(call, render, done))


def _answer(status: int, body: bytes, reply: Accepted) -> Answer:
    return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())


OPERATIONS: Final[dict[str, Begin]] = {
    RECORD: _record,
    "reconciliations.approve": _approve,
}
