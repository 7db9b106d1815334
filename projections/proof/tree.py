"""A Merkle tree (RFC 6962, 2.1) that only grows, its hashes kept in tiles (C2SP tlog-tiles).

A tile is up to 256 hashes of one level. Level 0 holds the leaves; a hash of level n + 1 stands
for a full tile of level n. What lies between the levels is worked out when it is asked for.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
EMPTY_ROOT: Final = sha256().digest()

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"

TileId: TypeAlias = tuple[int, int]
"""Level and number of a tile."""


class Range(NamedTuple):
    """Leaves from a first one up to, and without, another: what one hash of a proof stands for."""

    start: int
    end: int


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(_LEAF + leaf).digest()


def fold(hashes: bytes) -> bytes:
    """The hash over a power of two of hashes, which stand one after the other."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(_NODE + hashes[at : at + 64]).digest() for at in pairs])
    return hashes


class Frontier:
    """The last tile of every level of a tree: all that is needed to go on."""

    def __init__(self, size: int = 0, tiles: Mapping[TileId, bytes] | None = None) -> None:
        """Take up a tree of a size; `tiles` holds those of `edge(size)`."""
        self.size = size
        self._partial: list[bytes] = []
        for level, tile in edge(size):
            width = (size >> TILE_HEIGHT * level) % TILE_WIDTH
            hashes = (tiles or {}).get((level, tile), b"")[: width * HASH_BYTES]
            if len(hashes) != width * HASH_BYTES:
                raise LookupError(f"tile {tile} of level {level} is not as long as the tree says")
            self._partial.extend([b""] * (level - len(self._partial)) + [hashes])

    def grow(self, leaves: bytes) -> dict[TileId, bytes]:
        """Append hashes of leaves; the tiles that are new or longer now."""
        changed: dict[TileId, bytes] = {}
        size, level, new = self.size, 0, leaves
        while new:
            if level == len(self._partial):
                self._partial.append(b"")
            tile = size >> TILE_HEIGHT * (level + 1)
            hashes = self._partial[level] + new
            full = len(hashes) - len(hashes) % TILE_BYTES
            above = []
            for at in range(0, full, TILE_BYTES):
                changed[level, tile] = hashes[at : at + TILE_BYTES]
                above.append(fold(changed[level, tile]))
                tile += 1
            self._partial[level] = hashes[full:]
            if len(hashes) > full:
                changed[level, tile] = hashes[full:]
            level, new = level + 1, b"".join(above)
        self.size += len(leaves) // HASH_BYTES
        return changed

    def root(self) -> bytes:
        """The hash of the whole tree."""
        found: bytes | None = None
        for partial in self._partial:  # From the right, where the tree is youngest.
            end = len(partial)
            for start in _perfect_starts(end // HASH_BYTES):
                left = fold(partial[start * HASH_BYTES : end])
                end = start * HASH_BYTES
                found = left if found is None else fold(left + found)
        return EMPTY_ROOT if found is None else found


def _perfect_starts(width: int) -> Iterator[int]:
    """Where the perfect subtrees of a width begin, from the right."""
    while width:
        width &= width - 1
        yield width


def edge(size: int) -> Iterator[TileId]:
    """The tiles of a tree that are not full."""
    level = 0
    while size:
        if size % TILE_WIDTH:
            yield level, size >> TILE_HEIGHT
        size >>= TILE_HEIGHT
        level += 1


# --- proofs -------------------------------------------------------------------------------------


def inclusion_path(index: int, size: int) -> list[Range]:
    """What the hashes of an inclusion proof stand for, from the leaf up (RFC 9162, 2.1.3.1)."""
    assert 0 <= index < size, f"no leaf {index} in a tree of {size}"
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_path(first: int, second: int) -> list[Range]:
    """What the hashes of a consistency proof stand for, from the bottom (RFC 9162, 2.1.4.1)."""
    assert 0 < first <= second, f"no proof from {first} to {second}"
    path: list[Range] = []
    start, end, known = 0, second, True
    while first != end:
        middle = start + _left_width(end - start)
        if first <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start, known = middle, False
    if not known:
        path.append(Range(start, end))
    return path[::-1]


def _left_width(width: int) -> int:
    """The largest power of two below a width."""
    return 1 << (width - 1).bit_length() - 1


def tiles_of(ranges: Iterable[Range]) -> set[TileId]:
    """The tiles from which the hashes of some ranges can be worked out."""
    return {
        (height // TILE_HEIGHT, index >> TILE_HEIGHT - height % TILE_HEIGHT)
        for one in ranges
        for height, index in _subtrees(one)
    }


def _subtrees(leaves: Range) -> Iterator[tuple[int, int]]:
    """Height and number of the perfect subtrees of a range, from the left."""
    start, end = leaves
    while start < end:
        height = (end - start).bit_length() - 1
        assert start % (1 << height) == 0, f"{leaves} is no part of a tree"
        yield height, start >> height
        start += 1 << height


class Tiles:
    """Hashes of ranges of leaves, worked out from tiles."""

    def __init__(self, tiles: Mapping[TileId, bytes]) -> None:
        """Take those of `tiles_of`."""
        self._tiles = tiles

    def hash(self, leaves: Range) -> bytes:
        """The hash over a range; LookupError where a tile does not hold it."""
        found: bytes | None = None
        for height, index in reversed(list(_subtrees(leaves))):
            left = self._subtree(height, index)
            found = left if found is None else fold(left + found)
        return EMPTY_ROOT if found is None else found

    def _subtree(self, height: int, index: int) -> bytes:
        level, rest = divmod(height, TILE_HEIGHT)
        first = index << rest
        tile, place = first >> TILE_HEIGHT, first % TILE_WIDTH
        at, size = place * HASH_BYTES, HASH_BYTES << rest
        hashes = self._tiles.get((level, tile), b"")[at : at + size]
        if len(hashes) != size:
            raise LookupError(f"tile {tile} of level {level} is missing or too short")
        return fold(hashes)
