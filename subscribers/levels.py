"""PURE: the present state of one stock, folded event by event, and the message that tells it."""

from dataclasses import dataclass, field
from typing import Final

from ledger.domain.events import StockEvent, held_delta, postings
from ledger.domain.values import PHYSICAL_BUCKETS, Instant, StockId, encode_part
from ledger.recorded import Recorded
from subscribers import messages
from subscribers.translate import SHARD, SOURCE, Outgoing, rfc3339, trace_of

_BUCKETS: Final = frozenset(PHYSICAL_BUCKETS)


class VersionGap(Exception):
    """An event does not follow the state it is applied to: something in between is missing."""


@dataclass(slots=True)
class Level:
    """One stock after the last event it reflects. A fresh one reflects nothing: version 0."""

    stock_id: StockId
    version: int = 0
    position: int = 0
    effective_at: Instant = 0
    reserved: int = 0
    buckets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PHYSICAL_BUCKETS, 0))
    correlation_id: str = ""
    command_id: str = ""
    recorded_at: Instant = 0

    def apply(self, recorded: Recorded) -> bool:
        """Fold one event of this stock; false where the state already reflects it."""
        if recorded.version <= self.version:
            return False
        if recorded.version != self.version + 1:
            raise VersionGap(f"{recorded.stream}: {self.version} then {recorded.version}")
        event = recorded.event
        assert isinstance(event, StockEvent), recorded.topic
        for _, bucket, delta in postings(event):
            if bucket in _BUCKETS:
                self.buckets[bucket] += delta
        self.reserved += held_delta(event)
        self.version, self.position = recorded.version, recorded.position
        self.effective_at = event.effective_at
        self.correlation_id = recorded.meta.correlation_id
        self.command_id = recorded.meta.command_id
        self.recorded_at = recorded.recorded_at
        return True


def stock_subject(stock_id: StockId) -> str:
    """Where the last state of a stock is told."""
    return f"inventory.stock.{encode_part(stock_id.location)}.{encode_part(stock_id.sku)}"


def state_message(level: Level, generation: int) -> Outgoing:
    """The last-value message of one stock."""
    buckets, effective_at = level.buckets, rfc3339(level.effective_at)
    message_id = f"{generation}:{SHARD}:{level.position}"
    envelope = messages.CloudEvent(
        "1.0",
        message_id,
        f"{SOURCE}/stock",
        messages.StockState.TYPE,
        level.stock_id.stream,
        effective_at,
        "application/json",
        level.position,
        level.version,
        rfc3339(level.recorded_at),
        level.correlation_id,
        level.command_id,
        0,
        messages.StockState(
            location=level.stock_id.location,
            sku=level.stock_id.sku,
            on_hand=sum(buckets.values()),
            **buckets,
            reserved=level.reserved,
            available=buckets["sellable"] - level.reserved,
            position=level.position,
            version=level.version,
            effective_at=effective_at,
        ),
    )
    return Outgoing(
        stock_subject(level.stock_id),
        message_id,
        messages.encode(envelope),
        trace_of(level.correlation_id, level.position),
    )


def read_state(state: messages.StockState, effective_at: Instant) -> Level:
    """The level a last-value message told, to go on from."""
    return Level(
        StockId(state.location, state.sku),
        state.version,
        state.position,
        effective_at,
        state.reserved,
        {bucket: int(getattr(state, bucket)) for bucket in PHYSICAL_BUCKETS},
    )
