"""Events to transfers and their lines, given those a batch goes on with."""

from typing import Final, TypeAlias, get_args

from msgspec import Struct, field

from ledger.domain.events import (
    AnyTransferEvent,
    TransferCancelled,
    TransferClosed,
    TransferDispatched,
    TransferEvent,
    TransferReceived,
    TransferRequested,
)
from ledger.domain.transfer import Ended, Totals, status_of
from ledger.recorded import Recorded
from projections.batch import Batch


class Transfer(Struct):
    """A transfer as recorded; its lines by SKU, in the order in which they came up."""

    transfer_id: str
    from_location: str
    to_location: str
    ended: Ended | None
    requested_at: int
    requested_position: int
    version: int
    position: int
    lines: dict[str, Totals] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Where it stands."""
        return status_of(self.lines.values(), self.ended)

    def line(self, sku: str) -> Totals:
        """The line of a SKU; an empty one where there is none yet."""
        return self.lines.get(sku, Totals(sku=sku))


Transfers: TypeAlias = dict[str, Transfer]

_CONCERNED: Final = frozenset[type](get_args(AnyTransferEvent))


def concerned(batch: Batch) -> list[Recorded]:
    """The events of a batch that change a transfer."""
    return batch.of(_CONCERNED)


def needed(events: list[Recorded]) -> set[str]:
    """Transfers that the events go on with: all but those they begin."""
    wanted: set[str] = set()
    begun: set[str] = set()
    for recorded in events:
        event = recorded.event
        assert isinstance(event, TransferEvent), f"{recorded.topic} does not concern transfers"
        (begun if isinstance(event, TransferRequested) else wanted).add(event.transfer_id)
    return wanted - begun


def fold(events: list[Recorded], known: Transfers) -> Transfers:
    """The transfers that the events changed, as they are afterwards."""
    changed: Transfers = {}
    for recorded in events:
        event = recorded.event
        assert isinstance(event, TransferEvent), f"{recorded.topic} does not concern transfers"
        if isinstance(event, TransferRequested):
            transfer = known[event.transfer_id] = _requested(recorded, event)
        else:
            transfer = known[event.transfer_id]
            _change(transfer, event)
        transfer.version = recorded.version
        transfer.position = recorded.position
        changed[event.transfer_id] = transfer
    return changed


def _requested(recorded: Recorded, event: TransferRequested) -> Transfer:
    return Transfer(
        transfer_id=event.transfer_id,
        from_location=event.from_location,
        to_location=event.to_location,
        ended=None,
        requested_at=event.occurred_at,
        requested_position=recorded.position,
        version=recorded.version,
        position=recorded.position,
        lines={line.sku: Totals(sku=line.sku, requested=line.quantity) for line in event.lines},
    )


def _change(transfer: Transfer, event: TransferEvent) -> None:
    match event:
        case TransferDispatched():
            for left in event.lines:
                transfer.lines[left.sku] = transfer.line(left.sku).sent(left.quantity)
        case TransferReceived():
            for arrived in event.lines:
                transfer.lines[arrived.sku] = transfer.line(arrived.sku).ended(arrived)
        case TransferCancelled():
            transfer.ended = "cancelled"
        case TransferClosed():
            transfer.ended = "closed"
        case _:
            raise AssertionError(f"{type(event).__name__} is not known to this projection")
