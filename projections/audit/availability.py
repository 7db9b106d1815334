"""What a channel may be told, worked out by the auditor himself from his own books.

Nothing of this is shared with the code that tells: not the choice of the rule that counts, not
the arithmetic, not what is reserved at an instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from projections.audit.wire_channels import Limit, Rules

if TYPE_CHECKING:
    from projections.audit.books import Hold, StockBook
    from projections.audit.channels import ChannelBook
    from projections.audit.checker import Checker

_WHOLE_IN_BASIS_POINTS: Final = 10_000
_NO_RULES: Final = Rules()

Shelf = tuple[str, int, int, int, int, int]
"""Location, sellable, reserved, fenced for the channel, fenced for others, backorder limit."""


class Expected(NamedTuple):
    """What a subject says, when it may change by itself, and what it was made from."""

    ats: int
    expires: int | None
    inputs: list[object]


def expected(
    checker: Checker, book: ChannelBook, sku: str, location: str, instant: int
) -> Expected:
    """What a channel is told of a SKU, at a location or ('') all of them together."""
    stocks = _stocks(checker, book, sku)
    shelves = [_shelf(stock, book, instant) for stock in stocks]
    running = [_next(stock, instant) for stock in stocks]
    sku_class, packs = _defined(checker, sku)
    inputs: list[object] = [sku_class, packs, book.measured_s, [list(one) for one in shelves]]
    of = _Subject(book.defined.rules or _NO_RULES, sku, sku_class, packs, book.measured_s)
    shares = [of.share(shelf) for shelf in shelves]
    if location == "":
        expires = min((at for at in running if at is not None), default=None)
        return Expected(of.together(shares), expires, inputs)
    for place, stock in enumerate(stocks):
        if stock.location == location and book.defined.by_location:
            return Expected(of.told(sum(shares[place])), running[place], inputs)
    return Expected(0, None, inputs)


# --- what there is --------------------------------------------------------------------------------


def _stocks(checker: Checker, book: ChannelBook, sku: str) -> list[StockBook]:
    """The stocks of a SKU that feed a channel, by location."""
    feeding = [one for one in checker.shelves.get(sku, ()) if _feeds(checker, book, one.location)]
    return sorted(feeding, key=lambda one: one.location)


def _feeds(checker: Checker, book: ChannelBook, location: str) -> bool:
    sells = book.defined
    known = checker.catalog.locations.get(location)
    if known is None:
        return location in sells.locations
    now = known.definition
    if not now.sells:
        return False
    return (
        location in sells.locations or now.kind in sells.kinds or bool({*now.tags} & {*sells.tags})
    )


def _shelf(stock: StockBook, book: ChannelBook, instant: int) -> Shelf:
    gone = list(_run_out(stock, instant))
    own = others = 0
    fences = stock.fences
    if fences is not None:
        free = {channel: fence.free for channel, fence in fences.channels.items()}
        for hold in gone:
            part = fences.parts.get(hold.reservation_id)
            if part is not None:
                free[part[0]] += part[1]
        own = free.pop(book.defined.channel, 0)
        others = sum(free.values())
    reserved = stock.live - sum(hold.units for hold in gone)
    sellable = stock.levels["sellable"]
    return stock.location, sellable, reserved, own, others, stock.backorder_limit


def _run_out(stock: StockBook, instant: int) -> Iterator[Hold]:
    """Holds that have ended by an instant and were running at the last event."""
    waiting = [0] if stock.expiries else []
    seen: set[str] = set()
    while waiting:  # Down a heap, as far as it is due: the rest has not ended.
        place = waiting.pop()
        expires_at, reservation_id = stock.expiries[place]
        if expires_at > instant:
            continue
        waiting += [at for at in (2 * place + 1, 2 * place + 2) if at < len(stock.expiries)]
        hold = stock.holds.get(reservation_id)
        if hold is not None and _runs(hold, expires_at) and reservation_id not in seen:
            seen.add(reservation_id)
            yield hold


def _next(stock: StockBook, instant: int) -> int | None:
    """When the next hold ends after an instant."""
    return min(
        (
            expires_at
            for expires_at, reservation_id in stock.expiries
            if expires_at > instant
            and (hold := stock.holds.get(reservation_id)) is not None
            and _runs(hold, expires_at)
        ),
        default=None,
    )


def _runs(hold: Hold, expires_at: int) -> bool:
    return hold.expires_at == expires_at and not hold.lapsed


def _defined(checker: Checker, sku: str) -> tuple[str | None, dict[str, int]]:
    book = checker.catalog.skus.get(sku)
    if book is None:
        return None, {}
    now = book.definitions[-1]
    held: dict[str, int] = {now.base_unit: 10**now.scale}
    of = {pack.name: pack for pack in now.packs}

    def units(name: str) -> int:
        if name == now.base_unit or name not in of:
            return held[now.base_unit]
        pack = of[name]
        return pack.factor * units(pack.of or now.base_unit)

    return now.sku_class, held | {name: units(name) for name in of}


# --- what the rules make of it --------------------------------------------------------------------


class _Subject:
    """A SKU under a channel's rules."""

    def __init__(
        self,
        rules: Rules,
        sku: str,
        sku_class: str | None,
        packs: dict[str, int],
        measured_s: int,
    ) -> None:
        self._rules = rules
        self._sku = sku
        self._class = sku_class
        bands = [band for band in rules.staleness if band.from_s <= measured_s]
        self._band = max(bands, key=lambda band: band.from_s) if bands else None
        self._cap = self._rule(rules.caps)
        self._multiple = self._whole_packs(packs)

    def share(self, shelf: Shelf) -> tuple[int, int]:
        """What one location adds: of what is there, and what may be promised beyond."""
        location, sellable, reserved, own, others, limit = shelf
        free = sellable - reserved - others
        beyond = min(self._rules.backorder_limit, max(0, limit - max(0, -free)))
        if self._rules.only_fenced:
            free, beyond = min(free, own), 0
        units = max(free, 0)
        units -= min(units, _less(self._rule(self._rules.safety_stock, location), units))
        units -= min(units, _less(self._rule(self._rules.buffers, location), units))
        return units, beyond

    def together(self, shares: Sequence[tuple[int, int]]) -> int:
        """What is told of all locations: beyond what is there no more than the channel may have."""
        beyond = min(self._rules.backorder_limit, sum(beyond for _, beyond in shares))
        return self.told(sum(units for units, _ in shares) + beyond)

    def told(self, units: int) -> int:
        """What is told of so many: later is less, at most the cap, in whole packs."""
        if self._multiple == 0:
            return 0
        band = self._band
        if band is not None:
            units = max(0, units - band.units - _share(band.basis_points, units))
        if self._cap is not None:
            units = min(units, self._cap.units or 0)
        return units // self._multiple * self._multiple

    def _rule(self, rules: Iterable[Limit], location: str | None = None) -> Limit | None:
        """The most particular rule that is for this SKU at a location."""
        wanted = (self._sku, self._class, location)
        fitting = [
            rule
            for rule in rules
            if all(
                asked in (None, there)
                for asked, there in zip(
                    (rule.sku, rule.sku_class, rule.location), wanted, strict=True
                )
            )
        ]
        return max(fitting, key=_particular) if fitting else None

    def _whole_packs(self, packs: dict[str, int]) -> int:
        rule = self._rule(self._rules.rounding)
        if rule is None:
            return 1
        return packs.get(rule.pack, 0) if rule.pack is not None else (rule.units or 1)


def _particular(rule: Limit) -> tuple[bool, bool, bool]:
    """SKU at location, SKU, class at location, location, class, everything."""
    of_class = rule.sku_class is not None
    return rule.sku is not None, rule.location is not None, of_class


def _less(rule: Limit | None, of: int) -> int:
    return 0 if rule is None else (rule.units or 0) + _share(rule.basis_points or 0, of)


def _share(basis_points: int, of: int) -> int:
    """A share of units, and a part of one counts as one."""
    return (basis_points * of + _WHOLE_IN_BASIS_POINTS - 1) // _WHOLE_IN_BASIS_POINTS
