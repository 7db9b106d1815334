"""What the tree answers."""

from msgspec import Struct


class Checkpoint(Struct, frozen=True):
    """A signed note about the tree of a size."""

    size: int
    root: bytes
    note: str


class Inclusion(Struct, frozen=True, kw_only=True):
    """The way from a leaf to the root of a checkpoint's tree.

    `leaf` is the row as it stands now, None where there is none; `leaf_hash` is what was attested.
    """

    position: int
    leaf: str | None
    leaf_hash: bytes
    path: list[bytes]
    checkpoint: Checkpoint


class Consistency(Struct, frozen=True, kw_only=True):
    """That a tree continues another: both roots, and the hashes that lead from one to the other."""

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    path: list[bytes]
