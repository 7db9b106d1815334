"""What a row says about itself, and what it must have in common with the row before it.

Nothing here needs more of the past than that one row: a range of the log can be checked alone.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches, Place
from ledger.domain.values import (
    count_stream,
    order_stream,
    reconciliation_stream,
    reservation_stream,
    return_stream,
    stock_stream,
    stream_id,
    transfer_stream,
)
from projections.audit import (
    periods,
    wire,
    wire_base,
    wire_catalog,
    wire_channels,
    wire_count_documents,
    wire_counts,
    wire_periods,
    wire_reconciliations,
    wire_returns,
    wire_transfers,
)
from projections.audit.row import Row

DIGEST_BYTES: Final = 16


class Envelope:
    """Takes rows in ledger order; what it finds goes to `found`.

    `commands` are those whose receipts are due: by digest, with the last position of each. Who
    asks for the receipts empties it.
    """

    def __init__(self, found: Callable[[Breaches], None], after: Place = laws.START) -> None:
        """Begin after a row that somebody else has looked at, by default before the first."""
        self._found = found
        self.position, self.instant = after.position, after.instant
        self.recorded_at, self._command = after.recorded_at, after.command
        self.commands: dict[bytes, int] = {}
        self._actor, _, self._command_id = after.command.partition("\0")
        self._digest = _digest(after.command)

    @property
    def place(self) -> Place:
        """Where and when the last row stands."""
        return Place(self.position, self.instant, self.recorded_at, self._command)

    def take(self, row: Row, meta: wire_base.Meta, event: wire.AnyEvent) -> None:
        """Judge one row by itself and by its neighbour."""
        position, stream, _, topic, _, recorded_at = row
        instant = meta.instant
        # Nearly every row follows its neighbour plainly; the law is asked about the others.
        if (
            position == self.position + 1
            and instant > self.instant
            and recorded_at >= self.recorded_at
            and recorded_at >= instant
        ):
            if meta.command_id != self._command_id or meta.actor != self._actor:
                self._note_command(meta)
        else:
            before = self.place
            self._note_command(meta)
            this = Place(position, instant, recorded_at, self._command)
            self._found(laws.log_is_in_order(before, this))
        self.position, self.instant, self.recorded_at = position, instant, recorded_at
        if not (meta.actor and meta.source and meta.reason and meta.correlation_id):
            self._unnamed(meta)
        if event.occurred_at > instant:
            happened = event.occurred_at
            self._found(
                laws.nothing_from_the_future(position, occurred_at=happened, instant=instant)
            )
        if wire.TOPICS[type(event)] != topic:
            self._found([Breach(17, position, f"a body of another kind stands as {topic!r}")])
        own = _NAME_OF[type(event)](event)
        if own != stream:
            self._found([Breach(17, position, f"its body belongs to {own!r}")])
        self._note_receipts(meta)

    def skip(self, row: Row) -> None:
        """A row that cannot be read has its place all the same."""
        self.position, self.recorded_at = row.position, row.recorded_at

    def _note_command(self, meta: wire_base.Meta) -> None:
        self._actor, self._command_id = meta.actor, meta.command_id
        self._command = f"{meta.actor}\0{meta.command_id}"
        self._digest = _digest(self._command)

    def _note_receipts(self, meta: wire_base.Meta) -> None:
        """The receipts that are due: the command's, and a movement's under its own id."""
        self.commands[self._digest] = self.position
        own = meta.movement_id
        if own is None or meta.owner is not None or own == self._command_id:
            return
        if not own.startswith(self._command_id + "/"):
            self.commands[_digest(f"{meta.actor}\0{own}")] = self.position

    def _unnamed(self, meta: wire_base.Meta) -> None:
        self._found(
            laws.provenance_is_named(
                self.position,
                actor=meta.actor,
                source=meta.source,
                reason=meta.reason,
                correlation_id=meta.correlation_id,
            )
        )


def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=DIGEST_BYTES).digest()


_NAMES: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (wire_base.Stock, lambda event: stock_stream(event.location, event.sku)),
    (wire.Reservation, lambda event: reservation_stream(event.reservation_id)),
    (wire.Conflict, lambda event: stream_id("conflict", event.conflict_id)),
    (wire_returns.Return, lambda event: return_stream(event.return_id)),
    (wire_returns.Order, lambda event: order_stream(event.order)),
    (wire_count_documents.Document, lambda event: count_stream(event.count_id)),
    (wire_transfers.Transfer, lambda event: transfer_stream(event.transfer_id)),
    (wire_counts.Movement, lambda event: stream_id("movement", event.owner, event.movement_id)),
    (
        wire_reconciliations.Document,
        lambda event: reconciliation_stream(event.reconciliation_id),
    ),
    (wire_periods.AnyPeriod, periods.stream_of),
    (wire_catalog.SkuDefined, lambda event: stream_id("sku", event.sku)),
    (wire_catalog.LocationDefined, lambda event: stream_id("location", event.location)),
    (wire_channels.OfChannel, lambda event: stream_id("channel", event.channel)),
)

_NAME_OF: Final[dict[type, Callable[[Any], str]]] = {
    kind: name for kind in wire.TOPICS for parent, name in _NAMES if issubclass(kind, parent)
}
"""The stream an event says it belongs to."""
