"""Goods that customers send back, as they are reported and as they are answered."""

from typing import Annotated, Any, Final, Self, TypeAlias

import msgspec
from msgspec import Meta, Struct, structs

from api.schemas.amounts import AnyQuantity, Unit, units_of
from api.schemas.fields import (
    DocumentId,
    Time,
    check_code,
    check_text,
    instant_of,
    rfc3339,
    rfc3339_or_none,
)
from api.schemas.questions import Page, Timestamp
from ledger.domain import commands
from ledger.domain.events import DispositionedLine, GradedLine, SkuQuantity
from ledger.domain.outcomes import ConflictNote, ReturnLineState, ReturnState
from ledger.domain.units import Stated
from ledger.domain.values import Code, Disposition, Text
from projections.returns import answers

_LINES_MAX: Final = 1_000


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class ReturnLineRequest(_Request, frozen=True):
    """Units of one SKU; lines of one SKU are added up."""

    sku: Code
    quantity: AnyQuantity
    uom: Unit | None = None


class GradedLineRequest(_Request, frozen=True):
    """Units of one SKU, and what they were found to be."""

    sku: Code
    quantity: AnyQuantity
    grade: Code
    uom: Unit | None = None


class DispositionedLineRequest(_Request, frozen=True):
    """Units of one SKU, and what becomes of them.

    Without a location they are taken where they lie, in order of arrival.
    """

    sku: Code
    quantity: AnyQuantity
    disposition: Disposition
    location: Code | None = None
    uom: Unit | None = None


_Some: Final = Meta(min_length=1, max_length=_LINES_MAX)
Lines: TypeAlias = Annotated[tuple[ReturnLineRequest, ...], _Some]


class AuthoriseReturnRequest(_Request, frozen=True):
    """What a customer may send back. Without an order the return is blind."""

    return_id: DocumentId
    lines: Lines
    order: Text | None = None


class ReceiveReturnRequest(_Request, frozen=True):
    """What arrived, where and when; also more than was authorised."""

    location: Code
    lines: Lines
    occurred_at: Time | None = None


class InspectReturnRequest(_Request, frozen=True):
    """What received goods were found to be."""

    lines: Annotated[tuple[GradedLineRequest, ...], _Some]


class DispositionReturnRequest(_Request, frozen=True):
    """What becomes of received goods."""

    lines: Annotated[tuple[DispositionedLineRequest, ...], _Some]
    occurred_at: Time | None = None


class CloseReturnRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class ReturnAnswer(Struct, frozen=True, kw_only=True):
    """A return; of each SKU received + waived = all dispositions + open."""

    return_id: str
    status: str
    order: str | None
    lines: tuple[ReturnLineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, state: ReturnState) -> "ReturnAnswer":
        """The public form of what the ledger answered."""
        return cls(
            return_id=state.return_id,
            status=state.status,
            order=state.order,
            lines=state.lines,
            position=state.position,
            conflicts=state.conflicts or msgspec.UNSET,
        )


class ReturnItem(Struct, frozen=True, kw_only=True):
    """A return as it stands."""

    return_id: str
    status: str
    order: str | None
    authorised_at: Timestamp
    closed_at: Timestamp | None
    version: int
    lines: tuple[ReturnLineState, ...]

    @classmethod
    def of(cls, answer: answers.ReturnAnswer, **more: Any) -> Self:
        """The public form of a return."""
        return cls(**_public(answer), **more)


class ReturnFound(ReturnItem, frozen=True, kw_only=True):
    """One return, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class ReturnsPage(Page, frozen=True, kw_only=True):
    """Returns, newest first."""

    items: list[ReturnItem]


class OrdersPage(Page, frozen=True, kw_only=True):
    """What orders come to, by order and SKU."""

    items: list[answers.OrderAnswer]


def _public(answer: answers.ReturnAnswer) -> dict[str, Any]:
    times = {
        "authorised_at": rfc3339(answer.authorised_at),
        "closed_at": rfc3339_or_none(answer.closed_at),
    }
    return structs.asdict(answer) | times


AUTHORISE: Final = msgspec.json.Decoder(AuthoriseReturnRequest)
RECEIVE: Final = msgspec.json.Decoder(ReceiveReturnRequest)
INSPECT: Final = msgspec.json.Decoder(InspectReturnRequest)
DISPOSITION: Final = msgspec.json.Decoder(DispositionReturnRequest)
CLOSE: Final = msgspec.json.Decoder(CloseReturnRequest)


def authorise_of(request: AuthoriseReturnRequest) -> commands.AuthoriseReturn:
    """The command. Raises Malformed."""
    check_text("$.order", request.order)
    stated: list[Stated] = []
    lines = _lines(request.lines, stated)
    return commands.AuthoriseReturn(
        return_id=request.return_id, lines=lines, order=request.order, stated=tuple(stated)
    )


def receive_of(return_id: str, request: ReceiveReturnRequest) -> commands.ReceiveReturn:
    """The command. Raises Malformed."""
    check_code("$.location", request.location)
    stated: list[Stated] = []
    lines = _lines(request.lines, stated)
    return commands.ReceiveReturn(
        return_id=return_id,
        location=request.location,
        lines=lines,
        occurred_at=instant_of(request.occurred_at, "$.occurred_at"),
        stated=tuple(stated),
    )


def inspect_of(return_id: str, request: InspectReturnRequest) -> commands.InspectReturn:
    """The command. Raises Malformed with the line's path."""
    lines = []
    stated: list[Stated] = []
    for index, line in enumerate(request.lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        check_code(f"$.lines[{index}].grade", line.grade)
        units = _units(line, index, stated)
        lines.append(GradedLine(sku=line.sku, quantity=units, grade=line.grade))
    return commands.InspectReturn(return_id=return_id, lines=tuple(lines), stated=tuple(stated))


def disposition_of(return_id: str, request: DispositionReturnRequest) -> commands.DispositionReturn:
    """The command. Raises Malformed with the line's path."""
    lines = []
    stated: list[Stated] = []
    for index, line in enumerate(request.lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        check_code(f"$.lines[{index}].location", line.location)
        lines.append(
            DispositionedLine(
                sku=line.sku,
                quantity=_units(line, index, stated),
                disposition=line.disposition,
                location=line.location,
            )
        )
    return commands.DispositionReturn(
        return_id=return_id,
        lines=tuple(lines),
        occurred_at=instant_of(request.occurred_at, "$.occurred_at"),
        stated=tuple(stated),
    )


def close_of(return_id: str, _: CloseReturnRequest) -> commands.CloseReturn:
    """The command."""
    return commands.CloseReturn(return_id=return_id)


def _lines(lines: tuple[ReturnLineRequest, ...], stated: list[Stated]) -> tuple[SkuQuantity, ...]:
    found = []
    for index, line in enumerate(lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        found.append(SkuQuantity(sku=line.sku, quantity=_units(line, index, stated)))
    return tuple(found)


def _units(
    line: ReturnLineRequest | GradedLineRequest | DispositionedLineRequest,
    index: int,
    stated: list[Stated],
) -> int:
    path, place = f"$.lines[{index}].quantity", f"lines.{index}.quantity"
    return units_of(line.quantity, line.uom, path, stated, place)
