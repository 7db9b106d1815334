"""PURE: what is left of sales that were voided or corrected: at their own instant, by their id."""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from ledger.domain.events import HoldFulfilled, SaleVoided, StockCorrected, StockSold
from ledger.domain.values import Instant
from ledger.recorded import Body

Key: TypeAlias = tuple[int, Instant, str, str | None]
"""A SKU among some, an instant, a principal, and a movement id in its name space."""


class Restated(NamedTuple):
    """An event at an instant at which a sale was restated."""

    sku: int
    at: Instant
    position: int
    body: Body


def is_restating(body: Body | None) -> bool:
    """Whether an event may change what a sale came to."""
    return body is not None and isinstance(body.event, SaleVoided | StockCorrected)


def net_units(about: Iterable[Restated]) -> dict[int, int]:
    """Units that are left of sales, by the position of their events.

    A sale of a promise may be two events; what lacks of it was the last to leave.
    """
    sales: dict[Key, list[Restated]] = {}
    changes: dict[Key, int] = {}
    voids: dict[Key, Key] = {}
    for one in sorted(about, key=lambda one: one.position):
        event, meta = one.body.event, one.body.meta
        owner = meta.owner or meta.actor
        own = (one.sku, one.at, owner, meta.movement_id)
        match event:
            case StockSold() | HoldFulfilled():
                sales.setdefault(own, []).append(one)
            case SaleVoided():
                sale = (one.sku, one.at, owner, event.of)
                voids[own] = sale
                changes[sale] = changes.get(sale, 0) - event.quantity
            case StockCorrected():
                named = (one.sku, one.at, owner, event.of)
                key, sign = (voids[named], -1) if named in voids else (named, 1)
                changes[key] = changes.get(key, 0) + sign * event.quantity
            case _:
                continue
    left: dict[int, int] = {}
    for key, change in changes.items():
        done = 0
        for one in reversed(sales.get(key, ())):
            event = one.body.event
            assert isinstance(event, StockSold | HoldFulfilled)
            of_this = max(change - done, -event.quantity)
            left[one.position] = event.quantity + of_this
            done += of_this
    return left
