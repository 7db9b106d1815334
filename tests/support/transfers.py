"""Commands of transfers in one line each: mugs from Amsterdam to New York unless said otherwise."""

from ledger.domain import commands as c
from ledger.domain.events import ReceivedLine, SkuQuantity
from ledger.domain.values import Instant
from tests.support.builders import PLACE, SKU

END = "nyc-2"


def request(
    transfer_id: str, *lines: SkuQuantity, source: str = PLACE, to: str = END
) -> c.RequestTransfer:
    """Goods to be moved from one location to another."""
    return c.RequestTransfer(
        transfer_id=transfer_id, from_location=source, to_location=to, lines=lines
    )


def of_sku(quantity: int, sku: str = SKU) -> SkuQuantity:
    """Units of one SKU, wherever."""
    return SkuQuantity(sku=sku, quantity=quantity)


def dispatch(
    transfer_id: str, *lines: SkuQuantity, occurred_at: Instant | None = None
) -> c.DispatchTransfer:
    """Goods left: those named, or all that were asked for."""
    return c.DispatchTransfer(transfer_id=transfer_id, lines=lines or None, occurred_at=occurred_at)


def arrived(received: int = 0, sku: str = SKU, **more: int) -> ReceivedLine:
    """What became of units of one SKU: received, damaged, lost, returned."""
    return ReceivedLine(sku=sku, received=received, **more)


def receive(
    transfer_id: str, *lines: ReceivedLine, occurred_at: Instant | None = None
) -> c.ReceiveTransfer:
    """Goods arrived: those named, or all that were on their way."""
    return c.ReceiveTransfer(transfer_id=transfer_id, lines=lines or None, occurred_at=occurred_at)


def cancel(transfer_id: str) -> c.CancelTransfer:
    """Nothing shall be moved."""
    return c.CancelTransfer(transfer_id=transfer_id)


def close(transfer_id: str) -> c.CloseTransfer:
    """Nothing more is expected."""
    return c.CloseTransfer(transfer_id=transfer_id)
