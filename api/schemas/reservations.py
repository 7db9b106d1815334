"""Promises as they are asked for, and as they are answered."""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from api.schemas.amounts import AnyQuantity, Unit, units_of
from api.schemas.fields import (
    DocumentId,
    Time,
    check_code,
    check_text,
    instant_of,
    rfc3339_or_none,
)
from ledger.domain import commands
from ledger.domain.events import LineQuantity, Relocation, SourcedLine
from ledger.domain.outcomes import ConflictNote, LineState, ReservationState, ServiceLine
from ledger.domain.refusals import Malformed
from ledger.domain.units import Stated
from ledger.domain.values import Code, HoldKind, Policy, Sourcing, Text

_LINES_MAX: Final = 1_000

_CANDIDATES_MAX: Final = 100
"""Locations one line may name: each of them is read before the decision."""

_STOCKS_MAX: Final = 2_000
"""Stocks that the lines of one request may name together, for the same reason."""


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class LineRequest(_Request, frozen=True):
    """Units of one SKU at one location."""

    sku: Code
    location: Code
    quantity: AnyQuantity
    uom: Unit | None = None


Lines: TypeAlias = Annotated[tuple[LineRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)]


Locations: TypeAlias = Annotated[tuple[Code, ...], Meta(min_length=1, max_length=_CANDIDATES_MAX)]
"""Candidates, best first."""


class WantedLineRequest(_Request, frozen=True):
    """Units of one SKU: at one `location`, or at any of some `locations`.

    Among several, the first that has all units gives them, or with `most_available` the one that
    has most. `split` lets several of them give a part each.
    """

    sku: Code
    quantity: AnyQuantity
    uom: Unit | None = None
    location: Code | None = None
    locations: Locations | None = None
    sourcing: Sourcing | None = None
    split: bool | None = None


WantedLines: TypeAlias = Annotated[
    tuple[WantedLineRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)
]


class MoveRequest(_Request, frozen=True):
    """Units of one SKU to be held elsewhere."""

    sku: Code
    source: Code = field(name="from")
    to: Code
    quantity: AnyQuantity
    uom: Unit | None = None


Moves: TypeAlias = Annotated[tuple[MoveRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)]


class PlaceRequest(_Request, frozen=True):
    """A promise to make. A soft one names when it runs out, a hard one never does."""

    reservation_id: DocumentId
    lines: WantedLines
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

    lines: WantedLines


class RelocateRequest(_Request, frozen=True):
    """Where open units shall be held instead: all of the moves or none."""

    moves: Moves


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
    not_stocked: tuple[ServiceLine, ...] | msgspec.UnsetType = msgspec.UNSET

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
            not_stocked=state.not_stocked or msgspec.UNSET,
        )


PLACE: Final = msgspec.json.Decoder(PlaceRequest)
CONFIRM: Final = msgspec.json.Decoder(ConfirmRequest)
EXTEND: Final = msgspec.json.Decoder(ExtendRequest)
AMEND: Final = msgspec.json.Decoder(AmendRequest)
RELOCATE: Final = msgspec.json.Decoder(RelocateRequest)
FULFIL: Final = msgspec.json.Decoder(FulfilRequest)
RELEASE: Final = msgspec.json.Decoder(ReleaseRequest)


def place_of(request: PlaceRequest) -> commands.PlaceReservation:
    """The command. Raises Malformed."""
    expires_at = instant_of(request.expires_at, "$.expires_at")
    if (request.kind == "soft") != (expires_at is not None):
        rule = "a soft reservation needs it" if expires_at is None else "a hard one has none"
        raise Malformed("$.expires_at", rule)
    check_code("$.channel", request.channel)
    stated: list[Stated] = []
    lines, sourced = wanted_of(request.lines, stated)
    return commands.PlaceReservation(
        reservation_id=request.reservation_id,
        stated=tuple(stated),
        lines=lines,
        sourced=sourced,
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
    stated: list[Stated] = []
    lines, sourced = wanted_of(request.lines, stated)
    seen: set[tuple[str, str]] = set()
    for index, line in enumerate(request.lines):
        for location in line.locations or (line.location,):
            assert location is not None, "a line names one place or several"
            if (stock := (location, line.sku)) in seen:
                raise Malformed(f"$.lines[{index}]", f"{line.sku!r} at {location!r} comes twice")
            seen.add(stock)
    return commands.AmendReservation(
        reservation_id=reservation_id, stated=tuple(stated), lines=lines, sourced=sourced
    )


def relocate_of(reservation_id: str, request: RelocateRequest) -> commands.RelocateReservation:
    """The command. Raises Malformed, also where nothing would move."""
    stated: list[Stated] = []
    moves = []
    for index, move in enumerate(request.moves):
        at = f"$.moves[{index}]"
        check_code(f"{at}.sku", move.sku)
        check_code(f"{at}.from", move.source)
        check_code(f"{at}.to", move.to)
        if move.source == move.to:
            raise Malformed(f"{at}.to", f"must differ from from, is {move.to!r}")
        path, place = f"{at}.quantity", f"moves.{index}.quantity"
        units = units_of(move.quantity, move.uom, path, stated, place)
        moves.append(
            Relocation(sku=move.sku, from_location=move.source, to_location=move.to, quantity=units)
        )
    return commands.RelocateReservation(
        reservation_id=reservation_id, stated=tuple(stated), moves=tuple(moves)
    )


def fulfil_of(reservation_id: str, request: FulfilRequest) -> commands.FulfilReservation:
    """The command. Raises Malformed."""
    stated: list[Stated] = []
    lines = None if request.lines is None else lines_of(request.lines, stated)
    return commands.FulfilReservation(
        reservation_id=reservation_id,
        stated=tuple(stated),
        lines=lines,
        occurred_at=instant_of(request.occurred_at, "$.occurred_at"),
        if_open=request.if_open,
    )


def release_of(reservation_id: str, request: ReleaseRequest) -> commands.ReleaseReservation:
    """The command. Raises Malformed."""
    check_text("$.reason", request.reason)
    stated: list[Stated] = []
    lines = None if request.lines is None else lines_of(request.lines, stated)
    return commands.ReleaseReservation(
        reservation_id=reservation_id,
        stated=tuple(stated),
        lines=lines,
        reason=request.reason,
    )


def lines_of(lines: tuple[LineRequest, ...], stated: list[Stated]) -> tuple[LineQuantity, ...]:
    """The lines of a command; what has to be converted is added. Raises Malformed with a path."""
    found = []
    for index, line in enumerate(lines):
        check_code(f"$.lines[{index}].sku", line.sku)
        check_code(f"$.lines[{index}].location", line.location)
        units = _units(line, index, "lines", index, stated)
        found.append(LineQuantity(sku=line.sku, location=line.location, quantity=units))
    return tuple(found)


def _units(
    line: LineRequest | WantedLineRequest, index: int, name: str, place: int, stated: list[Stated]
) -> int:
    quantity = line.quantity
    if type(quantity) is int and line.uom is None:
        return quantity
    path = f"$.lines[{index}].quantity"
    return units_of(quantity, line.uom, path, stated, f"{name}.{place}.quantity")


def wanted_of(
    lines: tuple[WantedLineRequest, ...], stated: list[Stated]
) -> tuple[tuple[LineQuantity, ...], tuple[SourcedLine, ...]]:
    """Lines with a place of their own, and those that leave it open. Raises Malformed.

    What has to be converted is added to `stated`.
    """
    fixed: list[LineQuantity] = []
    sourced: list[SourcedLine] = []
    stocks = 0
    for index, line in enumerate(lines):
        at = f"$.lines[{index}]"
        check_code(f"{at}.sku", line.sku)
        if line.locations is not None:
            units = _units(line, index, "sourced", len(sourced), stated)
            sourced.append(_sourced(line, at, units))
            stocks += len(line.locations)
            continue
        if line.location is None:
            raise Malformed(f"{at}.location", "a line needs it, or locations")
        if line.sourcing is not None or line.split is not None:
            raise Malformed(at, "sourcing and split belong to locations")
        check_code(f"{at}.location", line.location)
        units = _units(line, index, "lines", len(fixed), stated)
        fixed.append(LineQuantity(sku=line.sku, location=line.location, quantity=units))
    if stocks > _STOCKS_MAX:
        raise Malformed("$.lines", f"at most {_STOCKS_MAX} candidates together, {stocks} given")
    return tuple(fixed), tuple(sourced)


def _sourced(line: WantedLineRequest, at: str, units: int) -> SourcedLine:
    assert line.locations is not None, "a line without them has its place"
    if line.location is not None:
        raise Malformed(f"{at}.location", "a line names it or locations, not both")
    check_locations(f"{at}.locations", line.locations)
    return SourcedLine(
        sku=line.sku,
        locations=line.locations,
        quantity=units,
        sourcing=line.sourcing or "in_order",
        split=line.split or False,
    )


def check_locations(path: str, locations: tuple[str, ...]) -> None:
    """Raises Malformed unless each can be a location, and comes once."""
    for index, location in enumerate(locations):
        check_code(f"{path}[{index}]", location)
        if location in locations[:index]:
            raise Malformed(f"{path}[{index}]", f"{location!r} comes twice")
