"""Conflicts as people work through them."""

from typing import Final

import msgspec
from msgspec import Struct

from api.schemas.fields import check_text
from ledger.domain import commands
from ledger.domain.outcomes import ConflictState
from ledger.domain.values import Text


class ResolveRequest(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What was done about it."""

    resolution: Text
    note: Text | None = None


class ResolvedAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """The conflict right after it was resolved."""

    conflict_id: str
    kind: str
    status: str
    resolution: str | None
    note: str | None
    position: int

    @classmethod
    def of(cls, state: ConflictState) -> "ResolvedAnswer":
        """The public form of what the ledger answered."""
        return cls(
            conflict_id=state.conflict_id,
            kind=state.kind,
            status=state.status,
            resolution=state.resolution,
            note=state.note,
            position=state.position,
        )


RESOLVE: Final = msgspec.json.Decoder(ResolveRequest)


def resolve_of(conflict_id: str, request: ResolveRequest) -> commands.ResolveConflict:
    """The command. Raises Malformed."""
    check_text("$.resolution", request.resolution)
    check_text("$.note", request.note)
    return commands.ResolveConflict(
        conflict_id=conflict_id, resolution=request.resolution, note=request.note
    )
