"""PURE: what a channel may be told of one SKU, and why. Integers; every rounding tells less.

`ats` is a function of three things: what is there (`Sku`, one `Shelf` a location that feeds the
channel), the channel's rules with its band of staleness, and, in the shelves, the instant at
which holds have run out. The same three give the same number for ever.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Self, TypeAlias, TypeVar

from msgspec import Struct

from ledger.domain.events.channel import (
    Buffer,
    Cap,
    ChannelRules,
    Rounding,
    SafetyStock,
    Scope,
    StalenessBand,
)

HUNDRED_PER_CENT: Final = 10_000
"""Basis points."""

RuleT = TypeVar("RuleT", bound=Scope)

ByScope: TypeAlias = Mapping[tuple[str | None, str | None, str | None], RuleT]
"""Rules of one kind by their SKU, class and location."""


class Rulebook(Struct, frozen=True):
    """A channel's rules, ready to be looked up: made once, asked for every SKU."""

    rules: ChannelRules
    safety_stock: ByScope[SafetyStock]
    buffers: ByScope[Buffer]
    caps: ByScope[Cap]
    rounding: ByScope[Rounding]

    @classmethod
    def of(cls, rules: ChannelRules) -> Self:
        """The book of some rules."""
        return cls(
            rules,
            _by_scope(rules.safety_stock),
            _by_scope(rules.buffers),
            _by_scope(rules.caps),
            _by_scope(rules.rounding),
        )


def _by_scope(rules: Iterable[RuleT]) -> ByScope[RuleT]:
    return {(rule.sku, rule.sku_class, rule.location): rule for rule in rules}


class Shelf(Struct, frozen=True, gc=False):
    """What one location has of a SKU at an instant.

    `reserved` is what unexpired holds have; `fenced_own` and `fenced_others` are units set aside,
    for the channel and for others, that no hold has taken; `backorder_limit` is how far the
    location promises beyond what it has.
    """

    location: str
    sellable: int
    reserved: int = 0
    fenced_own: int = 0
    fenced_others: int = 0
    backorder_limit: int = 0


class Sku(Struct, frozen=True, gc=False):
    """What rules ask of a SKU: its code, its class, and its packs in base units."""

    sku: str
    sku_class: str | None = None
    packs: Mapping[str, int] = {}


class ShelfShare(Struct, frozen=True, gc=False):
    """One location's part, step by step.

    `free` is what promises may take of what is there, `safety_stock` and `buffer` what was kept
    back of it, `backorder` what may be taken beyond it; `share` is what is left and what is
    beyond. `told`: where the channel is told of single locations.
    """

    location: str
    sellable: int
    reserved: int
    fenced_own: int
    fenced_others: int
    free: int
    backorder: int
    safety_stock: int
    buffer: int
    share: int
    told: int


class Derivation(Struct, frozen=True, gc=False):
    """How a number came about: `shares` added up, less staleness, capped, in whole packs.

    `backorder` are the units of it that are not there: no more than the channel may have in all,
    and so `shared` may be less than the shares. `cap` is none where none applies; `multiple` is
    the units told numbers are multiples of, 0 where the SKU lacks the pack it is to be told in.
    """

    ats: int
    shares: tuple[ShelfShare, ...]
    backorder: int
    shared: int
    staleness_buffer: int
    cap: int | None
    multiple: int


def ats(
    sku: Sku,
    shelves: Iterable[Shelf],
    rules: ChannelRules | Rulebook,
    band: StalenessBand | None = None,
) -> Derivation:
    """What a channel may be told of a SKU, with its derivation.

    Each location by itself, so that one that is short never takes from another: free units, less
    safety stock, less the buffer, and never below zero, plus backorder units. Their sum, with no
    more backorder units in all than the channel may have, less the buffer of staleness, capped,
    rounded down to packs. In whatever order the locations come, and more stock is never less.
    """
    book = rules if isinstance(rules, Rulebook) else Rulebook.of(rules)
    parts = [share_of(sku, shelf, book) for shelf in shelves]
    beyond = sum(part.backorder for part in parts)
    backorder = min(beyond, book.rules.backorder_limit)
    shared = sum(part.share for part in parts) - beyond + backorder
    late = 0 if band is None else min(shared, _kept(shared, band.units, band.basis_points))
    capped = closest(book.caps, sku, None)
    cap = None if capped is None else capped.units
    multiple = _multiple(closest(book.rounding, sku, None), sku)
    total = _told(shared - late, cap, multiple)
    return Derivation(
        total,
        tuple([_with_told(part, band, cap, multiple) for part in parts]),
        backorder,
        shared,
        late,
        cap,
        multiple,
    )


def share_of(sku: Sku, shelf: Shelf, book: Rulebook) -> ShelfShare:
    """One location's part, by itself: what the channel may count on there."""
    rules = book.rules
    free, backorder = shelf.sellable - shelf.reserved - shelf.fenced_others, 0
    if rules.only_fenced:
        free = min(free, shelf.fenced_own)
    else:
        # Not beyond what a reservation would be granted: a shelf that is short has used some.
        backorder = max(0, min(rules.backorder_limit, shelf.backorder_limit + min(free, 0)))
    left = max(0, free)
    safety = closest(book.safety_stock, sku, shelf.location)
    kept = 0 if safety is None else min(left, safety.units)
    left -= kept
    buffer = closest(book.buffers, sku, shelf.location)
    held_back = 0 if buffer is None else min(left, _kept(left, buffer.units, buffer.basis_points))
    return ShelfShare(
        shelf.location,
        shelf.sellable,
        shelf.reserved,
        shelf.fenced_own,
        shelf.fenced_others,
        free,
        backorder,
        kept,
        held_back,
        left - held_back + backorder,
        0,
    )


def _with_told(
    part: ShelfShare, band: StalenessBand | None, cap: int | None, multiple: int
) -> ShelfShare:
    share = part.share
    late = 0 if band is None else min(share, _kept(share, band.units, band.basis_points))
    return ShelfShare(
        part.location,
        part.sellable,
        part.reserved,
        part.fenced_own,
        part.fenced_others,
        part.free,
        part.backorder,
        part.safety_stock,
        part.buffer,
        share,
        _told(share - late, cap, multiple),
    )


def _kept(of: int, units: int, basis_points: int) -> int:
    return units - (-of * basis_points // HUNDRED_PER_CENT)


def _told(units: int, cap: int | None, multiple: int) -> int:
    if multiple == 0:
        return 0
    units = max(0, units if cap is None else min(units, cap))
    return units - units % multiple


def _multiple(rounding: Rounding | None, sku: Sku) -> int:
    if rounding is None:
        return 1
    return rounding.units if rounding.pack is None else sku.packs.get(rounding.pack, 0)


def closest(rules: ByScope[RuleT], sku: Sku, location: str | None) -> RuleT | None:
    """Of rules of one kind, the one for a SKU at a location: the most particular counts.

    In this order: SKU at location, SKU, class at location, location, class, everything.
    """
    if not rules:
        return None
    code, sku_class = sku.sku, sku.sku_class
    return (
        rules.get((code, None, location))
        or rules.get((code, None, None))
        or rules.get((None, sku_class, location))
        or rules.get((None, None, location))
        or rules.get((None, sku_class, None))
        or rules.get((None, None, None))
    )


def band_of(rules: ChannelRules, measured_s: int) -> StalenessBand | None:
    """The band that a measured staleness falls into; none below the first."""
    within = [band for band in rules.staleness if band.from_s <= measured_s]
    return max(within, key=lambda band: band.from_s, default=None)
