"""Units set aside for channels, and promises beyond what is there: asked for and answered."""

from typing import Final

import msgspec
from msgspec import Struct

from api.schemas.amounts import AnyCount, AnyQuantity, Unit, units_of
from api.schemas.fields import check_code
from api.schemas.questions import Page
from ledger.domain import commands
from ledger.domain.outcomes import BackorderLimitState, FenceState
from ledger.domain.units import Stated
from ledger.domain.values import Code
from projections.fences import answers


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""

    sku: Code
    location: Code


class GrantRequest(_Request, frozen=True):
    """Units to set aside for one channel, beside those it has."""

    channel: Code
    quantity: AnyQuantity
    uom: Unit | None = None


class ReturnRequest(_Request, frozen=True):
    """Units that anybody may have again. Without a quantity: all that no promise has taken."""

    channel: Code
    quantity: AnyQuantity | None = None
    uom: Unit | None = None


class LimitRequest(_Request, frozen=True):
    """How many units may be promised beyond those that are sellable."""

    limit: AnyCount
    uom: Unit | None = None


class FenceItem(Struct, frozen=True, kw_only=True):
    """A channel's units in one stock: `free` to take, and `held` by its promises."""

    sku: str
    location: str
    channel: str
    free: int
    held: int

    @classmethod
    def of(cls, found: answers.FenceAnswer) -> "FenceItem":
        """The public form of what was found."""
        return cls(**msgspec.structs.asdict(found))


class FencesPage(Page, frozen=True, kw_only=True):
    """Fences by location, SKU and channel."""

    items: list[FenceItem]


class LimitItem(Struct, frozen=True, kw_only=True):
    """How many units of one stock may be promised beyond those that are sellable."""

    sku: str
    location: str
    limit: int

    @classmethod
    def of(cls, found: answers.LimitAnswer) -> "LimitItem":
        """The public form of what was found."""
        return cls(**msgspec.structs.asdict(found))


class LimitsPage(Page, frozen=True, kw_only=True):
    """Limits by location and SKU; a stock that is not among them has none to go below zero."""

    items: list[LimitItem]


class FenceAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """A fence right after the command."""

    sku: str
    location: str
    channel: str
    free: int
    held: int
    position: int

    @classmethod
    def of(cls, state: FenceState) -> "FenceAnswer":
        """The public form of what the ledger answered."""
        return cls(**msgspec.structs.asdict(state))


class LimitAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """A limit right after the command."""

    sku: str
    location: str
    limit: int
    position: int

    @classmethod
    def of(cls, state: BackorderLimitState) -> "LimitAnswer":
        """The public form of what the ledger answered."""
        return cls(**msgspec.structs.asdict(state))


GRANT: Final = msgspec.json.Decoder(GrantRequest)
RETURN: Final = msgspec.json.Decoder(ReturnRequest)
LIMIT: Final = msgspec.json.Decoder(LimitRequest)


def grant_of(_: str, request: GrantRequest) -> commands.GrantFence:
    """The command. Raises Malformed."""
    _check(request)
    check_code("$.channel", request.channel)
    stated: list[Stated] = []
    units = units_of(request.quantity, request.uom, "$.quantity", stated)
    return commands.GrantFence(
        sku=request.sku,
        location=request.location,
        channel=request.channel,
        quantity=units,
        stated=tuple(stated),
    )


def return_of(_: str, request: ReturnRequest) -> commands.ReturnFence:
    """The command. Raises Malformed."""
    _check(request)
    check_code("$.channel", request.channel)
    stated: list[Stated] = []
    units: int | None = None
    if request.quantity is not None:
        units = units_of(request.quantity, request.uom, "$.quantity", stated)
    return commands.ReturnFence(
        sku=request.sku,
        location=request.location,
        channel=request.channel,
        quantity=units,
        stated=tuple(stated),
    )


def limit_of(_: str, request: LimitRequest) -> commands.SetBackorderLimit:
    """The command. Raises Malformed."""
    _check(request)
    stated: list[Stated] = []
    limit = units_of(request.limit, request.uom, "$.limit", stated, "limit", zero=True)
    return commands.SetBackorderLimit(
        sku=request.sku, location=request.location, limit=limit, stated=tuple(stated)
    )


def _check(request: _Request) -> None:
    check_code("$.sku", request.sku)
    check_code("$.location", request.location)
