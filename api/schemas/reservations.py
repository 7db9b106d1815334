"""Promises as they are asked for, and as they are answered."""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from api.schemas.fields import (
    DocumentId,
    Time,
    check_code,
    check_text,
    instant_of,
    rfc3339_or_none,
)
from ledger.domain import commands
from ledger.domain.events import LineQuantity
from ledger.domain.outcomes import ConflictNote, LineState, ReservationState
from ledger.domain.refusals import Malformed
from ledger.domain.values import Code, HoldKind, Policy, Quantity, Text

_LINES_MAX: Final = 1_000


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class LineRequest(_Request, frozen=True):
    """Units of one SKU at one location."""

    sku: Code
    location: Code
    quantity: Quantity


Lines: TypeAlias = Annotated[tuple[LineRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)]


class PlaceRequest(_Request, frozen=True):
    """A promise to make. A soft one names when it runs out, a hard one never does."""

    reservation_id: DocumentId
    lines: Lines
    channel: Code | None = None
    kind: HoldKind = "soft"
    expires_at: Time | None = None
    policy: Policy = "all"


class ConfirmRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class ExtendRequest(_Request, frozen=True):
    """When it shall run out instead."""

    expires_at: Time


class AmendRequest(_Request, frozen=True):
    """The promised totals of some lines; each stock once."""

    lines: Lines


class FulfilRequest(_Request, frozen=True):
    """What left, and when. Without lines: everything that is open."""

    lines: Lines | None = None
    occurred_at: Time | None = None
    if_open: bool = False


class ReleaseRequest(_Request, frozen=True):
    """What to give up, and why. Without lines: everything that is open."""

    lines: Lines | None = None
    reason: Text | None = None


class ReservationAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """A reservation: requested = granted + rejected; granted = open + fulfilled + …"""

    reservation_id: str
    status: str
    channel: str | None
    kind: HoldKind
    expires_at: str | None
    lines: tuple[LineState, ...]
    position: int
    conflicts: tuple[ConflictNote, ...] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, state: ReservationState) -> "ReservationAnswer":
        """The public form of what the ledger answered."""
        return cls(
            reservation_id=state.reservation_id,
            status=state.status,
            channel=state.channel,
            kind=state.kind,
            expires_at=rfc3339_or_none(state.expires_at),
            lines=state.lines,
            position=state.position,
            conflicts=state.conflicts or msgspec.UNSET,
        )


PLACE: Final = msgspec.json.Decoder(PlaceRequest)
CONFIRM: Final = msgspec.json.Decoder(ConfirmRequest)
EXTEND: Final = msgspec.json.Decoder(ExtendRequest)
AMEND: Final = msgspec.json.Decoder(AmendRequest)
FULFIL: Final = msgspec.json.Decoder(FulfilRequest)
RELEASE: Final = msgspec.json.Decoder(ReleaseRequest)


def place_of(request: PlaceRequest) -> commands.PlaceReservation:
    """The command. Raises Malformed."""
    expires_at = instant_of(request.expires_at, "$.expires_at")
    if (request.kind == "soft") != (expires_at is not None):
        rule = "a soft reservation needs it" if expires_at is None else "a hard one has none"
        raise Malformed("$.expires_at", rule)
    check_code("$.channel", request.channel)
    return commands.PlaceReservation(
        reservation_id=request.reservation_id,
        lines=lines_of(request.lines),
        channel=request.channel,
        kind=request.kind,
        expires_at=expires_at,
        policy=request.policy,
    )


def confirm_of(reservation_id: str, _: ConfirmRequest) -> commands.ConfirmReservation:
    """The command."""
    return commands.ConfirmReservation(reservation_id=reservation_id)


def extend_of(reservation_id: str, request: ExtendRequest) -> commands.ExtendReservation:
    """The command. Raises Malformed."""
    expires_at = instant_of(request.expires_at, "$.expires_at")
    assert expires_at is not None, "a time that was there has an instant"
    return commands.ExtendReservation(reservation_id=reservation_id, expires_at=expires_at)


def amend_of(reservation_id: str, request: AmendRequest) -> commands.AmendReservation:
    """The command. Raises Malformed, also where two lines would set one total."""
    lines = lines_of(request.lines)
    seen: set[tuple[str, str]] = set()
    for index, line in enumerate(lines):
        if (stock := (line.location, line.sku)) in seen:
            raise Malformed(f"$.lines[{index}]", f"{line.sku!r} at {line.location!r} comes twice")
        seen.add(stock)
    return commands.AmendReservation(reservation_id=reservation_id, lines=lines)


def fulfil_of(reservation_id: str, request: FulfilRequest) -> commands.FulfilReservation:
    """The command. Raises Malformed."""
    return commands.FulfilReservation(
        reservation_id=reservation_id,
        lines=None if request.lines is None else lines_of(request.lines),
        occurred_at=instant_of(request.occurred_at, "$.occurred_at"),
        if_open=request.if_open,
    )


def release_of(reservation_id: str, request: ReleaseRequest) -> commands.ReleaseReservation:
    """The command. Raises Malformed."""
    check_text("$.reason", request.reason)
    return commands.ReleaseReservation(
        reservation_id=reservation_id,
        lines=None if request.lines is None else lines_of(request.lines),
        reason=request.reason,
    )


def lines_of(lines: tuple[LineRequest, ...]) -> tuple[LineQuantity, ...]:
    """The lines of a command. Raises Malformed with the line's path."""
    for index, line in enumerate(lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        check_code(f"$.lines[{index}].location", line.location)
    return tuple(
        LineQuantity(sku=line.sku, location=line.location, quantity=line.quantity) for line in lines
    )
