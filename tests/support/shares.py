"""What a channel may be told, worked out the slow way: by trying numbers from the top down."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from ledger.domain.availability import Shelf, Sku
from ledger.domain.events import ChannelRules, StalenessBand

_ORDER = (
    ("sku", "location"),
    ("sku",),
    ("sku_class", "location"),
    ("location",),
    ("sku_class",),
    (),
)
"""What a rule is for, the closest first."""


def rule_for(rules: Iterable[Any], sku: Sku, location: str | None) -> Any:
    """The rule that counts, or none: what each is for is compared word by word."""
    about = {"sku": sku.sku, "sku_class": sku.sku_class, "location": location}
    for names in _ORDER:
        for rule in rules:
            scope = {name: getattr(rule, name) for name in about if getattr(rule, name) is not None}
            if scope == {name: about[name] for name in names}:
                return rule
    return None


def most_left(of: int, units: int, basis_points: int) -> int:
    """The largest number that still keeps back all of the units and all of the share."""
    for left in range(of, 0, -1):
        if of - left >= units + Fraction(basis_points, 10_000) * of:
            return left
    return 0


def share(sku: Sku, shelf: Shelf, rules: ChannelRules) -> tuple[int, int]:
    """Of one location: units that are there, and units that are not."""
    free = shelf.sellable - shelf.reserved - shelf.fenced_others
    beyond = max(0, min(free, 0) + shelf.backorder_limit)
    if rules.only_fenced:
        free, beyond = min(free, shelf.fenced_own), 0
    left = max(0, free)
    safety = rule_for(rules.safety_stock, sku, shelf.location)
    if safety is not None:
        left = most_left(left, safety.units, 0)
    buffer = rule_for(rules.buffers, sku, shelf.location)
    if buffer is not None:
        left = most_left(left, buffer.units, buffer.basis_points)
    return left, min(beyond, rules.backorder_limit)


def told(units: int, sku: Sku, rules: ChannelRules, band: StalenessBand | None) -> int:
    """A number of units as it is told: the largest that no rule forbids."""
    cap = rule_for(rules.caps, sku, None)
    rounding = rule_for(rules.rounding, sku, None)
    step = 1
    if rounding is not None:
        step = rounding.units if rounding.pack is None else sku.packs.get(rounding.pack, 0)
    most = units if band is None else most_left(units, band.units, band.basis_points)
    for number in range(most, 0, -1):
        if step and number % step == 0 and (cap is None or number <= cap.units):
            return number
    return 0


def slowly(
    sku: Sku, shelves: Sequence[Shelf], rules: ChannelRules, band: StalenessBand | None
) -> tuple[int, list[int]]:
    """The number, and the number of each location."""
    parts = [share(sku, shelf, rules) for shelf in shelves]
    there = sum(left for left, _ in parts)
    beyond = min(sum(more for _, more in parts), rules.backorder_limit)
    total = told(there + beyond, sku, rules, band)
    return total, [told(left + more, sku, rules, band) for left, more in parts]
