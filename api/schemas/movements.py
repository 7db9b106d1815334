"""Facts as they come in, and what was recorded of them."""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from api.schemas.fields import (
    Amount,
    Currency,
    DocumentId,
    MovementId,
    Time,
    check_code,
    check_text,
    instant_of,
    money_of,
)
from ledger.domain import commands
from ledger.domain.outcomes import ConflictNote
from ledger.domain.refusals import Malformed
from ledger.domain.values import Code, Delta, PhysicalBucket, Quantity, Text

_MOVEMENTS_MAX: Final = 1_000  # Said in the document; the setting has the last word.


class _Fact(
    Struct, frozen=True, kw_only=True, gc=False, tag_field="type", forbid_unknown_fields=True
):
    """What every fact may say. Without `occurred_at` it happened when it was recorded."""

    sku: Code
    location: Code
    occurred_at: Time | None = None
    reference: Text | None = None
    reason: Text | None = None
    source: Text | None = None
    movement_id: DocumentId | None = None


class OpeningRequest(_Fact, frozen=True, tag="opening"):
    """Units that were there before the ledger was."""

    quantity: Quantity


class ReceiveRequest(_Fact, frozen=True, tag="receive"):
    """Goods came in from a supplier."""

    quantity: Quantity
    unit_cost: Amount | None = None
    currency: Currency | None = None


class SaleRequest(_Fact, frozen=True, tag="sale"):
    """Goods went out to a customer."""

    quantity: Quantity
    channel: Code | None = None
    reservation_id: DocumentId | None = None
    order: Text | None = None


class SaleVoidRequest(_Fact, frozen=True, tag="sale_void"):
    """A recorded sale, or part of it, never took place."""

    of: MovementId
    quantity: Quantity


class ReturnRequest(_Fact, frozen=True, tag="return"):
    """A customer handed goods back."""

    quantity: Quantity
    order: Text | None = None
    to_bucket: PhysicalBucket = "returned"


class AdjustRequest(_Fact, frozen=True, tag="adjust"):
    """People correct the level by a signed amount, other than zero, and say why."""

    reason: Text
    delta: Delta
    expected_on_hand: Delta | None = None


class MoveRequest(_Fact, frozen=True, tag="move"):
    """Units change their condition within a location."""

    quantity: Quantity
    from_bucket: PhysicalBucket
    to_bucket: PhysicalBucket


class ScrapRequest(_Fact, frozen=True, tag="scrap"):
    """Units are destroyed or given away."""

    quantity: Quantity
    bucket: PhysicalBucket = "sellable"


MovementRequest: TypeAlias = (
    OpeningRequest
    | ReceiveRequest
    | SaleRequest
    | SaleVoidRequest
    | ReturnRequest
    | AdjustRequest
    | MoveRequest
    | ScrapRequest
)


class MovementsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts in the order in which they take effect: all or none, or each for itself."""

    movements: Annotated[
        list[MovementRequest],
        Meta(min_length=1, extra_json_schema={"maxItems": _MOVEMENTS_MAX}),
    ]
    atomic: bool = True


class _RawMovements(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same with its items left for later, so that a bad one does not stop its neighbours."""

    movements: Annotated[list[msgspec.Raw], Meta(min_length=1)]
    atomic: bool = True


class RecordedItem(Struct, frozen=True, kw_only=True, gc=False, tag_field="status", tag="recorded"):
    """Where one movement was recorded."""

    movement_id: str
    position: int
    version: int
    conflicts: tuple[ConflictNote, ...] = ()
    replayed: bool | msgspec.UnsetType = msgspec.UNSET


class RefusedItem(Struct, frozen=True, kw_only=True, tag_field="status", tag="refused"):
    """Why one movement of a call with `atomic: false` was not recorded; facts come as members."""

    movement_id: str
    code: str
    detail: str
    transient: bool


class MovementsAnswer(Struct, frozen=True, kw_only=True):
    """One result a movement, in order; `position` is the last one written, or the head's."""

    position: int
    results: list[RecordedItem | RefusedItem]


BATCH: Final = msgspec.json.Decoder(_RawMovements)
ITEM: Final = msgspec.json.Decoder(MovementRequest)


def movement_of(  # noqa: C901 - one case a type, each a line or two
    request: MovementRequest, at: str, movement_id: str | None
) -> commands.AnyMovement:
    """The fact as the ledger knows it. Raises Malformed with the path below `at`."""
    shared = _shared(request, at, movement_id)
    match request:
        case OpeningRequest():
            return commands.Opening(**shared, quantity=request.quantity)
        case ReceiveRequest():
            return _receive(request, at, shared)
        case SaleRequest():
            return _sale(request, at, shared)
        case SaleVoidRequest():
            return commands.SaleVoid(**shared, quantity=request.quantity, of=request.of)
        case ReturnRequest(quantity=quantity, order=order, to_bucket=bucket):
            check_text(f"{at}.order", order)
            return commands.Return(**shared, quantity=quantity, order=order, to_bucket=bucket)
        case AdjustRequest():
            if request.delta == 0:
                raise Malformed(f"{at}.delta", "must not be 0")
            expected = request.expected_on_hand
            return commands.Adjust(**shared, delta=request.delta, expected_on_hand=expected)
        case MoveRequest(quantity=quantity, from_bucket=source, to_bucket=target):
            if source == target:
                raise Malformed(f"{at}.to_bucket", f"must differ from from_bucket, is {target}")
            return commands.Move(**shared, quantity=quantity, from_bucket=source, to_bucket=target)
        case ScrapRequest():
            return commands.Scrap(**shared, quantity=request.quantity, bucket=request.bucket)


def _shared(request: MovementRequest, at: str, movement_id: str | None) -> dict[str, Any]:
    check_code(f"{at}.sku", request.sku)
    check_code(f"{at}.location", request.location)
    check_text(f"{at}.reference", request.reference)
    check_text(f"{at}.reason", request.reason)
    check_text(f"{at}.source", request.source)
    return {
        "sku": request.sku,
        "location": request.location,
        "occurred_at": instant_of(request.occurred_at, f"{at}.occurred_at"),
        "reference": request.reference,
        "reason": request.reason,
        "source": request.source,
        "movement_id": movement_id,
    }


def _receive(request: ReceiveRequest, at: str, shared: dict[str, Any]) -> commands.Receive:
    if (request.unit_cost is None) != (request.currency is None):
        absent = "unit_cost" if request.unit_cost is None else "currency"
        raise Malformed(f"{at}.{absent}", "unit_cost and currency come together")
    cost = None
    if request.unit_cost is not None and request.currency is not None:
        cost = money_of(request.unit_cost, request.currency, f"{at}.unit_cost")
    return commands.Receive(**shared, quantity=request.quantity, unit_cost=cost)


def _sale(request: SaleRequest, at: str, shared: dict[str, Any]) -> commands.Sale:
    check_code(f"{at}.channel", request.channel)
    check_text(f"{at}.order", request.order)
    return commands.Sale(
        **shared,
        quantity=request.quantity,
        channel=request.channel,
        reservation_id=request.reservation_id,
        order=request.order,
    )
