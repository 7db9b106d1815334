"""What standing counts make of facts that come in late: the past changes, never what was seen."""

from collections.abc import Sequence

from ledger.domain.events import (
    AnyStockEvent,
    StockAbsorbed,
    StockCountCancelled,
    StockCounted,
    postings,
)
from ledger.domain.stock.anchors import Anchor, Anchors, cancelled, counted, next_anchor
from ledger.domain.stock.state import Stock


def with_absorbed(stock: Stock, events: Sequence[AnyStockEvent]) -> list[AnyStockEvent]:
    """Events to be recorded one after the other, each followed by what counts absorb of it.

    Of every bucket that an event changes, the first count at or after its time takes the
    opposite change; a count has seen what happened at its very moment.
    """
    standing = dict(stock.anchors)
    recorded: list[AnyStockEvent] = []
    for event in events:
        recorded.append(event)
        version = stock.version + len(recorded)
        if isinstance(event, StockCountCancelled):
            standing[event.bucket] = cancelled(
                standing[event.bucket], event.occurred_at, event.anchor
            )
        recorded += _absorbed(event, standing)
        if isinstance(event, StockCounted):
            anchor = Anchor(event.occurred_at, version, event.counted, event.delta, event.count_id)
            standing[event.bucket] = counted(standing.get(event.bucket, ()), anchor)
    return recorded


def _absorbed(event: AnyStockEvent, standing: dict[str, Anchors]) -> list[StockAbsorbed]:
    found: list[StockAbsorbed] = []
    for _, bucket, delta in postings(event):
        anchor = next_anchor(standing.get(bucket, ()), event.occurred_at)
        if anchor is not None and delta:
            found.append(
                StockAbsorbed(
                    occurred_at=anchor.at,
                    effective_at=event.effective_at,
                    location=event.location,
                    sku=event.sku,
                    bucket=bucket,  # type: ignore[arg-type]  # Only physical ones are counted.
                    delta=-delta,
                    anchor=anchor.version,
                )
            )
    return found
