"""What there is to export: the rows of a range of positions, and the name of their ledger."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Self

from projections.audit.leaves import leaf_hash
from projections.audit.log import Reading, Source
from projections.audit.row import Row

SHARD: Final = 0


class CannotExport(Exception):
    """The export cannot go on; the sentence says why, and what to do about it."""


class Span(NamedTuple):
    """Positions from one to another, both included; empty where the last is before the first."""

    first: int
    last: int

    @property
    def events(self) -> int:
        """How many positions these are."""
        return max(0, self.last - self.first + 1)


class Ledger:
    """The ledger in a database, read in short queries by ranges of positions."""

    def __init__(self, conninfo: str) -> None:
        """Connect, reading only."""
        self._source = Source(Reading(conninfo))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.__exit__()

    @property
    def head(self) -> int:
        """The position of the last event."""
        found = self._source.one("head")
        return 0 if found is None else int(found[0])

    @property
    def name(self) -> str:
        """What tells this ledger from others: the hash of its first row; empty while it is."""
        first = self.row(1)
        return "" if first is None else leaf_hash(first).hex()

    def row(self, position: int) -> Row | None:
        """The row at a position."""
        found = self._source.rows("rows", (position - 1, position))
        return found[0] if found else None

    def pages(self, after: int, last: int) -> Iterator[list[Row]]:
        """The rows beyond one position up to another, none missing. Raises CannotExport."""
        with ThreadPoolExecutor(1, "export-reader") as reader:
            coming = reader.submit(self._page, after, last)
            while after < last:
                page = coming.result()
                for expected, row in enumerate(page, after + 1):
                    if row.position != expected:
                        raise _missing(expected)
                if not page:
                    raise _missing(after + 1)
                after = page[-1].position
                coming = reader.submit(self._page, after, last)
                yield page

    def _page(self, after: int, last: int) -> list[Row]:
        return self._source.rows("rows", (after, min(after + self._source.page_rows, last)))


def _missing(position: int) -> CannotExport:
    return CannotExport(
        f"position {position} is missing from the ledger: run `inventory-ledger verify`"
    )
