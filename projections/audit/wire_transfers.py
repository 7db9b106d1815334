"""What the auditor reads of transfers: in the streams of both stocks, and in the transfer's own."""

from typing import TypeAlias

from msgspec import Struct

from projections.audit.wire_base import Stock


class OfTransfer(Stock, gc=False, kw_only=True):
    """What a stock says of a transfer it is an end of."""

    transfer_id: str

    def ends(self) -> tuple[str, str]:
        """Where the goods come from, where they go."""
        raise NotImplementedError

    def on_the_way(self) -> int:
        """How many more units are on their way; fewer: negative."""
        raise NotImplementedError


class Dispatched(OfTransfer, gc=False, kw_only=True, tag="stock.dispatched.v1"):
    """Units left for another location."""

    to_location: str
    quantity: int

    def ends(self) -> tuple[str, str]:
        """From this stock's location."""
        return self.location, self.to_location

    def on_the_way(self) -> int:
        """All that left."""
        return self.quantity

    def moved(self) -> tuple[str, str, int]:
        """Out of what may be sold."""
        return "sellable", "transit", self.quantity


class TransferArrived(OfTransfer, gc=False, kw_only=True, tag="stock.transfer_received.v1"):
    """Units arrived, in one condition or another, or did not."""

    from_location: str
    received: int = 0
    damaged: int = 0
    lost: int = 0

    def ends(self) -> tuple[str, str]:
        """To this stock's location."""
        return self.from_location, self.location

    def on_the_way(self) -> int:
        """None of them is, any more."""
        return -(self.received + self.damaged + self.lost)

    def moves(self) -> tuple[tuple[str, str, int], ...]:
        """Into a bucket for each condition; what was lost never reached a shelf."""
        into = (("sellable", self.received), ("damaged", self.damaged))
        return tuple(("transit", bucket, units) for bucket, units in into if units)

    def accounts(self) -> tuple[tuple[str, str, int], ...]:
        """What was lost went from the way to the scrap."""
        return (*self.moves(), *([("transit", "scrap", self.lost)] if self.lost else []))


class TransferReturned(OfTransfer, gc=False, kw_only=True, tag="stock.transfer_returned.v1"):
    """Units came back to where they had left from."""

    to_location: str
    quantity: int

    def ends(self) -> tuple[str, str]:
        """From this stock's location."""
        return self.location, self.to_location

    def on_the_way(self) -> int:
        """None of them is, any more."""
        return -self.quantity

    def moved(self) -> tuple[str, str, int]:
        """Back, to be looked at."""
        return "transit", "quarantine", self.quantity


class TransferSurplus(OfTransfer, gc=False, kw_only=True, tag="stock.transfer_surplus.v1"):
    """Units arrived that nobody had reported to leave; fewer than was said: negative."""

    from_location: str
    delta: int

    def ends(self) -> tuple[str, str]:
        """To this stock's location."""
        return self.from_location, self.location

    def on_the_way(self) -> int:
        """What is surplus was not taken from those on their way."""
        return self.delta

    def accounts(self) -> tuple[tuple[str, str, int], ...]:
        """Nobody knows where it came from; it was on the way."""
        return (("variance", "transit", self.delta),)


class Transfer(Struct, gc=False, kw_only=True):
    """What all events of one transfer have."""

    transfer_id: str
    occurred_at: int


class Units(Struct, gc=False):
    """Units of one SKU."""

    sku: str
    quantity: int


class ArrivedUnits(Struct, gc=False):
    """Units of one SKU by what became of them."""

    sku: str
    received: int = 0
    damaged: int = 0
    lost: int = 0
    returned: int = 0


class TransferRequested(Transfer, gc=False, kw_only=True, tag="transfer.requested.v1"):
    """Goods shall be moved."""

    from_location: str
    to_location: str
    lines: tuple[Units, ...]


class TransferDispatched(Transfer, gc=False, kw_only=True, tag="transfer.dispatched.v1"):
    """Goods left."""

    lines: tuple[Units, ...]


class TransferReceived(Transfer, gc=False, kw_only=True, tag="transfer.received.v1"):
    """Goods arrived, or did not."""

    lines: tuple[ArrivedUnits, ...]


class TransferCancelled(Transfer, gc=False, tag="transfer.cancelled.v1"):
    """Nothing is moved."""


class TransferClosed(Transfer, gc=False, tag="transfer.closed.v1"):
    """Nothing more is expected."""


AnyOfTransfer: TypeAlias = Dispatched | TransferArrived | TransferReturned | TransferSurplus
AnyTransfer: TypeAlias = (
    TransferRequested | TransferDispatched | TransferReceived | TransferCancelled | TransferClosed
)
