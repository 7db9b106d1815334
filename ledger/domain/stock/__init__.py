"""One SKU at one location: what its events add up to, and what a change would break."""

from ledger.domain.stock.absorbing import with_absorbed
from ledger.domain.stock.anchors import Anchor, Anchors, anchor_at, next_anchor
from ledger.domain.stock.holds import (
    NEGATIVE_STOCK,
    PROMISE_BROKEN,
    BreakKey,
    Hold,
    OpenConflict,
    break_key,
)
from ledger.domain.stock.shortage import conflicts_after, unbroken_by
from ledger.domain.stock.snapshot import Snapshot, restored, snapshot_of
from ledger.domain.stock.state import Stock

__all__ = [
    "NEGATIVE_STOCK",
    "PROMISE_BROKEN",
    "Anchor",
    "Anchors",
    "BreakKey",
    "Hold",
    "OpenConflict",
    "Snapshot",
    "Stock",
    "anchor_at",
    "break_key",
    "conflicts_after",
    "next_anchor",
    "restored",
    "snapshot_of",
    "unbroken_by",
    "with_absorbed",
]
