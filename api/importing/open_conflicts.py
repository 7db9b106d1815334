"""How many conflicts the ledger has open: the work an import leaves for people."""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from api.importing.connection import Connection
from api.importing.sending import ImportStopped, problem_text

_PAGE: Final = 1_000
_OK: Final = 200


class _Page(Struct):
    items: list[Any]
    next_cursor: str | None = None


async def count_open_conflicts(connection: Connection) -> int:
    """Page through the open conflicts and count them."""
    total, cursor = 0, ""
    while True:
        path = f"/v1/conflicts?status=open&limit={_PAGE}{cursor}"
        answer = await connection.get(path)
        if answer.status != _OK:
            raise ImportStopped(f"conflicts cannot be counted: {problem_text(answer)}")
        page = msgspec.json.decode(answer.body, type=_Page)
        total += len(page.items)
        if page.next_cursor is None:
            return total
        cursor = f"&cursor={quote(page.next_cursor, safe='')}"
