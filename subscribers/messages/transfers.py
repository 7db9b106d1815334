"""Messages about goods on their way from one location to another."""

from msgspec import Struct

from subscribers.messages.base import Message, SkuQuantity


class TransferMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one transfer."""

    transfer_id: str


class ReceivedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of units of one SKU at the end of their way, as it was reported."""

    sku: str
    received: int = 0
    damaged: int = 0
    lost: int = 0
    returned: int = 0


class TransferRequested(TransferMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody asked for goods to be moved; nothing is held for it."""

    TYPE = "inventory.transfer.requested.v1"
    from_location: str
    to_location: str
    lines: tuple[SkuQuantity, ...]


class TransferDispatched(TransferMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods left their source."""

    TYPE = "inventory.transfer.dispatched.v1"
    lines: tuple[SkuQuantity, ...]


class TransferReceived(TransferMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Goods reached the end of their way, or were found not to."""

    TYPE = "inventory.transfer.received.v1"
    lines: tuple[ReceivedLine, ...]


class TransferCancelled(TransferMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing will be moved, and nothing had been."""

    TYPE = "inventory.transfer.cancelled.v1"


class TransferClosed(TransferMessage, frozen=True, kw_only=True, omit_defaults=True):
    """All that had left is accounted for."""

    TYPE = "inventory.transfer.closed.v1"
