"""Which conflicts the ledger has open: the work that waits for people."""

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from api.importing.connection import Answer, Connection, ConnectionFailed
from api.importing.sending import PATIENCE_S, TRY_AGAIN, ImportStopped, problem_text

_PAGE: Final = 1_000
_OK: Final = 200
_LOOK_S: Final = 0.25


class _Item(Struct):
    conflict_id: str


class _Page(Struct):
    items: list[_Item]
    next_cursor: str | None = None


async def open_conflicts(
    connection: Connection,
    *,
    patience_s: float = PATIENCE_S,
    say: Callable[[str], None] = lambda _: None,
) -> set[str]:
    """The ids of all open conflicts, page by page. Raises ImportStopped.

    A service that is away is waited for, which `say` is told once.
    """
    found: set[str] = set()
    cursor = ""
    while True:
        path = f"/v1/conflicts?status=open&limit={_PAGE}{cursor}"
        answer = await _answered(connection, path, patience_s, say)
        if answer.status != _OK:
            raise ImportStopped(f"conflicts cannot be listed: {problem_text(answer)}")
        try:
            page = msgspec.json.decode(answer.body, type=_Page)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ImportStopped(
                "what answers there is no inventory ledger; see where --url points"
            ) from error
        found.update(item.conflict_id for item in page.items)
        if page.next_cursor is None:
            return found
        cursor = f"&cursor={quote(page.next_cursor, safe='')}"


async def _answered(
    connection: Connection, path: str, patience_s: float, say: Callable[[str], None]
) -> Answer:
    deadline, said = monotonic() + patience_s, False
    while True:
        try:
            answer = await connection.get(path)
        except ConnectionFailed as failure:
            if isinstance(failure.__cause__, ssl.SSLError):  # It would be the same tomorrow.
                raise ImportStopped(
                    f"no secure connection ({failure}); see whether --url begins with http:// or"
                    " https:// as the service has it"
                ) from failure
            problem = str(failure)
        else:
            if answer.status not in TRY_AGAIN:
                return answer
            problem = problem_text(answer)
        if monotonic() > deadline:
            raise ImportStopped(
                f"the service was of no use for too long ({problem}): see that it runs, and where"
                " --url points, then import again"
            )
        if not said:
            say(f"the service does not answer yet ({problem}); asking again")
            said = True
        await asyncio.sleep(_LOOK_S)
