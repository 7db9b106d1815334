"""A transfer: what was asked for, what left, what became of it, and what is still on its way."""

from collections.abc import Iterable
from typing import Literal, Self, TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import (
    AnyTransferEvent,
    ReceivedLine,
    TransferCancelled,
    TransferClosed,
    TransferDispatched,
    TransferReceived,
    TransferRequested,
)
from ledger.domain.outcomes import TransferLineState
from ledger.domain.values import Instant

Ended: TypeAlias = Literal["cancelled", "closed"]
Status: TypeAlias = Literal[
    "requested",
    "partially_dispatched",
    "dispatched",
    "partially_received",
    "received",
    "cancelled",
    "closed",
]


class Totals(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one SKU in a transfer, as they were reported."""

    sku: str
    requested: int = 0
    dispatched: int = 0
    received: int = 0
    damaged: int = 0
    lost: int = 0
    returned: int = 0

    @property
    def arrived(self) -> int:
        """Units said to have reached the end of their way."""
        return self.received + self.damaged + self.lost + self.returned

    @property
    def in_transit(self) -> int:
        """Units that left and of which nothing more is known."""
        return max(0, self.dispatched - self.arrived)

    @property
    def surplus(self) -> int:
        """Units that arrived although nobody reported their leaving, so far."""
        return max(0, self.arrived - self.dispatched)

    def sent(self, quantity: int) -> Self:
        """After more units left."""
        return msgspec.structs.replace(self, dispatched=self.dispatched + quantity)

    def ended(self, line: ReceivedLine) -> Self:
        """After more units reached the end of their way."""
        return msgspec.structs.replace(
            self,
            received=self.received + line.received,
            damaged=self.damaged + line.damaged,
            lost=self.lost + line.lost,
            returned=self.returned + line.returned,
        )

    def state(self) -> TransferLineState:
        """As an answer shows it: dispatched = received + damaged + lost + returned + in_transit.

        The surplus stands beside that equation, so it is not counted again as what was received,
        nor, where more is surplus than was received, as what was damaged, lost or returned.
        """
        left = self.surplus
        shown: dict[str, int] = {}
        for name in ("received", "damaged", "lost", "returned"):
            reported: int = getattr(self, name)
            shown[name] = reported - min(reported, left)
            left -= min(reported, left)
        return TransferLineState(
            sku=self.sku,
            requested=self.requested,
            dispatched=self.dispatched,
            surplus=self.surplus,
            in_transit=self.in_transit,
            **shown,
        )


class Line(Totals, frozen=True, kw_only=True, gc=False):
    """One line of a transfer, with when its units arrived: business time and units, in order."""

    arrivals: tuple[tuple[Instant, int], ...] = ()

    def arrived_at(self, at: Instant, line: ReceivedLine) -> Self:
        """After more units reached the end of their way at a business time."""
        arrivals = dict(self.arrivals)
        arrivals[at] = arrivals.get(at, 0) + line.arrived
        return msgspec.structs.replace(self.ended(line), arrivals=tuple(sorted(arrivals.items())))

    def surpluses(self) -> dict[Instant, int]:
        """How much of the surplus arrived when: what left covers the earliest arrivals first.

        A function of what happened, not of the order in which it was reported.
        """
        left = self.dispatched
        found: dict[Instant, int] = {}
        for at, quantity in self.arrivals:
            covered = min(quantity, left)
            left -= covered
            if covered < quantity:
                found[at] = quantity - covered
        return found


class Transfer(Struct, frozen=True, kw_only=True, gc=False):
    """A transfer after its last event."""

    transfer_id: str
    requested: TransferRequested  # As it was asked for, to recognise the same request again.
    lines: tuple[Line, ...]
    ended: Ended | None = None

    @property
    def status(self) -> Status:
        """Where it stands."""
        return status_of(self.lines, self.ended)

    @property
    def in_transit(self) -> int:
        """Units on their way, over all lines."""
        return sum(line.in_transit for line in self.lines)

    def line(self, sku: str) -> Line:
        """The line of a SKU; an empty one where the transfer has none."""
        for line in self.lines:
            if line.sku == sku:
                return line
        return Line(sku=sku)


def status_of(lines: Iterable[Totals], ended: Ended | None) -> Status:
    """Where a transfer with these lines stands."""
    if ended is not None:
        return ended
    left = arrived = under_way = False
    whole = True
    for line in lines:
        left = left or line.dispatched > 0
        arrived = arrived or line.arrived > 0
        under_way = under_way or line.in_transit > 0
        whole = whole and line.dispatched >= line.requested
    if arrived:
        return "received" if whole and not under_way else "partially_received"
    if left:
        return "dispatched" if whole else "partially_dispatched"
    return "requested"


def evolve(transfer: Transfer | None, event: AnyTransferEvent) -> Transfer:
    """The transfer after one more event of its stream."""
    if isinstance(event, TransferRequested):
        assert transfer is None, "a transfer is requested once"
        lines = tuple([Line(sku=line.sku, requested=line.quantity) for line in event.lines])
        return Transfer(transfer_id=event.transfer_id, requested=event, lines=lines)
    assert transfer is not None, "a transfer's first event requests it"
    match event:
        case TransferDispatched():
            sent = [transfer.line(line.sku).sent(line.quantity) for line in event.lines]
            return _with(transfer, sent)
        case TransferReceived():
            at = event.occurred_at
            return _with(
                transfer, [transfer.line(line.sku).arrived_at(at, line) for line in event.lines]
            )
        case TransferCancelled():
            return msgspec.structs.replace(transfer, ended="cancelled")
        case TransferClosed():
            return msgspec.structs.replace(transfer, ended="closed")


def _with(transfer: Transfer, changed: Iterable[Line]) -> Transfer:
    lines = {line.sku: line for line in transfer.lines}
    lines.update((line.sku, line) for line in changed)
    return msgspec.structs.replace(transfer, lines=tuple(lines.values()))
