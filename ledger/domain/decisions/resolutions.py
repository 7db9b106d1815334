"""Working a conflict off: people's word, and where a promise is broken what the word does.

| resolution | does to a broken promise |
|---|---|
| `re_source` | holds the short units at one of the candidate locations instead |
| `shorten` | promises so many units less |
| `release` | gives up everything the promise holds in this stock |
| `dismiss`, and any other | nothing: it is said and kept |

`re_source` without candidates is a word like any other: somebody found the units in another way.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from ledger.domain.commands import Candidates, ResolveConflict
from ledger.domain.conflict import Conflict
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.promises import amend_hold
from ledger.domain.decisions.relocation import moved
from ledger.domain.decisions.sourcing import Free, pick, shortfalls_of
from ledger.domain.decisions.standing import refuse_shortfalls
from ledger.domain.decisions.world import Cause, ConflictIds, Deciding, Decision, Effect, World
from ledger.domain.events import (
    ConflictResolved,
    HoldReleased,
    LineQuantity,
    Relocation,
    ReservationAmended,
    ReservationReleased,
    SourcedLine,
)
from ledger.domain.outcomes import ConflictState
from ledger.domain.refusals import IllegalState, Malformed, NotFound
from ledger.domain.reservation import Reservation
from ledger.domain.stock import PROMISE_BROKEN, Stock
from ledger.domain.values import Instant, StockId

RE_SOURCE: Final = "re_source"


class Broken(NamedTuple):
    """A broken promise to be worked off: who holds too much where, and by how many units."""

    reservation: Reservation
    stock: Stock
    short: int


def resolve(command: ResolveConflict, world: World, now: Instant) -> Decision:
    """Close a conflict by somebody's word and do what the word says, in one commit.

    Refused once it is closed in another way, and where the word cannot be kept.
    """
    conflict = world.conflict(command.conflict_id)
    if conflict is None:
        raise NotFound("conflict", command.conflict_id)
    same = (conflict.resolution, conflict.note) == (command.resolution, command.note)
    if conflict.status == "resolved" and same:
        return _state(conflict, command, world.head)
    if conflict.status != "open":
        raise IllegalState("conflict", conflict.conflict_id, conflict.status, "resolve")
    if command.candidates is not None and conflict.kind != PROMISE_BROKEN:
        raise Malformed("$.locations", f"a conflict of kind {conflict.kind} has nothing to move")
    event = ConflictResolved(
        occurred_at=now,
        conflict_id=conflict.conflict_id,
        kind=conflict.kind,
        location=conflict.location,
        sku=conflict.sku,
        resolution=command.resolution,
        note=command.note,
    )
    cause = Cause(instant=now, reason="conflict_resolved")
    broken = _broken(conflict, world, now)
    moves: tuple[Relocation, ...] = ()
    if broken is not None and command.candidates is not None:
        moves = _sources(broken, command.candidates, world, now)
    # The word comes first: what it clears stays resolved, and is not found cleared by itself.
    yield Effect(event, cause)
    work = _WORK.get(command.resolution.replace("-", "_"))
    if moves:
        assert broken is not None, "only a broken promise has units to move"
        yield from moved(broken.reservation, moves, world, cause, ConflictIds(now))
    elif broken is not None and work is not None:
        yield from work(broken, cause, ConflictIds(now))
    return _state(conflict, command, world.head)


def _broken(conflict: Conflict, world: World, now: Instant) -> Broken | None:
    """The promise behind a conflict, if units of it are still held and still short."""
    if conflict.kind != PROMISE_BROKEN or conflict.reservation_id is None:
        return None
    stock = world.stock(StockId(conflict.location, conflict.sku))
    stock.advance(now)
    short = stock.short_now(conflict.reservation_id)
    reservation = world.reservation(conflict.reservation_id)
    if short == 0 or reservation is None or conflict.reservation_id not in stock.holds:
        return None  # It ran out, or others did and left it their units.
    return Broken(reservation, stock, short)


def _sources(
    broken: Broken, candidates: Candidates, world: World, now: Instant
) -> tuple[Relocation, ...]:
    """Where the short units are found, to the last one; refused where they are not."""
    location, sku = broken.stock.stock_id
    if location in candidates.locations:
        raise Malformed("$.locations", f"the units are short at {location!r} itself")
    wanted = SourcedLine(
        sku=sku,
        locations=candidates.locations,
        quantity=broken.short,
        sourcing=candidates.sourcing,
        split=candidates.split,
    )
    # People may give what rules keep back: nothing binds them but what is there.
    free = Free(world, broken.reservation.placed.channel, now)
    had = list(shortfalls_of(wanted, free))
    picked = pick(wanted, free)
    if sum(picked.values()) < wanted.quantity:
        refuse_shortfalls(had)
    return tuple(
        Relocation(
            sku=sku, from_location=location, to_location=stock_id.location, quantity=quantity
        )
        for stock_id, quantity in picked.items()
    )


def _shorten(broken: Broken, cause: Cause, ids: ConflictIds) -> Deciding[None]:
    reservation, stock, short = broken
    yield from amend_hold(reservation, stock, -short, cause, ids)
    yield Effect(
        ReservationAmended(
            occurred_at=cause.instant,
            reservation_id=reservation.reservation_id,
            lines=(_units(stock, -short),),
        ),
        cause,
    )


def _release(broken: Broken, cause: Cause, ids: ConflictIds) -> Deciding[None]:
    reservation, stock, _ = broken
    quantity = stock.holds[reservation.reservation_id].quantity
    released = HoldReleased(
        occurred_at=cause.instant,
        effective_at=max(cause.instant, stock.effective_at),
        sku=stock.stock_id.sku,
        location=stock.stock_id.location,
        reservation_id=reservation.reservation_id,
        quantity=quantity,
    )
    yield from settle(stock, released, cause, ids)
    yield Effect(
        ReservationReleased(
            occurred_at=cause.instant,
            reservation_id=reservation.reservation_id,
            lines=(_units(stock, quantity),),
        ),
        cause,
    )


def _units(stock: Stock, quantity: int) -> LineQuantity:
    location, sku = stock.stock_id
    return LineQuantity(sku=sku, location=location, quantity=quantity)


# Words are also known with a hyphen.
_WORK: Final[dict[str, Callable[[Broken, Cause, ConflictIds], Deciding[None]]]] = {
    "shorten": _shorten,
    "release": _release,
}


def _state(conflict: Conflict, command: ResolveConflict, position: int) -> ConflictState:
    return ConflictState(
        conflict_id=conflict.conflict_id,
        kind=conflict.kind,
        status="resolved",
        resolution=command.resolution,
        note=command.note,
        position=position,
    )
