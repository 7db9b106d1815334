"""One recorded movement that others refer to: what it was, and what is left of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple, assert_never

from msgspec import Struct

from ledger.domain.events import (
    AnyMovementEvent,
    Event,
    HoldFulfilled,
    MovementCancelled,
    MovementCorrected,
    MovementUnvoided,
    MovementVoided,
    SaleVoided,
    StockAdjusted,
    StockCorrected,
    StockCountCancelled,
    StockCounted,
    StockEvent,
    StockMoved,
    StockOpened,
    StockReceived,
    StockReturned,
    StockScrapped,
    StockSold,
    postings,
)
from ledger.domain.values import Bucket, Instant, StockId

_KINDS: Final[dict[type, str]] = {
    StockOpened: "opening",
    StockReceived: "receive",
    StockSold: "sale",
    HoldFulfilled: "sale",
    SaleVoided: "sale_void",
    StockReturned: "return",
    StockAdjusted: "adjust",
    StockMoved: "move",
    StockScrapped: "scrap",
    StockCounted: "count",
    StockCorrected: "correction",
    StockCountCancelled: "correction",
}
"""What a movement is called that begins with an event of a kind."""


class Origin(NamedTuple):
    """A recorded movement that another one may refer to: what went, from where to where, when.

    `quantity` is signed for an adjustment; for a count it is the counted number, and
    `to_bucket` the counted one.
    """

    stock_id: StockId
    kind: str  # The movement's type, as the caller wrote it; a correct or cancel: `correction`.
    quantity: int
    occurred_at: Instant
    from_bucket: Bucket
    to_bucket: Bucket
    of: str | None = None  # Of a void: the sale.
    order: str | None = None


def origin_of(events: Sequence[Event], movement_id: str) -> Origin | None:
    """What a movement was, by the events it came to, in their order; nothing where it was none."""
    about = [event for event in events if isinstance(event, StockEvent) and type(event) in _KINDS]
    # A count that replaces another one begins with the end of that one.
    first = next((event for event in about if _names(event, movement_id)), None)
    first = first or next(iter(about), None)
    if first is None:
        return None
    kind = _KINDS[type(first)]
    if isinstance(first, StockCounted) and first.count_id != movement_id:
        kind = "correction"
    (_, source, _), (_, target, quantity) = postings(first)
    if kind == "sale":  # Of one with a hold, a part may have been beyond it.
        quantity = sum(-postings(event)[0][2] for event in about if _KINDS[type(event)] == kind)
    return Origin(
        stock_id=first.stock_id,
        kind=kind,
        quantity=first.counted if isinstance(first, StockCounted) else quantity,
        occurred_at=first.occurred_at,
        from_bucket=source,
        to_bucket=target,
        of=getattr(first, "of", None),
        order=getattr(first, "order", None),
    )


def _names(event: StockEvent, movement_id: str) -> bool:
    return isinstance(event, StockCounted) and event.count_id == movement_id


class MovementState(Struct, frozen=True, kw_only=True):
    """What became of a recorded movement."""

    recorded: int  # What it came to in all, corrections included.
    voided: int = 0
    cancelled: bool = False

    @property
    def left(self) -> int:
        """What of it counts."""
        return 0 if self.cancelled else self.recorded - self.voided

    @property
    def status(self) -> str:
        """In a word, for refusals."""
        if self.cancelled:
            return "cancelled"
        if self.voided == 0:
            return "recorded"
        return "partly voided" if self.left else "voided"


def evolve(state: MovementState | None, event: AnyMovementEvent) -> MovementState:
    """A movement after one more event of its stream."""
    voided = 0 if state is None else state.voided
    match event:
        case MovementVoided():
            return MovementState(recorded=event.recorded, voided=voided + event.quantity)
        case MovementUnvoided():
            return MovementState(recorded=event.recorded, voided=voided - event.quantity)
        case MovementCorrected():
            return MovementState(recorded=event.quantity, voided=voided)
        case MovementCancelled():
            return MovementState(recorded=event.recorded, voided=voided, cancelled=True)
        case _:
            assert_never(event)
