"""Documents of the past, said again as plainly as possible: a walk over every event, each time.

Where the domain folds a document by itself, that fold is used: a projection's is another one.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from msgspec import structs

from ledger.domain import conflict, count, reservation, return_, transfer
from ledger.domain import events as e
from ledger.domain.values import Instant
from ledger.recorded import Recorded

Named: TypeAlias = dict[Any, dict[str, Any]]
"""What is said of each document, in the order in which they began."""


def happened(events: Iterable[Recorded], as_of: Instant, known: int) -> list[Recorded]:
    """What had happened by a business time, among what was known at a position."""
    return [r for r in events if r.position <= known and r.event.occurred_at <= as_of]


def _folded(
    events: list[Recorded], base: type, begun: type, name: str, evolve: Callable[[Any, Any], Any]
) -> dict[str, tuple[Any, int]]:
    """The documents of one kind with their versions; none that had not begun."""
    found: dict[str, tuple[Any, int]] = {}
    begins = {getattr(r.event, name) for r in events if isinstance(r.event, begun)}
    for r in events:
        if isinstance(r.event, base) and (key := getattr(r.event, name)) in begins:
            found[key] = evolve(found[key][0] if key in found else None, r.event), r.version
    return found


def reservations(events: list[Recorded], as_of: Instant) -> Named:
    """Promises: the domain's own, at an instant. It has never heard of sweeps."""
    folded = _folded(
        events,
        e.ReservationEvent,
        e.ReservationPlaced,
        "reservation_id",
        reservation.evolve,
    )
    return {
        key: {
            "status": one.status(as_of),
            "kind": one.kind,
            "expires_at": one.expires_at,
            "version": version,
            "lines": [structs.asdict(line) for line in one.line_states(as_of)],
        }
        for key, (one, version) in folded.items()
    }


def transfers(events: list[Recorded], _: Instant) -> Named:
    """Transfers, by the domain's fold."""
    folded = _folded(events, e.TransferEvent, e.TransferRequested, "transfer_id", transfer.evolve)
    return {
        key: {
            "status": one.status,
            "version": version,
            "lines": [structs.asdict(line.state()) for line in one.lines],
        }
        for key, (one, version) in folded.items()
    }


def returns(events: list[Recorded], _: Instant) -> Named:
    """Returns, by the domain's fold."""
    folded = _folded(events, e.ReturnEvent, e.ReturnAuthorised, "return_id", return_.evolve)
    return {
        key: {
            "status": one.status,
            "version": version,
            "lines": [structs.asdict(line) for line in one.line_states()],
        }
        for key, (one, version) in folded.items()
    }


def counts(events: list[Recorded], _: Instant) -> Named:
    """Count documents, by the domain's fold."""
    folded = _folded(events, e.CountEvent, e.CountOpened, "count_id", count.evolve)
    return {
        key: {
            "status": one.status,
            "version": version,
            "lines": [structs.asdict(line) for line in one.line_states()],
        }
        for key, (one, version) in folded.items()
    }


def conflicts(events: list[Recorded], _: Instant) -> Named:
    """Conflicts, by the domain's fold."""
    folded = _folded(events, e.ConflictEvent, e.ConflictOpened, "conflict_id", conflict.evolve)
    return {
        key: {
            "status": one.status,
            "short": one.short,
            "resolution": one.resolution,
            "location": one.location,
            "sku": one.sku,
        }
        for key, (one, _version) in folded.items()
    }


def orders(events: list[Recorded], _: Instant) -> Named:
    """What orders come to: sums."""
    told = [r.event for r in events if isinstance(r.event, e.OrderEvent)]
    found: Named = {}
    for key in sorted({(event.order, event.sku) for event in told}):
        mine = [event for event in told if (event.order, event.sku) == key]
        changes = [event.conflict for event in mine if event.conflict is not None]
        last = changes[-1] if changes else None
        found[key] = {
            "sold": sum(event.delta for event in mine if isinstance(event, e.OrderSold)),
            "returned": sum(event.delta for event in mine if isinstance(event, e.OrderReturned)),
            "conflict_id": last.conflict_id if last is not None and last.short else None,
        }
    return found


def definitions(events: list[Recorded], kind: type, name: str) -> Named:
    """The last definition of each code."""
    told = [r for r in events if isinstance(r.event, kind)]
    last = {getattr(r.event, name): {"event": r.event, "version": r.version} for r in told}
    return dict(sorted(last.items()))


def channels(events: list[Recorded], _: Instant) -> Named:
    """Channels as they were defined last, with what was measured of them last."""
    found: Named = {}
    for r in events:
        if not isinstance(r.event, e.AnyChannelEvent):
            continue
        one = found.setdefault(r.event.channel, {"measured_s": 0})
        one["version"] = r.version
        if isinstance(r.event, e.ChannelDefined):
            one["event"] = r.event
        elif isinstance(r.event, e.ChannelStalenessChanged):
            one["measured_s"] = r.event.measured_s
    return dict(sorted(found.items()))


def skus(events: list[Recorded], _: Instant) -> Named:
    """SKUs by code."""
    return definitions(events, e.SkuDefined, "sku")


def locations(events: list[Recorded], _: Instant) -> Named:
    """Locations by code."""
    return definitions(events, e.LocationDefined, "location")


def limits(events: list[Recorded], _: Instant) -> Named:
    """The last limit of each stock."""
    told = [r.event for r in events if isinstance(r.event, e.BackorderLimitSet)]
    return dict(sorted({(one.location, one.sku): {"limit": one.limit} for one in told}.items()))


def fences(events: list[Recorded], as_of: Instant) -> Named:
    """Fences: what was granted and not given back or used up, and what running holds have of it."""
    total: dict[tuple[str, str, str], int] = {}
    parts: dict[tuple[str, str, str], tuple[str, int]] = {}
    ends: dict[tuple[str, str, str], Instant | None] = {}
    for event in (r.event for r in events if isinstance(r.event, e.StockEvent)):
        place = (event.location, event.sku)
        for holder, channel, in_hold, gone in _of_fences(event):
            total[*place, channel] = total.get((*place, channel), 0) - gone
            if holder is not None:
                had = parts.get((*place, holder), (channel, 0))[1]
                parts[*place, holder] = channel, had + in_hold
        if isinstance(event, e.StockReserved | e.HoldExtended):
            ends[*place, event.reservation_id] = event.expires_at
        elif isinstance(event, e.HoldConfirmed):
            ends[*place, event.reservation_id] = None
    held = dict.fromkeys(total, 0)
    for (location, sku, holder), (channel, units) in parts.items():
        end = ends.get((location, sku, holder))
        held[location, sku, channel] += units if end is None or end > as_of else 0
    return {key: {"free": total[key] - held[key], "held": held[key]} for key in sorted(total)}


def _of_fences(event: Any) -> Iterable[tuple[str | None, str, int, int]]:
    """Holder, channel, units more in its hold, units that left the fence for good."""
    units = getattr(event, "fence", None)
    match event:
        case e.FenceGranted():
            yield None, event.channel, 0, -event.quantity
        case e.FenceReturned():
            yield None, event.channel, 0, event.quantity
        case e.HoldsExpired():
            for hold in event.holds:
                if hold.fence is not None:
                    yield hold.reservation_id, hold.fence.channel, -hold.fence.quantity, 0
        case _ if units is None:
            return
        case e.StockSold():
            yield None, units.channel, 0, units.quantity
        case e.HoldFulfilled():
            yield event.reservation_id, units.channel, -units.quantity, units.quantity
        case _:
            more = isinstance(event, e.StockReserved) or getattr(event, "delta", 0) > 0
            yield event.reservation_id, units.channel, units.quantity * (1 if more else -1), 0


KINDS: Final[dict[str, Callable[[list[Recorded], Instant], Named]]] = {
    "reservations": reservations,
    "transfers": transfers,
    "returns": returns,
    "counts": counts,
    "conflicts": conflicts,
    "orders": orders,
    "skus": skus,
    "channels": channels,
    "locations": locations,
    "fences": fences,
    "limits": limits,
}
"""Every kind of document there is a past of."""
