"""Intents about documents: transfers, returns, counts."""

from typing import TypeAlias

from msgspec import Struct

from ledger.domain.commands.base import Command
from ledger.domain.events import DispositionedLine, GradedLine, ReceivedLine, SkuQuantity
from ledger.domain.values import Code, CountKind, Id, Instant, PhysicalBucket, Text


class RequestTransfer(Command, frozen=True, tag="request_transfer"):
    """Ask for goods to be moved from one location to another; nothing is held for it."""

    transfer_id: Id
    from_location: Code
    to_location: Code
    lines: tuple[SkuQuantity, ...]


class DispatchTransfer(Command, frozen=True, tag="dispatch_transfer"):
    """A fact: goods left. Without lines, all that was asked for and had not left yet."""

    transfer_id: Id
    lines: tuple[SkuQuantity, ...] | None = None
    occurred_at: Instant | None = None


class ReceiveTransfer(Command, frozen=True, tag="receive_transfer"):
    """A fact: goods reached the end of their way. Without lines, all on their way arrived well."""

    transfer_id: Id
    lines: tuple[ReceivedLine, ...] | None = None
    occurred_at: Instant | None = None


class CancelTransfer(Command, frozen=True, tag="cancel_transfer"):
    """Nothing shall be moved after all."""

    transfer_id: Id


class CloseTransfer(Command, frozen=True, tag="close_transfer"):
    """Nothing more is expected of it."""

    transfer_id: Id


AnyTransferCommand: TypeAlias = (
    RequestTransfer | DispatchTransfer | ReceiveTransfer | CancelTransfer | CloseTransfer
)


class ReturnCommand(Command, frozen=True, kw_only=True):
    """Something asked of, or reported about, one return."""

    return_id: Id


class AuthoriseReturn(ReturnCommand, frozen=True, tag="authorise_return"):
    """A customer may send goods back. Without an order it is blind."""

    lines: tuple[SkuQuantity, ...]
    order: Text | None = None


class ReceiveReturn(ReturnCommand, frozen=True, tag="receive_return"):
    """A fact: goods of a return arrived, also more than were authorised."""

    location: Code
    lines: tuple[SkuQuantity, ...]
    occurred_at: Instant | None = None


class InspectReturn(ReturnCommand, frozen=True, tag="inspect_return"):
    """Somebody looked at received goods."""

    lines: tuple[GradedLine, ...]


class DispositionReturn(ReturnCommand, frozen=True, tag="disposition_return"):
    """Decide what becomes of received units.

    A line without a location takes them where they lie, in order of arrival.
    """

    lines: tuple[DispositionedLine, ...]
    occurred_at: Instant | None = None


class CloseReturn(ReturnCommand, frozen=True, tag="close_return"):
    """Nothing more is expected of a return."""


AnyReturnCommand: TypeAlias = (
    AuthoriseReturn | ReceiveReturn | InspectReturn | DispositionReturn | CloseReturn
)


class CountCommand(Command, frozen=True, kw_only=True):
    """Something asked of, or reported for, one count document."""

    count_id: Id


class OpenCount(CountCommand, frozen=True, tag="open_count"):
    """Have a location counted: the SKUs named, or whatever is there."""

    location: Code
    kind: CountKind = "cycle"
    skus: tuple[Code, ...] = ()
    blind: bool = False
    approval_above: int | None = None


class FigureLine(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """So many units were seen in a bucket; without a time, when it was entered."""

    sku: Code
    counted: int
    counted_at: Instant | None = None
    bucket: PhysicalBucket = "sellable"


class EnterCount(CountCommand, frozen=True, tag="enter_count"):
    """Enter figures; one entered again takes the place of the earlier one."""

    lines: tuple[FigureLine, ...]


class ApproveCount(CountCommand, frozen=True, tag="approve_count"):
    """Stand for all figures entered until now."""


class PostCount(CountCommand, frozen=True, tag="post_count"):
    """Let the figures stand in the ledger."""


class CancelCount(CountCommand, frozen=True, tag="cancel_count"):
    """Nothing of it counts, posted or not."""


AnyCountCommand: TypeAlias = OpenCount | EnterCount | ApproveCount | PostCount | CancelCount
