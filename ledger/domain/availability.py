"""PURE: what a channel may be told of one SKU, and why. Integers; every rounding tells less.

`ats` is a function of three things: what is there (`Sku`, one `Shelf` a location that feeds the
channel), the channel's rules with its band of staleness, and, in the shelves, the instant at
which holds have run out. The same three give the same number for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from ledger.domain.events.channel import ChannelRules, Rounding, Scope, StalenessBand

HUNDRED_PER_CENT: Final = 10_000
"""Basis points."""

RuleT = TypeVar("RuleT", bound=Scope)


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

    `free` is what promises may take of what is there; `backorder` what may be taken beyond;
    `safety_stock` and `buffer` what was kept back of it; `share` what is left.
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

    `cap` is none where none applies; `multiple` is the units told numbers are multiples of, 0
    where the SKU lacks the pack it has to be told in.
    """

    ats: int
    shares: tuple[ShelfShare, ...]
    shared: int
    staleness_buffer: int
    cap: int | None
    multiple: int


def ats(
    sku: Sku, shelves: Iterable[Shelf], rules: ChannelRules, band: StalenessBand | None = None
) -> Derivation:
    """What a channel may be told of a SKU, with its derivation.

    Each location by itself, so that one that is short never takes from another: free units, plus
    backorder units as far as the channel may use any, less safety stock, less the buffer, and
    never below zero. Their sum, less the buffer of staleness, capped, rounded down to packs.
    """
    backorder = rules.backorder_limit
    parts: list[ShelfShare] = []
    shared = 0
    for shelf in shelves:
        part = _share(sku, shelf, rules, backorder)
        backorder -= part.backorder
        shared += part.share
        parts.append(part)
    late = 0 if band is None else min(shared, _kept(shared, band.units, band.basis_points))
    capped = closest(rules.caps, sku, None)
    cap = None if capped is None else capped.units
    multiple = _multiple(closest(rules.rounding, sku, None), sku)
    total = _told(shared - late, cap, multiple)
    return Derivation(
        total,
        tuple([_with_told(part, band, cap, multiple) for part in parts]),
        shared,
        late,
        cap,
        multiple,
    )


def _share(sku: Sku, shelf: Shelf, rules: ChannelRules, backorder_left: int) -> ShelfShare:
    if rules.only_fenced:
        free = min(shelf.sellable - shelf.reserved - shelf.fenced_others, shelf.fenced_own)
        backorder = 0
    else:
        free = shelf.sellable - shelf.reserved - shelf.fenced_others
        # Not beyond what a reservation would be granted: a shelf that is short has used some.
        backorder = max(0, min(backorder_left, shelf.backorder_limit + min(free, 0)))
    left = max(0, free) + backorder
    safety = closest(rules.safety_stock, sku, shelf.location)
    kept = 0 if safety is None else min(left, safety.units)
    left -= kept
    buffer = closest(rules.buffers, sku, shelf.location)
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
        left - held_back,
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


def closest(rules: Sequence[RuleT], sku: Sku, location: str | None) -> RuleT | None:
    """Of rules of one kind, the one for a SKU at a location: the most particular counts."""
    found: RuleT | None = None
    best = -1
    for rule in rules:
        if (
            (rule.sku is None or rule.sku == sku.sku)
            and (rule.sku_class is None or rule.sku_class == sku.sku_class)
            and (rule.location is None or rule.location == location)
        ):
            rank = (
                4 * (rule.sku is not None)
                + (1 if rule.sku_class is not None else 0)
                + 2 * (rule.location is not None)
            )
            if rank > best:
                found, best = rule, rank
    return found


def band_of(rules: ChannelRules, measured_s: int) -> StalenessBand | None:
    """The band that a measured staleness falls into; none below the first."""
    within = [band for band in rules.staleness if band.from_s <= measured_s]
    return max(within, key=lambda band: band.from_s, default=None)
