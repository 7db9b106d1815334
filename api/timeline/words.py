"""A change of a stock in words."""

from collections.abc import Callable
from typing import Final

from api.schemas.questions import MovementItem
from ledger.domain.events import ConflictChange
from ledger.domain.values import PHYSICAL_BUCKETS

ANY: Final = "*"
"""Stands for every reason."""


class Telling:
    """How a kind of event is told, and the reasons it has where nobody gave one."""

    def __init__(self, what: Callable[[MovementItem], str], *reasons: str) -> None:
        """Take a sentence, and the reasons that would only say it again."""
        self.what = what
        self.reasons = frozenset(reasons)


def sentence(item: MovementItem) -> str:
    """What happened, and what it did to promises."""
    telling = TELLINGS.get(item.type)
    what = _verb(item.type) if telling is None else telling.what(item)
    return "; ".join([what, *map(conflict, item.conflicts)])


def reporter(item: MovementItem) -> str:
    """Who says so, where it is written, and why, where that is not said already."""
    parts = [f"by {item.actor}"]
    if item.source != item.actor:
        parts.append(f"({item.source})")
    if item.reference is not None:
        parts.append(f"ref {item.reference}")
    telling = TELLINGS.get(item.type)
    if telling is None or telling.reasons.isdisjoint((item.reason, ANY)):
        parts.append(f"reason {item.reason}")
    return " ".join(parts)


def rests(item: MovementItem) -> str:
    """Where units are that cannot be sold, after it; empty where there are none."""
    levels = {bucket: getattr(item.balances, bucket) for bucket in PHYSICAL_BUCKETS}
    found = [f"{units:,} {name}" for name, units in levels.items() if units and name != "sellable"]
    return f"not for sale: {', '.join(found)}" if found else ""


def conflict(change: ConflictChange) -> str:
    """What became of a conflict."""
    match change.kind:
        case "promise_broken" if change.short:
            return f"the promise to {change.holder} is broken, {change.short:,} short"
        case "promise_broken":
            return f"the promise to {change.holder} can be kept again"
        case "negative_stock" if change.short:
            return f"{change.holder} is {change.short:,} below zero: something was not reported"
        case "negative_stock":
            return f"{change.holder} is not below zero any more"
        case kind if change.short:
            return f"conflict {kind.replace('_', ' ')}: {change.short:,} short"
        case kind:
            return f"conflict {kind.replace('_', ' ')} is cleared"


def _verb(topic: str) -> str:
    return topic.split(".")[1].replace("_", " ")


def _order(item: MovementItem) -> str:
    return "" if item.order is None else f" on order {item.order}"


def _return(item: MovementItem) -> str:
    return "" if item.return_id is None else f" as return {item.return_id}"


def _reservation(item: MovementItem) -> str:
    return "" if item.reservation_id is None else f" for {item.reservation_id}"


def _sold(item: MovementItem) -> str:
    beyond = "" if item.reservation_id is None else f", beyond what was held{_reservation(item)}"
    return f"sold{_order(item)}{beyond}"


def _between(item: MovementItem) -> str:
    """From where to where units went, as far as their buckets are of a shelf."""
    left = [name for name, delta in item.changes.items() if delta < 0 and name != "reserved"]
    came = [name for name, delta in item.changes.items() if delta > 0 and name != "reserved"]
    return "".join([*(f" from {name}" for name in left), *(f" to {name}" for name in came)])


def _counted(item: MovementItem) -> str:
    delta = _shift(item)
    found = f"{abs(delta):,} {_more_or_fewer(delta)} than known" if delta else "as known"
    return f"counted {item.counted:,}, {found} (count {item.count_id})"


def _absorbed(item: MovementItem) -> str:
    delta = _shift(item)
    return (
        f"absorbed by a count, which had seen that {abs(delta):,} {'left' if delta > 0 else 'came'}"
        " before it was reported: the level from here on stays"
    )


def _corrected(item: MovementItem) -> str:
    delta = _shift(item)
    change = f"{abs(delta):,} {_more_or_fewer(delta)} here" if delta else f"moved{_between(item)}"
    return f"movement {item.restates} put right: {change}"


def _more_or_fewer(delta: int) -> str:
    return "more" if delta > 0 else "fewer"


def _shift(item: MovementItem) -> int:
    return sum(delta for name, delta in item.changes.items() if name != "reserved")


TELLINGS: Final[dict[str, Telling]] = {
    "stock.opened.v1": Telling(lambda _: "there before the ledger was", "opening"),
    "stock.received.v1": Telling(lambda _: "received from a supplier", "receipt"),
    "stock.sold.v1": Telling(_sold, "sale", "fulfilment"),
    "stock.sale_voided.v1": Telling(
        lambda item: f"sale {item.restates} never took place", "sale_void"
    ),
    "stock.returned.v1": Telling(
        lambda item: f"handed back by a customer{_order(item)}{_return(item)}", "customer_return"
    ),
    "stock.dispositioned.v1": Telling(
        lambda item: f"decided about return {item.return_id}:{_between(item)}", "return_disposition"
    ),
    "stock.adjusted.v1": Telling(lambda _: "adjusted by people", "adjustment"),
    "stock.moved.v1": Telling(lambda item: f"moved{_between(item)}", "condition"),
    "stock.scrapped.v1": Telling(lambda item: f"scrapped{_between(item)}", "scrap"),
    "stock.counted.v1": Telling(_counted, "count"),
    "stock.absorbed.v1": Telling(_absorbed, ANY),  # Its reason is that of what came late.
    "stock.count_cancelled.v1": Telling(
        lambda _: "a count does not stand any more: what it had found is taken back",
        *("cancellation", "correction", "count", "count_cancelled"),
    ),
    "stock.corrected.v1": Telling(_corrected, "correction", "cancellation"),
    "stock.reserved.v1": Telling(
        lambda item: f"reserved{_reservation(item)}",
        *("reservation_placed", "reservation_relocated", "reservation_amended"),
    ),
    "stock.hold_amended.v1": Telling(
        lambda item: f"promise changed{_reservation(item)}",
        *("reservation_amended", "reservation_relocated"),
    ),
    "stock.hold_released.v1": Telling(
        lambda item: f"released{_reservation(item)}", "reservation_released"
    ),
    "stock.hold_relocated.v1": Telling(
        lambda item: f"held elsewhere from now on{_reservation(item)}", "reservation_relocated"
    ),
    "stock.hold_fulfilled.v1": Telling(
        lambda item: f"sold{_order(item)}, as reserved{_reservation(item)}", "fulfilment", "sale"
    ),
    "stock.holds_expired.v1": Telling(
        lambda item: f"the hold ran out{_reservation(item)}", "expiry"
    ),
    "stock.dispatched.v1": Telling(
        lambda item: f"left on transfer {item.transfer_id}", "transfer_dispatch"
    ),
    "stock.transfer_received.v1": Telling(
        lambda item: f"arrived with transfer {item.transfer_id}", "transfer_receipt"
    ),
    "stock.transfer_returned.v1": Telling(
        lambda item: f"came back from transfer {item.transfer_id}", "transfer_receipt"
    ),
}
"""How each kind of event is told. A kind that is missing is told by its name."""
