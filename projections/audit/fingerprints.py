"""Rows of history as fingerprints: what the events ask for, and what the table holds, hashed alike.

A cryptographic hash, without a secret: nobody can prepare rows that collide, and what was added
up in one run can be gone on with in another.
"""

from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct
from typing import Final, TypeAlias

Episode: TypeAlias = tuple[int, int | None, str, int, int | None]
"""From a position, to a position, whose, how many units, until when."""

ROW: Final = Struct("!17q")
"""A row of history: stock, position, part, both times, six deltas, six balances."""

ON_THE_WAY: Final = Struct("!6q")
"""A row of history in transit: stock, position, both times, what changed, what is on its way."""

EPISODES_MASK: Final = 2**256 - 1
"""So wide that no set of other episodes can be found that comes to the same sum."""

_DIGEST_BYTES: Final = 16
BLOCK_BYTES: Final = 1_088  # 8 rows of history: from 2 KiB on, hashing lets go of the GIL.


class Fingerprint:
    """A hash over rows in their order, taken in small pieces and hashed in larger ones."""

    __slots__ = ("_rest", "_value")

    def __init__(self) -> None:
        """Begin without a row."""
        self._rest = bytearray()
        self._value = b""

    def add(self, row: bytes) -> None:
        """Take one more row, packed."""
        self._rest += row
        if len(self._rest) >= BLOCK_BYTES:
            self._close()

    @property
    def value(self) -> bytes:
        """What all rows so far come to; empty where there are none."""
        return self._hash() if self._rest else self._value

    def _close(self) -> None:
        self._value = self._hash()
        self._rest.clear()

    def _hash(self) -> bytes:
        return blake2b(self._value + self._rest, digest_size=_DIGEST_BYTES).digest()


def fingerprints_of_stocks(
    layout: Struct, pages: Iterable[list[tuple[int, ...]]], head: int
) -> tuple[dict[int, bytes], int]:
    """What the rows of each stock come to, those beyond a position left out; and how many came.

    A row begins with its stock and its position; they come sorted by both.
    """
    values: dict[int, bytes] = {}
    count = 0
    pack, last = layout.pack, Fingerprint()
    stock: int | None = None
    for page in pages:
        count += len(page)
        for row in page:
            if row[0] != stock:
                if stock is not None:
                    values[stock] = last.value
                stock, last = row[0], Fingerprint()
            if row[1] <= head:
                last.add(pack(*row))
    if stock is not None:
        values[stock] = last.value
    return values, count


def episode_hash(episode: Episode) -> int:
    """The fingerprint of one episode, to be added to those of its stock's other ones."""
    since, until, reservation_id, units, expires_at = episode
    text = f"{since} {until} {units} {expires_at} {reservation_id}"
    return int.from_bytes(blake2b(text.encode(), digest_size=32).digest(), "big")
