"""Asks and tells the running service, as any other program would."""

from typing import Any, Final

import msgspec

from api.importing.connection import Answer, Connection, ConnectionFailed
from api.importing.sending import problem_text

TIMEOUT_S: Final = 15.0
_ATTEMPTS_MAX: Final = 20
_TRY_AGAIN: Final = (429, 503)


class Unexpected(RuntimeError):
    """The service answered what the story does not foresee."""


class Client:
    """One connection; a 503 and a cut line are asked again, under the same key."""

    def __init__(self, url: str, key: str | None) -> None:
        """Take the service's address and the key it accepts."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._connection = Connection(url, timeout_s=TIMEOUT_S, headers=headers)

    async def ask(self, path: str) -> dict[str, Any]:
        """What the service answers to a question."""
        status, document = await self._until_answered(path, None, "")
        if status != 200:
            raise Unexpected(f"{path}: {status} {document.get('detail')}")
        return document

    async def tell(self, path: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        """What the service answers to a command: its status and its document."""
        return await self._until_answered(path, msgspec.json.encode(body), key)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def _until_answered(
        self, path: str, body: bytes | None, key: str
    ) -> tuple[int, dict[str, Any]]:
        problem = ""
        for _ in range(_ATTEMPTS_MAX):
            try:
                answer = await self._once(path, body, key)
            except ConnectionFailed as failure:
                problem = str(failure)
                continue
            if answer.status not in _TRY_AGAIN:
                return answer.status, _document(path, answer)
            problem = problem_text(answer)
        raise Unexpected(f"{path}: {problem}")

    async def _once(self, path: str, body: bytes | None, key: str) -> Answer:
        if body is None:
            return await self._connection.get(path)
        return await self._connection.post(path, body, key)


def _document(path: str, answer: Answer) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unexpected(
            f"{path}: what answers there ({answer.status}) is no inventory ledger"
        ) from error
