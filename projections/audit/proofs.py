"""Proofs as the API hands them out, checked by the book (RFC 9162, 2.1.3.2 and 2.1.4.2)."""

from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from projections.audit.leaves import pair_hash

Hash: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{43}=\Z")]
Size: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class BadProof(ValueError):
    """A file does not hold a proof."""


class Inclusion(Struct, frozen=True):
    """That a position is in the tree of a checkpoint."""

    position: Size
    leaf_hash: Hash
    tree_size: Size
    audit_path: list[Hash]
    checkpoint: str

    def leads_to(self) -> bytes | None:
        """The root that its hashes come to, None where they come to none."""
        number, last = self.position - 1, self.tree_size - 1
        node = b64decode(self.leaf_hash)
        if number > last:
            return None
        for one in map(b64decode, self.audit_path):
            if last == 0:
                return None
            if number & 1 or number == last:
                node = pair_hash(one, node)
                while not number & 1 and number:
                    number, last = number >> 1, last >> 1
            else:
                node = pair_hash(node, one)
            number, last = number >> 1, last >> 1
        return node if last == 0 else None


class Consistency(Struct, frozen=True):
    """That the tree of one size continues the tree of another."""

    first: Size = field(name="from")
    second: Size = field(name="to")
    first_root: Hash = field(name="from_root")
    second_root: Hash = field(name="to_root")
    consistency_path: list[Hash]

    def holds(self) -> bool:
        """Whether its hashes lead from the one root to the other."""
        older, newer = b64decode(self.first_root), b64decode(self.second_root)
        path = list(map(b64decode, self.consistency_path))
        if self.first >= self.second:
            return self.first == self.second and not path and older == newer
        if self.first & (self.first - 1) == 0:  # A perfect tree: its root need not be told.
            path.insert(0, older)
        return bool(path) and self._roots(path) == (older, newer)

    def _roots(self, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
        number, last = self.first - 1, self.second - 1
        while number & 1:
            number, last = number >> 1, last >> 1
        older = newer = path[0]
        for one in path[1:]:
            if last == 0:
                return None
            if number & 1 or number == last:
                older, newer = pair_hash(one, older), pair_hash(one, newer)
                while not number & 1 and number:
                    number, last = number >> 1, last >> 1
            else:
                newer = pair_hash(newer, one)
            number, last = number >> 1, last >> 1
        return (older, newer) if last == 0 else None


Proof: TypeAlias = Inclusion | Consistency


def read(path: Path) -> Proof:
    """The proof in a file, as the API answered it; raises BadProof."""
    try:
        fields = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
        if "audit_path" in fields:
            return msgspec.json.decode(path.read_bytes(), type=Inclusion)
        return msgspec.json.decode(path.read_bytes(), type=Consistency)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadProof(f"{path} does not hold a proof: {error}") from error
