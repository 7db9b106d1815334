"""Reading for the auditor: short queries by ranges, never one long snapshot."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Self

import psycopg
from msgspec import Struct
from psycopg.types.numeric import Int8BinaryLoader

from ledger.domain.laws import Breach, Breaches
from ledger.store.wire import ByteaArray, Int8Array, register
from projections.audit.row import BLOCK_EVENTS, Chain, Row
from projections.statements import statements

PAGE_ROWS: Final = 10_000
"""Rows a query reads: some tens of milliseconds, far below what slows an append."""

LOWEST: Final = -(2**63)
"""Below every key that is a number."""

PAGE_ROWS_MIN: Final = 500
"""Fewer rows than this are read as slowly as these."""

SLOW_S: Final = 1.0
"""A page that took longer, from a cold disk say, is followed by smaller ones."""

LOOKED_UP_MAX: Final = 2_500
"""Keys that one question looks up: each may be a read from disk of its own."""

STATEMENT_TIMEOUT_S: Final = 5
"""A page takes milliseconds; whatever takes so long must not go on holding its snapshot."""

SQL: Final = statements("projections.audit")

_POSTGRES_EPOCH: Final = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970.

_BY_KEY: Final = "set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off"


def _no_rest(asked_s: float) -> None:
    """Somebody is waiting for the answer."""


class Reading(Struct, frozen=True):
    """How an audit reads: where, how much at once, and how it rests after each question.

    `rest` is told how many seconds the question took; it may be called on any thread.
    """

    conninfo: str
    page_rows: int = PAGE_ROWS
    rest: Callable[[float], None] = _no_rest


class Source:
    """One connection; every question is a transaction of its own."""

    def __init__(self, reading: Reading, *, by_key: bool = False) -> None:
        """Connect, reading only. `by_key`: rows are looked up, whatever the planner thinks."""
        self.page_rows = reading.page_rows
        self._rest = reading.rest
        self._connection = psycopg.connect(
            reading.conninfo, autocommit=True, application_name="inventory-ledger verify"
        )
        register(self._connection)
        # Microseconds, never a datetime: a million of them are read a second.
        self._connection.adapters.register_loader("timestamptz", Int8BinaryLoader)
        # A plan made for one page may be far off for the next.
        self._connection.execute(
            "set default_transaction_read_only = on; set plan_cache_mode = force_custom_plan;"
            f" set statement_timeout = '{STATEMENT_TIMEOUT_S}s'; set jit = off;"
            f" {_BY_KEY if by_key else ''}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def all(self, name: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a named question."""
        cursor = self._connection.cursor(binary=True)
        began = time.monotonic()
        rows = cursor.execute(SQL[name], parameters).fetchall()
        took_s = time.monotonic() - began
        if took_s > SLOW_S:
            self.page_rows = max(PAGE_ROWS_MIN, self.page_rows // 2)
        self._rest(took_s)
        return rows

    def rows(self, name: str, parameters: Sequence[object]) -> list[Row]:
        """The event rows of a named question."""
        found = self.all(name, parameters)
        return [Row(p, s, v, t, b, at + _POSTGRES_EPOCH) for p, s, v, t, b, at in found]

    def fold_stream(self, take: Callable[[list[Row]], None], stream: str, head: int) -> None:
        """Hand over the event rows of one stream, up to a position, page by page."""
        version = -1
        while rows := self.rows("rows_of_stream", (stream, version, head, self.page_rows)):
            take(rows)
            version = rows[-1].version

    def of_stock(self, name: str, stock: int, head: int, *, keys: int) -> Iterator[Any]:
        """The rows of one stock, up to a position; a page's key has so many parts, it the first."""
        for page in self.pages(name, (stock, *[LOWEST] * (keys - 1))):
            for row in page:
                if row[0] != stock:
                    return
                if row[1] <= head:
                    yield row

    def one(self, name: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a named question."""
        rows = self.all(name, parameters)
        return rows[0] if rows else None

    def pages(
        self, name: str, after: tuple[Any, ...], *, key: slice | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a question by pages, each asked for while the one before is worked on.

        `key` says where in a row its key stands; without it, at the beginning.
        """
        where = key or slice(len(after))
        with ThreadPoolExecutor(1, "audit-pages") as reader:
            page = self.all(name, (*after, self.page_rows))
            while page:
                coming = reader.submit(self.all, name, (*page[-1][where], self.page_rows))
                yield page
                page = coming.result()


class Receipts:
    """Asks for the receipts of one page's commands while the next page is being folded."""

    def __init__(self, reading: Reading) -> None:
        """Connect; one question is under way at a time."""
        self._source = Source(reading, by_key=True)
        self._asking = ThreadPoolExecutor(1, "audit-receipts")
        self._asked: dict[bytes, int] = {}
        self._answer: Future[list[tuple[Any, ...]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.shutdown()
        self._source.__exit__()

    def ask(self, commands: dict[bytes, int]) -> Breaches:
        """Ask about commands, by digest, with the last position of each; answers the last question.

        Every command in the log was accepted once: it has a receipt that covers its events.
        """
        found = self.answer()
        self._asked = commands
        self._answer = self._asking.submit(self._look_up, commands)
        return found

    def _look_up(self, commands: dict[bytes, int]) -> list[tuple[Any, ...]]:
        keys = sorted(commands)  # Neighbours in the index are looked up together.
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), LOOKED_UP_MAX):
            some = keys[start : start + LOOKED_UP_MAX]
            positions = Int8Array([commands[key] for key in some])
            found += self._source.all("receipts", (ByteaArray(some), positions))
        return found

    def answer(self) -> Breaches:
        """What the last question found."""
        asked, waiting, self._answer = self._asked, self._answer, None
        if waiting is None:
            return []
        found: Breaches = []
        for command, position in waiting.result():
            what = "no receipt" if position is None else f"a receipt that says {position}"
            found.append(Breach(13, asked[command], f"the command of this event has {what}"))
        return found


class Page(NamedTuple):
    """Consecutive event rows, up to which position they were asked for, and what they come to."""

    rows: list[Row]
    to: int
    fingerprint: bytes


def pages(reading: Reading, chain: Chain, last: int) -> Iterator[Page]:
    """The event rows from where a chain stands on, the next page read while one is worked on.

    The first page also holds whatever stands at positions that should not exist, below 1.
    """
    with Source(reading) as source, ThreadPoolExecutor(1, "audit-reader") as reader:

        def read(after: int, to: int) -> Page:
            rows = source.rows("rows", (after or LOWEST, to))
            return Page(rows, to, chain.add(rows, to))

        waiting: Future[Page] | None = None
        after = chain.position
        while after < last:
            block_ends = after - after % BLOCK_EVENTS + BLOCK_EVENTS
            to = min(after + reading.page_rows, block_ends, last)
            coming = reader.submit(read, after, to)
            after = to
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


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
