"""Commands of tests in one line each: mugs in Amsterdam unless a test says otherwise."""

from typing import Any

from msgspec.structs import replace

from ledger.domain import commands as c
from ledger.domain.events import LineQuantity
from ledger.domain.values import HoldKind, Instant, PhysicalBucket, Policy

SKU = "MUG"
PLACE = "ams-1"


def line(quantity: int, sku: str = SKU, location: str = PLACE) -> LineQuantity:
    """Units of one stock."""
    return LineQuantity(sku=sku, location=location, quantity=quantity)


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


def amend(reservation_id: str, *lines: LineQuantity) -> c.AmendReservation:
    """Set promised totals."""
    return c.AmendReservation(reservation_id=reservation_id, lines=lines)


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


def resolve(conflict_id: str, resolution: str = "counted") -> c.ResolveConflict:
    """Somebody dealt with it."""
    return c.ResolveConflict(conflict_id=conflict_id, resolution=resolution)


def named(movement_id: str, command: c.RecordMovements) -> c.RecordMovements:
    """A movement with an idempotency id of its own."""
    (movement,) = command.movements
    return c.RecordMovements(movements=(replace(movement, movement_id=movement_id),))


# The same, in the past tense, for what was given.
received = receive
sold = sell
reserved = reserve
