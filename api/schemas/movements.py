"""Facts as they come in, and what was recorded of them."""

from typing import Annotated, Any, Final, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from api.schemas.amounts import AnyCount, AnyDelta, AnyQuantity, Unit, units_of
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
    rfc3339,
)
from ledger.domain import commands
from ledger.domain.outcomes import ConflictNote
from ledger.domain.refusals import Malformed
from ledger.domain.units import Stated, decimal
from ledger.domain.values import Code, PhysicalBucket, Text

_MOVEMENTS_MAX: Final = 1_000  # Said in the document; the setting has the last word.


class _Fact(
    Struct, frozen=True, kw_only=True, gc=False, tag_field="type", forbid_unknown_fields=True
):
    """What every fact may say. Without `occurred_at` it happened when it was recorded.

    With `uom` its quantities are in that unit; without, integers count the smallest one.
    """

    sku: Code
    location: Code
    uom: Unit | None = None
    occurred_at: Time | None = None
    reference: Text | None = None
    reason: Text | None = None
    source: Text | None = None
    movement_id: DocumentId | None = None


class OpeningRequest(_Fact, frozen=True, tag="opening"):
    """Units that were there before the ledger was."""

    quantity: AnyQuantity


class ReceiveRequest(_Fact, frozen=True, tag="receive"):
    """Goods came in from a supplier."""

    quantity: AnyQuantity
    unit_cost: Amount | None = None
    currency: Currency | None = None


class SaleRequest(_Fact, frozen=True, tag="sale"):
    """Goods went out to a customer."""

    quantity: AnyQuantity
    channel: Code | None = None
    reservation_id: DocumentId | None = None
    order: Text | None = None


class SaleVoidRequest(_Fact, frozen=True, tag="sale_void"):
    """A recorded sale, or part of it, never took place."""

    of: MovementId
    quantity: AnyQuantity


class ReturnRequest(_Fact, frozen=True, tag="return"):
    """A customer handed goods back."""

    quantity: AnyQuantity
    order: Text | None = None
    to_bucket: PhysicalBucket = "returned"


class AdjustRequest(_Fact, frozen=True, tag="adjust"):
    """People correct the level by a signed amount, other than zero, and say why."""

    reason: Text
    delta: AnyDelta
    expected_on_hand: AnyDelta | None = None


class MoveRequest(_Fact, frozen=True, tag="move"):
    """Units change their condition within a location."""

    quantity: AnyQuantity
    from_bucket: PhysicalBucket
    to_bucket: PhysicalBucket


class ScrapRequest(_Fact, frozen=True, tag="scrap"):
    """Units are destroyed or given away."""

    quantity: AnyQuantity
    bucket: PhysicalBucket = "sellable"


class CountRequest(_Fact, frozen=True, tag="count"):
    """Somebody saw how many units a bucket held; what is reported later never changes that.

    Where a count of the bucket stands at the very same moment, `replaces` has to name it.
    """

    counted: AnyCount
    bucket: PhysicalBucket = "sellable"
    replaces: MovementId | None = None


class CorrectRequest(_Fact, frozen=True, tag="correct"):
    """What a recorded movement really came to in all; its own time counts, not this one's.

    Signed for an adjustment; for a count, what was really counted.
    """

    of: MovementId
    quantity: AnyDelta


class CancelRequest(_Fact, frozen=True, tag="cancel"):
    """A recorded movement never took place: what is left of it is taken back at its own time."""

    of: MovementId


MovementRequest: TypeAlias = (
    OpeningRequest
    | ReceiveRequest
    | SaleRequest
    | SaleVoidRequest
    | ReturnRequest
    | AdjustRequest
    | MoveRequest
    | ScrapRequest
    | CountRequest
    | CorrectRequest
    | CancelRequest
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


class ParkedItem(Struct, frozen=True, kw_only=True, gc=False, tag_field="status", tag="parked"):
    """A fact that waits, whole, for its SKU and location to be defined; its conflict keeps it."""

    movement_id: str
    position: int
    version: int
    conflicts: tuple[ConflictNote, ...] = ()
    replayed: bool | msgspec.UnsetType = msgspec.UNSET


class NotStockedItem(
    Struct, frozen=True, kw_only=True, gc=False, tag_field="status", tag="not_stocked"
):
    """A fact about a service: no stock is kept of it, so there was nothing to record."""

    movement_id: str
    position: int
    replayed: bool | msgspec.UnsetType = msgspec.UNSET


AcceptedItem: TypeAlias = RecordedItem | ParkedItem | NotStockedItem


class RefusedItem(Struct, frozen=True, kw_only=True, tag_field="status", tag="refused"):
    """Why one movement of a call with `atomic: false` was not recorded; facts come as members."""

    movement_id: str
    code: str
    detail: str
    transient: bool


class MovementsAnswer(Struct, frozen=True, kw_only=True):
    """One result a movement, in order; `position` is the last one written, or the head's."""

    position: int
    results: list[RecordedItem | ParkedItem | NotStockedItem | RefusedItem]


BATCH: Final = msgspec.json.Decoder(_RawMovements)
ITEM: Final = msgspec.json.Decoder(MovementRequest)


def movement_of(  # noqa: C901 - one case a type, each a line or two
    request: MovementRequest, at: str, movement_id: str | None
) -> commands.AnyMovement:
    """The fact as the ledger knows it. Raises Malformed with the path below `at`."""
    shared = _shared(request, at, movement_id)
    match request:
        case OpeningRequest():
            return commands.Opening(**shared)
        case ReceiveRequest():
            return _receive(request, at, shared)
        case SaleRequest():
            return _sale(request, at, shared)
        case SaleVoidRequest():
            return commands.SaleVoid(**shared, of=request.of)
        case ReturnRequest(order=order, to_bucket=bucket):
            check_text(f"{at}.order", order)
            return commands.Return(**shared, order=order, to_bucket=bucket)
        case AdjustRequest():
            if request.delta == 0:
                raise Malformed(f"{at}.delta", "must not be 0")
            return commands.Adjust(**shared)
        case MoveRequest(from_bucket=source, to_bucket=target):
            if source == target:
                raise Malformed(f"{at}.to_bucket", f"must differ from from_bucket, is {target}")
            return commands.Move(**shared, from_bucket=source, to_bucket=target)
        case ScrapRequest():
            return commands.Scrap(**shared, bucket=request.bucket)
        case CountRequest() | CorrectRequest() | CancelRequest():
            return _restating(request, shared)


def _restating(
    request: CountRequest | CorrectRequest | CancelRequest, shared: dict[str, Any]
) -> commands.AnyMovement:
    match request:
        case CountRequest():
            return commands.Count(**shared, bucket=request.bucket, replaces=request.replaces)
        case CorrectRequest():
            return commands.Correct(**shared, of=request.of)
        case CancelRequest():
            return commands.Cancel(**shared, of=request.of)


_AMOUNTS: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(
        name
        for name in ("quantity", "delta", "expected_on_hand", "counted")
        if name in kind.__struct_fields__
    )
    for kind in get_args(MovementRequest)
}
_MAY_BE_ZERO: Final = ("expected_on_hand", "counted")


def _amounts(request: MovementRequest, at: str) -> dict[str, Any]:
    """The quantities of a fact, and those of them that the ledger has to convert."""
    stated: list[Stated] = []
    found: dict[str, Any] = {}
    uom = request.uom
    for name in _AMOUNTS[type(request)]:
        amount = getattr(request, name)
        if amount is not None and (uom is not None or type(amount) is str):
            zero = name in _MAY_BE_ZERO or isinstance(request, CorrectRequest)
            amount = units_of(amount, uom, f"{at}.{name}", stated, name, zero=zero)
        found[name] = amount
    if stated:
        found["stated"] = tuple(stated)
    return found


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
        **_amounts(request, at),
    }


def _receive(request: ReceiveRequest, at: str, shared: dict[str, Any]) -> commands.Receive:
    if (request.unit_cost is None) != (request.currency is None):
        absent = "unit_cost" if request.unit_cost is None else "currency"
        raise Malformed(f"{at}.{absent}", "unit_cost and currency come together")
    cost = None
    if request.unit_cost is not None and request.currency is not None:
        cost = money_of(request.unit_cost, request.currency, f"{at}.unit_cost")
    return commands.Receive(**shared, unit_cost=cost)


def _sale(request: SaleRequest, at: str, shared: dict[str, Any]) -> commands.Sale:
    check_code(f"{at}.channel", request.channel)
    check_text(f"{at}.order", request.order)
    return commands.Sale(
        **shared,
        channel=request.channel,
        reservation_id=request.reservation_id,
        order=request.order,
    )


def told_again(kept: str) -> dict[str, Any]:
    """A movement that the ledger keeps, in the words in which it came."""
    movement: dict[str, Any] = msgspec.json.decode(kept)
    for stated in movement.pop("stated", ()):
        movement[stated["field"]] = stated["amount"]
        if "uom" in stated:
            movement["uom"] = stated["uom"]
    movement["occurred_at"] = rfc3339(movement["occurred_at"])
    cost = movement.pop("unit_cost", None)
    if cost is not None:
        movement |= {"unit_cost": decimal(cost["millionths"], 6), "currency": cost["currency"]}
    return movement
