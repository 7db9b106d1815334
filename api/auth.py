"""Who may come in: API keys, compared in constant time."""

import hmac
from typing import Final

from api.problems import Problem
from ledger.settings import Settings

ADMIN: Final = "admin"
ANONYMOUS: Final = "anonymous"

_BEARER: Final = "bearer "


class Authenticator:
    """Turns the credential of a request into the name under which the ledger knows its caller."""

    def __init__(self, settings: Settings) -> None:
        self._open = settings.auth == "none"
        assert self._open or settings.admin_key, "an API process is given its admin key"
        self._admin = _bytes(settings.admin_key or "")

    def principal(self, authorization: str | None, api_key: str | None = None) -> str:
        """The caller's name. Raises Problem `unauthenticated`."""
        if self._open:
            return ANONYMOUS
        key = api_key
        if authorization is not None:
            if authorization[: len(_BEARER)].lower() != _BEARER:
                raise Problem("unauthenticated", "the Authorization header must be `Bearer <key>`")
            key = authorization[len(_BEARER) :].strip()
        if not key:
            raise Problem("unauthenticated", "send an API key as Bearer token or in X-API-Key")
        # Its time depends on the length of what was sent, not on how much of it is right.
        if hmac.compare_digest(_bytes(key), self._admin):
            return ADMIN
        raise Problem("unauthenticated", "the API key is not valid")


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
