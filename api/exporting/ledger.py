"""What there is to export: the rows of a range of positions, and the name of their ledger."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, NamedTuple, Self

from projections.audit.checker import Row
from projections.audit.log import Source, pages

SHARD: Final = 0
_LEAF: Final = "inventory-ledger/row/v1"


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
        self._conninfo = conninfo
        self._source = Source(conninfo)

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
        return "" if first is None else leaf_hash(first)

    def row(self, position: int) -> Row | None:
        """The row at a position."""
        found = self._source.one("rows", (position - 1, position))
        return None if found is None else Row(*found)

    def pages(self, after: int, last: int) -> Iterator[list[Row]]:
        """The rows beyond one position up to another, none missing. Raises CannotExport."""
        expected = after
        for page in pages(self._conninfo, after + 1, last):
            for row in page:
                expected += 1
                if row.position != expected:
                    break
            else:
                yield page
                continue
            break
        if expected != last:
            raise CannotExport(
                f"position {expected} is missing from the ledger: run `inventory-ledger verify`"
            )


def leaf_hash(row: Row) -> str:
    """The hash of a row as a leaf of a Merkle tree (RFC 6962), in hex."""
    fields = (
        _LEAF,
        SHARD,
        row.position,
        row.stream,
        row.version,
        row.topic,
        sha256(row.state).hexdigest(),
        row.recorded_at,
    )
    return sha256(b"\0" + "".join(f"{field}\n" for field in fields).encode()).hexdigest()
