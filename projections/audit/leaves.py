"""The auditor's own tree: leaves from rows, and the root of as many as there have been (RFC 6962).

The stack of perfect subtrees is all that it keeps. The service's tree is built another way, from
tiles and by other code; here they meet.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from projections.audit.row import Row

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT


def leaf_hash(row: Row, shard: int = 0) -> bytes:
    """The hash of a row, as docs/proof.md says."""
    digest = sha256(row.state).hexdigest()
    leaf = (
        f"\0inventory-ledger/row/v1\n{shard}\n{row.position}\n{row.stream}\n{row.version}\n"
        f"{row.topic}\n{digest}\n{row.recorded_at}\n"
    )
    return sha256(leaf.encode("utf-8", "surrogatepass")).digest()


def pair_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows."""

    def __init__(self, above: Callable[[int, bytes], None] | None = None) -> None:
        """Begin empty; `above` is told the hash of every 256 leaves, of every 256 of those, …"""
        self.size = 0
        self._perfect: list[bytes] = []  # Largest first, as the bits of the size.
        self._above = above

    def append(self, leaf: bytes) -> None:
        """Take the hash of the next leaf."""
        size, height, node = self.size, 0, leaf
        while size & 1:
            node = pair_hash(self._perfect.pop(), node)
            size, height = size >> 1, height + 1
            if self._above is not None and height % TILE_HEIGHT == 0:
                self._above(height // TILE_HEIGHT, node)
        self._perfect.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The hash of all leaves so far."""
        if not self._perfect:
            return sha256().digest()
        node = self._perfect[-1]
        for left in reversed(self._perfect[:-1]):
            node = pair_hash(left, node)
        return node
