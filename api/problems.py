"""Every "no" in HTTP words: problem details (RFC 9457), one table of codes for all of them."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger.domain.refusals import Refusal
from ledger.submission import CommandFailed, Unavailable

TYPE_PREFIX: Final = "urn:inventory-ledger:problem:"
MEDIA_TYPE: Final = "application/problem+json"


class Kind(Struct, frozen=True, gc=False):
    """What all problems of one code have in common."""

    status: int
    title: str
    transient: bool = False


KINDS: Final[dict[str, Kind]] = {
    "malformed": Kind(400, "The request breaks a rule of form."),
    "unauthenticated": Kind(401, "No valid API key came with the request."),
    "forbidden": Kind(403, "The caller may not do this here."),
    "not-found": Kind(404, "Nothing is known under this name."),
    "method-not-allowed": Kind(405, "This address does not know the method."),
    "insufficient-stock": Kind(409, "Not enough stock is available for this promise.", True),
    "illegal-state": Kind(409, "The document's state does not allow this."),
    "idempotency-conflict": Kind(409, "This idempotency key was used for another request."),
    "stale-quantity": Kind(409, "The on-hand quantity is not the expected one.", True),
    "id-taken": Kind(409, "A document with this id says something else."),
    "inexact-unit": Kind(422, "The conversion would lose something."),
    "payload-too-large": Kind(413, "The request's body is too large."),
    "rate-limited": Kind(429, "Too many requests.", True),
    "internal-error": Kind(500, "The service made a mistake; nothing was recorded."),
    "overloaded": Kind(503, "Too many commands are waiting.", True),
    "projection-behind": Kind(503, "The answer does not reflect the asked position yet.", True),
    "storage-unavailable": Kind(503, "The database did not take the command.", True),
    "no-writer": Kind(503, "No process holds the lease of the ledger right now.", True),
}


class Problem(Exception):
    """Something that is answered with a problem document."""

    def __init__(
        self, code: str, detail: str, *, retry_after_s: int | None = None, **facts: Any
    ) -> None:
        """Name the code, say it in a sentence, and give the facts behind it."""
        super().__init__(detail)
        self.code = code
        self.kind = KINDS[code]
        self.facts = facts
        wait = retry_after_s is None and self.kind.status in (429, 503)
        self.retry_after_s = 1 if wait else retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status of its code."""
        return self.kind.status

    def members(self) -> dict[str, Any]:
        """What a refused item of a batch says: code, sentence, whether to retry, and the facts."""
        own = {"code": self.code, "detail": str(self), "transient": self.kind.transient}
        return {**self.facts, **own}

    def body(self, correlation_id: str) -> bytes:
        """The problem document."""
        document = {
            "type": TYPE_PREFIX + self.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": str(self),
            "transient": self.kind.transient,
            "correlation_id": correlation_id,
        }
        document.update({name: fact for name, fact in self.facts.items() if name not in document})
        return msgspec.json.encode(document)

    def headers(self) -> list[tuple[str, str]]:
        """The headers its status calls for."""
        if self.retry_after_s is not None:
            return [("Retry-After", str(self.retry_after_s))]
        if self.kind.status == 401:
            return [("WWW-Authenticate", 'Bearer realm="inventory-ledger"')]
        return []


def problem_of(error: Exception) -> Problem:
    """The problem that stands for a refusal, a failure of the world, or our own mistake."""
    match error:
        case Problem():
            return error
        case Refusal():
            return Problem(error.code, str(error), **error.facts())
        case Unavailable():
            sentence = (type(error).__doc__ or "").split("\n", 1)[0]
            detail = str(error) or sentence
            return Problem(error.code, detail, retry_after_s=error.retry_after_s)
        case CommandFailed():
            return Problem(
                "internal-error", "the command could not be carried out; it left no trace"
            )
        case _:
            return Problem("internal-error", "an unexpected error; it has been logged")
