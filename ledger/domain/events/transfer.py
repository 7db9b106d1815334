"""Events of `transfer/<id>`: goods on their way from one location to another.

The stocks at both ends carry the matching changes of their buckets.
"""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event, SkuQuantity
from ledger.domain.values import Code, Id, transfer_stream


class TransferEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one transfer."""

    transfer_id: Id

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return transfer_stream(self.transfer_id)


class ReceivedLine(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What became of units of one SKU at the end of their way, as it was reported."""

    sku: Code
    received: int = 0
    damaged: int = 0
    lost: int = 0
    returned: int = 0

    @property
    def arrived(self) -> int:
        """Units that are no longer on their way, whatever became of them."""
        return self.received + self.damaged + self.lost + self.returned


class TransferRequested(TransferEvent, frozen=True, tag="transfer.requested.v1"):
    """Somebody asked for goods to be moved; nothing is held for it."""

    from_location: Code
    to_location: Code
    lines: tuple[SkuQuantity, ...]


class TransferDispatched(TransferEvent, frozen=True, tag="transfer.dispatched.v1"):
    """Goods left their source, as many as were counted out, whatever had been asked for."""

    lines: tuple[SkuQuantity, ...]


class TransferReceived(TransferEvent, frozen=True, tag="transfer.received.v1"):
    """Goods reached the end of their way, or were found not to."""

    lines: tuple[ReceivedLine, ...]


class TransferCancelled(TransferEvent, frozen=True, tag="transfer.cancelled.v1"):
    """Nothing will be moved, and nothing had been."""


class TransferClosed(TransferEvent, frozen=True, tag="transfer.closed.v1"):
    """All that had left is accounted for, and nothing more is expected."""


AnyTransferEvent: TypeAlias = (
    TransferRequested | TransferDispatched | TransferReceived | TransferCancelled | TransferClosed
)
