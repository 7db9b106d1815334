"""Reading for the auditor: short queries by ranges, never one long snapshot."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self

import psycopg

from ledger.store.wire import ByteaArray, Int8Array, register
from projections.audit.checker import Row
from projections.statements import statements

PAGE_EVENTS: Final = 10_000
"""Rows a query reads: some tens of milliseconds, far below what slows an append."""

STATEMENT_TIMEOUT_S: Final = 30

SQL: Final = statements("projections.audit")


class Source:
    """One connection; every question is a transaction of its own."""

    def __init__(self, conninfo: str) -> None:
        """Connect, reading only."""
        self._connection = psycopg.connect(
            conninfo, autocommit=True, application_name="inventory-ledger verify"
        )
        register(self._connection)
        # A plan made for one page may be far off for the next.
        self._connection.execute(
            "set default_transaction_read_only = on; set plan_cache_mode = force_custom_plan;"
            f" set statement_timeout = '{STATEMENT_TIMEOUT_S}s'; set jit = off"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def all(self, name: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a named question."""
        cursor = self._connection.cursor(binary=True)
        return cursor.execute(SQL[name], parameters).fetchall()

    def one(self, name: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a named question."""
        rows = self.all(name, parameters)
        return rows[0] if rows else None


class Receipts:
    """Asks for the receipts of one page's commands while the next page is being folded."""

    def __init__(self, conninfo: str) -> None:
        """Connect; one question is under way at a time."""
        self._source = Source(conninfo)
        self._asking = ThreadPoolExecutor(1, "audit-receipts")
        self._asked: dict[bytes, int] = {}
        self._answer: Future[list[tuple[Any, ...]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.shutdown()
        self._source.__exit__()

    def ask(self, commands: dict[bytes, int], head: int) -> list[tuple[int, int | None]]:
        """Ask about commands, by digest, with the last position of each; answers the last question.

        An answer lists positions of events whose command has no receipt (None), or one that does
        not cover them.
        """
        found = self.answer()
        self._asked = commands
        parameters = (ByteaArray(list(commands)), Int8Array(list(commands.values())), head)
        self._answer = self._asking.submit(self._source.all, "receipts", parameters)
        return found

    def answer(self) -> list[tuple[int, int | None]]:
        """What the last question found."""
        asked, waiting, self._answer = self._asked, self._answer, None
        if waiting is None:
            return []
        return [(asked[command], position) for command, position in waiting.result()]


def pages(conninfo: str, first: int, last: int) -> Iterator[list[Row]]:
    """The event rows of positions first to last, the next page read while one is worked on.

    The first page also holds whatever stands at positions that should not exist, below 1.
    """
    with Source(conninfo) as source, ThreadPoolExecutor(1, "audit-reader") as reader:
        waiting: Future[list[Row]] | None = None
        for start in range(first - 1, last, PAGE_EVENTS):
            after = -(2**63) if start == 0 else start
            coming = reader.submit(_page, source, after, min(start + PAGE_EVENTS, last))
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


def _page(source: Source, after: int, last: int) -> list[Row]:
    return [Row(*row) for row in source.all("rows", (after, last))]


class Behind(Exception):
    """A projection has not read as far as the ledger was verified."""

    def __init__(self, projection: str, at: int, wanted: int, error: str | None) -> None:
        """Say which one, where it is and where it should be; `error` is what stopped it."""
        super().__init__(
            f"projection {projection!r} is at position {at}, the ledger was verified up to "
            f"{wanted}: {error or 'is a projector running?'}"
        )
        self.at = at
        self.error = error


def wait_for(source: Source, projection: str, position: int, timeout_s: float) -> int:
    """Wait until a projection has read a position; its own then."""
    deadline = time.monotonic() + timeout_s
    while True:
        at, error = source.one("tracking", (projection,)) or (0, "it has no place yet")
        if at >= position:
            return int(at)
        if error or time.monotonic() > deadline:
            raise Behind(projection, int(at), position, error)
        time.sleep(0.05)
