"""A stock's state as plain values: what is saved now and then, so that reading stays short."""

from msgspec import Struct

from ledger.domain.stock.anchors import Anchors
from ledger.domain.stock.fences import Fences, FencesSnapshot
from ledger.domain.stock.holds import Hold, OpenConflict
from ledger.domain.stock.state import Stock
from ledger.domain.values import Instant, StockId


class Snapshot(Struct, frozen=True):
    """A stock's state as plain values, to start from instead of from its first event."""

    location: str
    sku: str
    effective_at: Instant
    levels: dict[str, int]
    holds: dict[str, Hold]
    conflicts: list[tuple[str, str, OpenConflict]]
    anchors: dict[str, Anchors]
    fences: FencesSnapshot | None


def snapshot_of(stock: Stock) -> Snapshot:
    """The state as plain values; holds that ran out unwritten count as held, as recorded."""
    return Snapshot(
        location=stock.stock_id.location,
        sku=stock.stock_id.sku,
        effective_at=stock.effective_at,
        levels=dict(stock.levels),
        holds={**stock.lapsed, **stock.holds},
        conflicts=[(*key, conflict) for key, conflict in stock.conflicts.items()],
        anchors=dict(stock.anchors),
        fences=None if stock.fences is None else stock.fences.snapshot(),
    )


def restored(snapshot: Snapshot, version: int) -> Stock:
    """A stock as it was when a snapshot was taken at a version."""
    stock = Stock(StockId(snapshot.location, snapshot.sku))
    stock.version = version
    stock.effective_at = snapshot.effective_at
    stock.levels.update(snapshot.levels)
    for reservation_id, hold in snapshot.holds.items():
        stock.set_hold(reservation_id, hold)
    for kind, holder, conflict in snapshot.conflicts:
        stock.set_conflict((kind, holder), conflict)
    for bucket, anchors in snapshot.anchors.items():
        stock.set_anchors(bucket, anchors)
    if snapshot.fences is not None:
        stock.fences = Fences.restored(snapshot.fences)
    return stock
