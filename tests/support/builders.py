"""Commands of tests in one line each: mugs in Amsterdam unless a test says otherwise."""

from typing import Any

from msgspec.structs import replace

from ledger.domain import commands as c
from ledger.domain.events import LineQuantity, Relocation, SourcedLine
from ledger.domain.values import HoldKind, Instant, PhysicalBucket, Policy, Sourcing

SKU = "MUG"
PLACE = "ams-1"


def line(quantity: int, sku: str = SKU, location: str = PLACE) -> LineQuantity:
    """Units of one stock."""
    return LineQuantity(sku=sku, location=location, quantity=quantity)


def anywhere(
    quantity: int,
    *locations: str,
    sku: str = SKU,
    sourcing: Sourcing = "in_order",
    split: bool = False,
) -> SourcedLine:
    """Units of one SKU from any of some locations."""
    return SourcedLine(
        sku=sku, locations=locations, quantity=quantity, sourcing=sourcing, split=split
    )


def shift(quantity: int, source: str, target: str, sku: str = SKU) -> Relocation:
    """Promised units that shall be held elsewhere."""
    return Relocation(sku=sku, from_location=source, to_location=target, quantity=quantity)


def _one(kind: type[Any], **fields: Any) -> c.RecordMovements:
    return c.RecordMovements(movements=(kind(**{"sku": SKU, "location": PLACE} | fields),))


def together(*parts: c.RecordMovements) -> c.RecordMovements:
    """Several movements as one atomic command."""
    return c.RecordMovements(movements=tuple(m for part in parts for m in part.movements))


def opening(quantity: int, **fields: Any) -> c.RecordMovements:
    """What was there before."""
    return _one(c.Opening, quantity=quantity, **fields)


def receive(quantity: int, **fields: Any) -> c.RecordMovements:
    """Goods from a supplier."""
    return _one(c.Receive, quantity=quantity, **fields)


def sell(quantity: int, **fields: Any) -> c.RecordMovements:
    """Goods to a customer."""
    return _one(c.Sale, quantity=quantity, **fields)


def void(of: str, quantity: int, **fields: Any) -> c.RecordMovements:
    """A sale that was none."""
    return _one(c.SaleVoid, of=of, quantity=quantity, **fields)


def count(counted: int, **fields: Any) -> c.RecordMovements:
    """What somebody saw on the shelf."""
    return _one(c.Count, counted=counted, **fields)


def correct(of: str, quantity: int, **fields: Any) -> c.RecordMovements:
    """What a movement really came to."""
    return _one(c.Correct, of=of, quantity=quantity, **fields)


def cancel(of: str, **fields: Any) -> c.RecordMovements:
    """A movement that was none."""
    return _one(c.Cancel, of=of, **fields)


def take_back(quantity: int, **fields: Any) -> c.RecordMovements:
    """Goods that a customer returns."""
    return _one(c.Return, quantity=quantity, **fields)


def adjust(delta: int, **fields: Any) -> c.RecordMovements:
    """A correction by people."""
    return _one(c.Adjust, delta=delta, **fields)


def move(
    quantity: int, source: PhysicalBucket, target: PhysicalBucket, **fields: Any
) -> c.RecordMovements:
    """Units that change their condition."""
    return _one(c.Move, quantity=quantity, from_bucket=source, to_bucket=target, **fields)


def scrap(quantity: int, **fields: Any) -> c.RecordMovements:
    """Units that are destroyed."""
    return _one(c.Scrap, quantity=quantity, **fields)


def reserve(
    reservation_id: str,
    quantity: int | None = None,
    *lines: LineQuantity,
    sourced: tuple[SourcedLine, ...] = (),
    expires_at: Instant | None = None,
    kind: HoldKind | None = None,
    policy: Policy = "all",
    channel: str | None = "web",
) -> c.PlaceReservation:
    """A promise: soft where it has an expiry, else hard."""
    first = () if quantity is None else (line(quantity),)
    return c.PlaceReservation(
        reservation_id=reservation_id,
        lines=(*first, *lines),
        sourced=sourced,
        channel=channel,
        kind=kind or ("hard" if expires_at is None else "soft"),
        expires_at=expires_at,
        policy=policy,
    )


def confirm(reservation_id: str) -> c.ConfirmReservation:
    """Make it hard."""
    return c.ConfirmReservation(reservation_id=reservation_id)


def extend(reservation_id: str, expires_at: Instant) -> c.ExtendReservation:
    """Let it run out at another instant."""
    return c.ExtendReservation(reservation_id=reservation_id, expires_at=expires_at)


def amend(
    reservation_id: str, *lines: LineQuantity, sourced: tuple[SourcedLine, ...] = ()
) -> c.AmendReservation:
    """Set promised totals."""
    return c.AmendReservation(reservation_id=reservation_id, lines=lines, sourced=sourced)


def relocate(reservation_id: str, *moves: Relocation) -> c.RelocateReservation:
    """Hold units elsewhere."""
    return c.RelocateReservation(reservation_id=reservation_id, moves=moves)


def fulfil(
    reservation_id: str,
    *lines: LineQuantity,
    occurred_at: Instant | None = None,
    if_open: bool = False,
) -> c.FulfilReservation:
    """Promised goods left: those named, or all."""
    return c.FulfilReservation(
        reservation_id=reservation_id,
        lines=lines or None,
        occurred_at=occurred_at,
        if_open=if_open,
    )


def release(reservation_id: str, *lines: LineQuantity) -> c.ReleaseReservation:
    """Give promised units up: those named, or all."""
    return c.ReleaseReservation(reservation_id=reservation_id, lines=lines or None)


def sweep(sku: str = SKU, location: str = PLACE) -> c.ExpireHolds:
    """Write down what has run out."""
    return c.ExpireHolds(sku=sku, location=location)


def resolve(
    conflict_id: str, resolution: str = "counted", *locations: str, **choice: Any
) -> c.ResolveConflict:
    """Somebody dealt with it, or says where else the units may be held."""
    candidates = c.Candidates(locations=locations, **choice) if locations else None
    return c.ResolveConflict(conflict_id=conflict_id, resolution=resolution, candidates=candidates)


def named(movement_id: str, command: c.RecordMovements) -> c.RecordMovements:
    """A movement with an idempotency id of its own."""
    (movement,) = command.movements
    return c.RecordMovements(movements=(replace(movement, movement_id=movement_id),))


def fence(channel: str, quantity: int, sku: str = SKU, location: str = PLACE) -> c.GrantFence:
    """Set units aside for a channel."""
    return c.GrantFence(sku=sku, location=location, channel=channel, quantity=quantity)


def unfence(
    channel: str, quantity: int | None = None, sku: str = SKU, location: str = PLACE
) -> c.ReturnFence:
    """Give back what a channel has not taken: so many units, or all."""
    return c.ReturnFence(sku=sku, location=location, channel=channel, quantity=quantity)


def backorders(limit: int, sku: str = SKU, location: str = PLACE) -> c.SetBackorderLimit:
    """Promise so many units beyond those that are sellable."""
    return c.SetBackorderLimit(sku=sku, location=location, limit=limit)


# The same, in the past tense, for what was given.
received = receive
sold = sell
reserved = reserve
