"""What callers do about who may read as a channel."""

from typing import Final

from api.commands import JSON, REPLAYED, Answer, Begin, encode, single
from api.schemas import credentials
from ledger.domain.outcomes import CredentialState
from ledger.submission import Accepted

ISSUE: Final = "channels.issue"
REVOKE: Final = "channels.revoke"


def _answer(status: int, reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, CredentialState)
    body = encode(credentials.credential_answer(reply.outcome))
    return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())


def _issued(reply: Accepted) -> Answer:
    return _answer(201, reply)


def _revoked(reply: Accepted) -> Answer:
    return _answer(200, reply)


OPERATIONS: Final[dict[str, Begin]] = {
    ISSUE: single(credentials.ISSUE, credentials.issue_of, _issued, "fact"),
    REVOKE: single(credentials.REVOKE, credentials.revoke_of, _revoked, "fact"),
}
