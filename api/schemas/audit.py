"""Evidence in HTTP words. Hashes are base64, as in a checkpoint's note."""

from base64 import b64encode
from typing import Annotated, Self, TypeAlias

from msgspec import Meta, Struct, field

from api.schemas.questions import Position
from projections.proof.answers import Consistency, Inclusion

Hash: TypeAlias = Annotated[str, Meta(pattern=r"\A(?:[A-Za-z0-9+/]{43}=)\Z")]
"""SHA-256, standard base64."""

Size: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class CheckpointQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which checkpoint: of exactly a size, the first that attests a position, or the latest."""

    size: Position | None = None
    position: Size | None = None
    min_position: Position = 0


class KeysQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All keys; never to be answered from before a position."""

    min_position: Position = 0


class InclusionQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof of which event, in the tree of which checkpoint; by default the latest."""

    position: Size
    size: Size | None = None
    min_position: Position = 0


class ConsistencyQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Between the trees of which sizes; by default up to the latest checkpoint's."""

    first: Size = field(name="from")
    second: Size | None = field(default=None, name="to")
    min_position: Position = 0


class InclusionAnswer(Struct, kw_only=True):
    """Hash `leaf`, then go up `audit_path` (RFC 9162, 2.1.3.2): it ends at the checkpoint's root.

    `leaf` is made of the row as it stands now; null where there is none any more.
    """

    position: Position
    index: Position
    leaf: str | None
    leaf_hash: Hash
    tree_size: Position
    audit_path: list[Hash]
    checkpoint: str

    @classmethod
    def of(cls, found: Inclusion) -> Self:
        """What the tree answered."""
        return cls(
            position=found.position,
            index=found.position - 1,
            leaf=found.leaf,
            leaf_hash=_text(found.leaf_hash),
            tree_size=found.checkpoint.size,
            audit_path=[_text(one) for one in found.path],
            checkpoint=found.checkpoint.note,
        )


class ConsistencyAnswer(Struct, kw_only=True):
    """That the second tree continues the first (RFC 9162, 2.1.4.2)."""

    first: Position = field(name="from")
    second: Position = field(name="to")
    first_root: Hash = field(name="from_root")
    second_root: Hash = field(name="to_root")
    consistency_path: list[Hash]

    @classmethod
    def of(cls, found: Consistency) -> Self:
        """What the tree answered."""
        return cls(
            first=found.first,
            second=found.second,
            first_root=_text(found.first_root),
            second_root=_text(found.second_root),
            consistency_path=[_text(one) for one in found.path],
        )


def _text(digest: bytes) -> str:
    return b64encode(digest).decode()
