"""One row of the event table as the auditor reads it, and what binds a row to all before it."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

BLOCK_EVENTS: Final = 10_000
"""Positions that are hashed as one. Part of what a fingerprint means: never to be changed."""

_CANONICAL: Final = b"%d %d %d %d %d %d\n%b\n%b\n%b\n"


class Row(NamedTuple):
    """One row of the event table, as read. `recorded_at` counts microseconds since 1970."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    recorded_at: int


def canonical(row: Row) -> bytes:
    """The bytes that are hashed of a row: two rows that differ in anything differ in them."""
    position, stream, version, topic, state, recorded_at = row
    name, kind = stream.encode(), topic.encode()
    sizes = len(name), len(kind), len(state)
    return _CANONICAL % (position, version, recorded_at, *sizes, name, kind, state)


class Chain:
    """SHA-256 over every row so far: block by block, each with all that came before it.

    `blocks` has what every whole block came to: where two chains differ, it says from which
    position on.
    """

    def __init__(self, after: int = 0) -> None:
        """Begin after a position, by default before the first row."""
        self.position = after
        self.blocks: list[bytes] = []
        self._block = sha256()

    def add(self, rows: Iterable[Row], to: int) -> bytes:
        """Take the rows up to a position of the same block on; the fingerprint there."""
        self._block.update(b"".join(map(canonical, rows)))
        self.position = to
        if to % BLOCK_EVENTS == 0:
            self.blocks.append(self.fingerprint)
            self._block = sha256()
        return self.fingerprint

    def first_change(self, position: int, fingerprint: bytes, blocks: list[bytes]) -> int | None:
        """Where the rows may begin to differ from those that came to something else, at a position.

        To a block: its first position. None where they are the same.
        """
        if (self.position, self.fingerprint) == (position, fingerprint):
            return None
        for number, (own, others) in enumerate(zip(self.blocks, blocks, strict=False)):
            if own != others:
                return number * BLOCK_EVENTS + 1
        return min(len(self.blocks), len(blocks)) * BLOCK_EVENTS + 1

    @property
    def fingerprint(self) -> bytes:
        """What all rows so far come to."""
        before = self.blocks[-1] if self.blocks else b""
        return sha256(before + self._block.digest()).digest()
