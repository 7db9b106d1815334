"""Definitions as they are after a batch, and the facts it parked and released."""

from typing import Final

from msgspec import Struct, field

from ledger.domain.catalog import canonical
from ledger.domain.conflict import UNKNOWN_ITEM
from ledger.domain.events import (
    ConflictOpened,
    ConflictResolved,
    LocationDefined,
    SkuDefined,
)
from ledger.recorded import Recorded
from projections.batch import Batch

_CONCERNED: Final = frozenset[type]((SkuDefined, LocationDefined, ConflictOpened, ConflictResolved))


class Parked(Struct, gc=False):
    """A fact that waits; the fields are the columns, in order."""

    conflict_id: str
    location: str
    sku: str
    sku_upper: str
    sku_fold: str
    position: int


class Changes(Struct):
    """What a batch makes of the catalog: the last definition of each code, facts in and out."""

    skus: dict[str, Recorded] = field(default_factory=dict)
    locations: dict[str, Recorded] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)


def fold(batch: Batch) -> Changes:
    """The net changes of a batch."""
    changes = Changes()
    for recorded in batch.of(_CONCERNED):
        match recorded.event:
            case SkuDefined(sku=sku):
                changes.skus[sku] = recorded
            case LocationDefined(location=location):
                changes.locations[location] = recorded
            case ConflictOpened(kind=kind) as opened if kind == UNKNOWN_ITEM:
                changes.parked[opened.conflict_id] = _parked(opened, recorded.position)
            case ConflictResolved(kind=kind, conflict_id=key) if kind == UNKNOWN_ITEM:
                if changes.parked.pop(key, None) is None:
                    changes.ended.add(key)
            case _:
                pass  # Conflicts of other kinds are somebody else's.
    return changes


def _parked(event: ConflictOpened, position: int) -> Parked:
    return Parked(
        conflict_id=event.conflict_id,
        location=event.location,
        sku=event.sku,
        sku_upper=canonical(event.sku, "upper"),
        sku_fold=canonical(event.sku, "fold"),
        position=position,
    )
