"""Transfers as they are asked for and reported, and as they are answered."""

from typing import Annotated, Any, Final, Self, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from api.schemas.amounts import AnyCount, AnyQuantity, Unit, units_of
from api.schemas.fields import DocumentId, Time, check_code, instant_of, rfc3339
from api.schemas.questions import Page, PagedQuery, Timestamp
from ledger.domain import commands
from ledger.domain.events import ReceivedLine, SkuQuantity
from ledger.domain.outcomes import ConflictNote, TransferLineState, TransferState
from ledger.domain.refusals import Malformed
from ledger.domain.transfer import Status
from ledger.domain.units import Stated
from ledger.domain.values import Code
from projections.transfers import answers

_CONDITIONS: Final = ("received", "damaged", "lost", "returned")

_LINES_MAX: Final = 1_000  # Each touches a stock or two: as many as one call may move.


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class TransferLineRequest(_Request, frozen=True):
    """Units of one SKU."""

    sku: Code
    quantity: AnyQuantity
    uom: Unit | None = None


class ArrivedLineRequest(_Request, frozen=True):
    """What became of units of one SKU: at least one of the four is not zero."""

    sku: Code
    received: AnyCount = 0
    damaged: AnyCount = 0
    lost: AnyCount = 0
    returned: AnyCount = 0
    uom: Unit | None = None


Lines: TypeAlias = Annotated[
    tuple[TransferLineRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)
]
ReceivedLines: TypeAlias = Annotated[
    tuple[ArrivedLineRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)
]


class TransferRequest(_Request, frozen=True):
    """Goods to be moved from one location to another."""

    transfer_id: DocumentId
    from_location: Code = field(name="from")
    to_location: Code = field(name="to")
    lines: Lines


class DispatchTransferRequest(_Request, frozen=True):
    """What left, and when. Without lines: all that was asked for and had not left yet."""

    lines: Lines | None = None
    occurred_at: Time | None = None


class ReceiveTransferRequest(_Request, frozen=True):
    """What arrived, and when. Without lines: all that is on its way, in good condition."""

    lines: ReceivedLines | None = None
    occurred_at: Time | None = None


class CancelTransferRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class CloseTransferRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class TransferAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """A transfer: dispatched = received + damaged + lost + returned + in_transit; see `surplus`."""

    transfer_id: str
    from_location: str = field(name="from")
    to_location: str = field(name="to")
    status: str
    lines: tuple[TransferLineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, state: TransferState) -> Self:
        """The public form of what the ledger answered."""
        return cls(
            transfer_id=state.transfer_id,
            from_location=state.from_location,
            to_location=state.to_location,
            status=state.status,
            lines=state.lines,
            position=state.position,
            conflicts=state.conflicts or msgspec.UNSET,
        )


class TransfersQuery(PagedQuery, frozen=True):
    """Which transfers."""

    from_location: Code | None = field(default=None, name="from")
    to_location: Code | None = field(default=None, name="to")
    sku: Code | None = None
    status: Status | None = None


class TransferItem(Struct, frozen=True, kw_only=True):
    """A transfer as it stands."""

    transfer_id: str
    from_location: str = field(name="from")
    to_location: str = field(name="to")
    status: str
    requested_at: Timestamp
    version: int
    lines: list[TransferLineState]

    @classmethod
    def of(cls, transfer: answers.TransferAnswer, **more: Any) -> Self:
        """The public form of a transfer."""
        return cls(
            transfer_id=transfer.transfer_id,
            from_location=transfer.from_location,
            to_location=transfer.to_location,
            status=transfer.status,
            requested_at=rfc3339(transfer.requested_at),
            version=transfer.version,
            lines=transfer.lines,
            **more,
        )


class TransferFound(TransferItem, frozen=True, kw_only=True):
    """One transfer, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class TransfersPage(Page, frozen=True, kw_only=True):
    """Transfers, newest first."""

    items: list[TransferItem]


REQUEST: Final = msgspec.json.Decoder(TransferRequest)
DISPATCH: Final = msgspec.json.Decoder(DispatchTransferRequest)
RECEIVE: Final = msgspec.json.Decoder(ReceiveTransferRequest)
CANCEL: Final = msgspec.json.Decoder(CancelTransferRequest)
CLOSE: Final = msgspec.json.Decoder(CloseTransferRequest)


def request_of(request: TransferRequest) -> commands.RequestTransfer:
    """The command. Raises Malformed."""
    check_code("$.from", request.from_location)
    check_code("$.to", request.to_location)
    stated: list[Stated] = []
    lines = _lines_of(request.lines, stated)
    return commands.RequestTransfer(
        transfer_id=request.transfer_id,
        stated=tuple(stated),
        from_location=request.from_location,
        to_location=request.to_location,
        lines=lines,
    )


def dispatch_of(transfer_id: str, request: DispatchTransferRequest) -> commands.DispatchTransfer:
    """The command. Raises Malformed."""
    stated: list[Stated] = []
    lines = None if request.lines is None else _lines_of(request.lines, stated)
    return commands.DispatchTransfer(
        transfer_id=transfer_id,
        stated=tuple(stated),
        lines=lines,
        occurred_at=instant_of(request.occurred_at, "$.occurred_at"),
    )


def receive_of(transfer_id: str, request: ReceiveTransferRequest) -> commands.ReceiveTransfer:
    """The command. Raises Malformed, also where a line says nothing."""
    stated: list[Stated] = []
    lines = None if request.lines is None else _received_of(request.lines, stated)
    return commands.ReceiveTransfer(
        transfer_id=transfer_id,
        stated=tuple(stated),
        lines=lines,
        occurred_at=instant_of(request.occurred_at, "$.occurred_at"),
    )


def cancel_of(transfer_id: str, _: CancelTransferRequest) -> commands.CancelTransfer:
    """The command."""
    return commands.CancelTransfer(transfer_id=transfer_id)


def close_of(transfer_id: str, _: CloseTransferRequest) -> commands.CloseTransfer:
    """The command."""
    return commands.CloseTransfer(transfer_id=transfer_id)


def _lines_of(
    lines: tuple[TransferLineRequest, ...], stated: list[Stated]
) -> tuple[SkuQuantity, ...]:
    """The lines of a command; what has to be converted is added to `stated`."""
    found = []
    for index, line in enumerate(lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        path, place = f"$.lines[{index}].quantity", f"lines.{index}.quantity"
        units = units_of(line.quantity, line.uom, path, stated, place)
        found.append(SkuQuantity(sku=line.sku, quantity=units))
    return tuple(found)


def _received_of(
    lines: tuple[ArrivedLineRequest, ...], stated: list[Stated]
) -> tuple[ReceivedLine, ...]:
    """The same, of what arrived in several conditions. Raises Malformed where nothing did."""
    found = []
    for index, line in enumerate(lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        units: dict[str, int] = {}
        for name in _CONDITIONS:
            amount: int | str = getattr(line, name)
            if str(amount).strip("0."):
                path, place = f"$.lines[{index}].{name}", f"lines.{index}.{name}"
                units[name] = units_of(amount, line.uom, path, stated, place)
        if not units:
            rule = f"one of {', '.join(_CONDITIONS)} must be above 0"
            raise Malformed(f"$.lines[{index}]", rule)
        found.append(ReceivedLine(sku=line.sku, **units))
    return tuple(found)
