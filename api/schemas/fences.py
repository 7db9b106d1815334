"""Units set aside for channels, and promises beyond what is there: asked for and answered."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from api.schemas.fields import check_code
from ledger.domain import commands
from ledger.domain.outcomes import BackorderLimitState, FenceState
from ledger.domain.values import QUANTITY_MAX, Code, Quantity
from projections.fences import answers

Limit = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""

    sku: Code
    location: Code


class GrantRequest(_Request, frozen=True):
    """Units to set aside for one channel, beside those it has."""

    channel: Code
    quantity: Quantity


class ReturnRequest(_Request, frozen=True):
    """Units that anybody may have again. Without a quantity: all that no promise has taken."""

    channel: Code
    quantity: Quantity | None = None


class LimitRequest(_Request, frozen=True):
    """How many units may be promised beyond those that are sellable."""

    limit: Limit


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


class FencesPage(Struct, frozen=True, kw_only=True):
    """Fences by location, SKU and channel."""

    items: list[FenceItem]
    position: int
    next_cursor: str | None


class LimitItem(Struct, frozen=True, kw_only=True):
    """How many units of one stock may be promised beyond those that are sellable."""

    sku: str
    location: str
    limit: int

    @classmethod
    def of(cls, found: answers.LimitAnswer) -> "LimitItem":
        """The public form of what was found."""
        return cls(**msgspec.structs.asdict(found))


class LimitsPage(Struct, frozen=True, kw_only=True):
    """Limits by location and SKU; a stock that is not among them has none to go below zero."""

    items: list[LimitItem]
    position: int
    next_cursor: str | None


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
    return commands.GrantFence(
        sku=request.sku,
        location=request.location,
        channel=request.channel,
        quantity=request.quantity,
    )


def return_of(_: str, request: ReturnRequest) -> commands.ReturnFence:
    """The command. Raises Malformed."""
    _check(request)
    check_code("$.channel", request.channel)
    return commands.ReturnFence(
        sku=request.sku,
        location=request.location,
        channel=request.channel,
        quantity=request.quantity,
    )


def limit_of(_: str, request: LimitRequest) -> commands.SetBackorderLimit:
    """The command. Raises Malformed."""
    _check(request)
    return commands.SetBackorderLimit(
        sku=request.sku, location=request.location, limit=request.limit
    )


def _check(request: _Request) -> None:
    check_code("$.sku", request.sku)
    check_code("$.location", request.location)
