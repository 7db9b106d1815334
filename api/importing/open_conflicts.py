"""Which conflicts the ledger has open: the work that waits for people."""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from api.importing.connection import Connection
from api.importing.sending import ImportStopped, problem_text

_PAGE: Final = 1_000
_OK: Final = 200


class _Item(Struct):
    conflict_id: str


class _Page(Struct):
    items: list[_Item]
    next_cursor: str | None = None


async def open_conflicts(connection: Connection) -> set[str]:
    """The ids of all open conflicts, page by page."""
    found: set[str] = set()
    cursor = ""
    while True:
        path = f"/v1/conflicts?status=open&limit={_PAGE}{cursor}"
        answer = await connection.get(path)
        if answer.status != _OK:
            raise ImportStopped(f"conflicts cannot be listed: {problem_text(answer)}")
        page = msgspec.json.decode(answer.body, type=_Page)
        found.update(item.conflict_id for item in page.items)
        if page.next_cursor is None:
            return found
        cursor = f"&cursor={quote(page.next_cursor, safe='')}"
