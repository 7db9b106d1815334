"""Events of `return/<id>`: goods a customer sends back, from the authorisation to the close."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event, SkuQuantity
from ledger.domain.values import Code, Disposition, Id, Text, return_stream


class ReturnEvent(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A change of one return. Where units move, their stocks' streams carry the movement."""

    return_id: Id

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return return_stream(self.return_id)


class ReturnAuthorised(ReturnEvent, frozen=True, tag="return.authorised.v1"):
    """A customer may send goods back. Nothing has moved yet."""

    lines: tuple[SkuQuantity, ...]
    order: Text | None = None  # None: a blind return, nobody knows what was sold.


class ReturnReceived(ReturnEvent, frozen=True, tag="return.received.v1"):
    """Goods arrived at a location, in its bucket `returned`; authorised or not."""

    location: Code
    lines: tuple[SkuQuantity, ...]


class GradedLine(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one SKU that were looked at, and what was found."""

    sku: Code
    quantity: int
    grade: Code


class ReturnInspected(ReturnEvent, frozen=True, tag="return.inspected.v1"):
    """Received goods were looked at. Nothing moves."""

    lines: tuple[GradedLine, ...]


class DispositionedLine(Struct, frozen=True, kw_only=True, gc=False):
    """Units of one SKU and what becomes of them.

    `location` is where they lay in `returned`; without one they were never received.
    """

    sku: Code
    quantity: int
    disposition: Disposition
    location: Code | None = None


class ReturnDispositioned(ReturnEvent, frozen=True, tag="return.dispositioned.v1"):
    """It was decided what becomes of some units."""

    lines: tuple[DispositionedLine, ...]


class ReturnClosed(ReturnEvent, frozen=True, tag="return.closed.v1"):
    """Nothing of it is left to decide, and nothing more is expected."""


AnyReturnEvent: TypeAlias = (
    ReturnAuthorised | ReturnReceived | ReturnInspected | ReturnDispositioned | ReturnClosed
)
