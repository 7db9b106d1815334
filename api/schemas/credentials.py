"""Credentials of channels: who may read as one, and until when."""

from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct

from api.schemas.fields import DocumentId, Time, instant_of, rfc3339, rfc3339_or_none
from api.schemas.questions import Position, Timestamp
from ledger.domain import commands
from ledger.domain.outcomes import CredentialState
from ledger.domain.values import Instant

IN_FORCE: Final = "Access-In-Force"
"""The header that says whether the message server has heard of it; if not, it will."""


class IssueRequest(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Let somebody read as the channel, until a time or until it is revoked.

    Without an id of the caller's own it gets one.
    """

    credential_id: DocumentId | None = None
    expires_at: Time | None = None


class IssueCommand(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The same as the ledger takes it: the private key has been made, and stays where it was."""

    credential_id: DocumentId
    public_key: Annotated[str, Meta(pattern=r"\AU[A-Z2-7]{55}\Z")]
    expires_at: Time | None = None


class RevokeCommand(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Which one."""

    credential_id: DocumentId


class CredentialItem(Struct, frozen=True, kw_only=True, gc=False):
    """A credential, its secret aside: nobody but its holder has that."""

    channel: str
    credential_id: str
    public_key: str
    status: Literal["valid", "expired", "revoked"]
    issued_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None

    @classmethod
    def of(cls, found: Any, now: Instant, **more: Any) -> Self:
        """The public form of what the ledger has."""
        over = found.expires_at is not None and found.expires_at <= now
        return cls(
            channel=found.channel,
            credential_id=found.credential_id,
            public_key=found.public_key,
            status="revoked" if found.revoked_at is not None else "expired" if over else "valid",
            issued_at=rfc3339(found.issued_at),
            expires_at=rfc3339_or_none(found.expires_at),
            revoked_at=rfc3339_or_none(found.revoked_at),
            **more,
        )


class CredentialAnswer(CredentialItem, frozen=True, kw_only=True):
    """A credential right after a command."""

    position: int


class IssuedAnswer(CredentialAnswer, frozen=True, kw_only=True):
    """A new credential, and the text of its file: it is answered this once and kept nowhere."""

    credentials: str


class CredentialsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may, or could, read as a channel."""

    min_position: Position = 0


class CredentialsAnswer(Struct, frozen=True, kw_only=True):
    """Every credential the channel ever had, the first issued first."""

    items: list[CredentialItem]
    position: int


REQUEST: Final = msgspec.json.Decoder(IssueRequest)
ISSUE: Final = msgspec.json.Decoder(IssueCommand)
REVOKE: Final = msgspec.json.Decoder(RevokeCommand)
ANSWER: Final = msgspec.json.Decoder(CredentialAnswer)


def issue_of(channel: str, request: IssueCommand) -> commands.IssueCredential:
    """The command. Raises Malformed."""
    return commands.IssueCredential(
        channel=channel,
        credential_id=request.credential_id,
        public_key=request.public_key,
        expires_at=instant_of(request.expires_at, "$.expires_at"),
    )


def revoke_of(channel: str, request: RevokeCommand) -> commands.RevokeCredential:
    """The command."""
    return commands.RevokeCredential(channel=channel, credential_id=request.credential_id)


def credential_answer(state: CredentialState) -> CredentialAnswer:
    """The answer to a command: what it was before time went on."""
    return CredentialAnswer.of(state, state.issued_at, position=state.position)
