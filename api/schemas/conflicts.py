"""Conflicts as people work through them."""

from typing import Final

import msgspec
from msgspec import Struct

from api.schemas.fields import check_text
from api.schemas.reservations import Locations, check_locations
from ledger.domain import commands
from ledger.domain.decisions.resolutions import RE_SOURCE
from ledger.domain.outcomes import ConflictState
from ledger.domain.refusals import Malformed
from ledger.domain.values import Sourcing, Text


class ResolveRequest(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What was done about it, or shall be.

    Where a promise is broken, some words are done in the same commit: `shorten` promises the short
    units no longer, `release` gives up all that is held there, `re_source` with `locations` holds
    the short units at one of those, or with `split` at several. Any other word is kept as it is.
    """

    resolution: Text
    note: Text | None = None
    locations: Locations | None = None
    sourcing: Sourcing | None = None
    split: bool | None = None


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
        conflict_id=conflict_id,
        resolution=request.resolution,
        note=request.note,
        candidates=_candidates(request),
    )


def _candidates(request: ResolveRequest) -> commands.Candidates | None:
    if request.locations is None:
        if request.sourcing is not None or request.split is not None:
            raise Malformed("$.locations", "sourcing and split belong to them")
        return None
    if request.resolution.replace("-", "_") != RE_SOURCE:
        raise Malformed("$.locations", f"only {RE_SOURCE!r} has them")
    check_locations("$.locations", request.locations)
    return commands.Candidates(
        locations=request.locations,
        sourcing=request.sourcing or "in_order",
        split=request.split or False,
    )
