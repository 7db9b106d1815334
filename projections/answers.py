"""Shapes of answers that more than one projection can give."""

from typing import Any, Self

from msgspec import Struct

from ledger.domain.values import Instant
from projections.clocks import Clocks


class Levels(Struct, frozen=True, kw_only=True):
    """What one stock has, in base units."""

    sku: str
    location: str
    on_hand: int
    sellable: int
    quarantine: int
    damaged: int
    returned: int
    blocked: int
    reserved: int
    available: int

    @classmethod
    def of(cls, location: str, sku: str, amounts: tuple[Any, ...], **more: int) -> Self:
        """From the five physical buckets and what is reserved; the rest is computed."""
        sellable, quarantine, damaged, returned, blocked, reserved = map(int, amounts)
        return cls(
            sku=sku,
            location=location,
            on_hand=sellable + quarantine + damaged + returned + blocked,
            sellable=sellable,
            quarantine=quarantine,
            damaged=damaged,
            returned=returned,
            blocked=blocked,
            reserved=reserved,
            available=sellable - reserved,
            **more,
        )


class Balance(Levels, frozen=True, kw_only=True):
    """What one stock amounts to, in base units: what it has, and what is on its way there."""

    in_transit: int


class Total(Struct, frozen=True, kw_only=True):
    """What stocks amount to together; `sku` or `location` is None where there are several."""

    sku: str | None
    location: str | None
    stocks: int
    on_hand: int
    sellable: int
    quarantine: int
    damaged: int
    returned: int
    blocked: int
    reserved: int
    available: int
    in_transit: int

    @classmethod
    def of(cls, group: str, sku: str | None, location: str | None, row: tuple[Any, ...]) -> Self:
        """From a group's name, how many stocks it has, their balances and what is on its way."""
        name, *amounts = row
        stocks, *levels, in_transit = (0 if amount is None else int(amount) for amount in amounts)
        sellable, quarantine, damaged, returned, blocked, reserved = levels
        return cls(
            sku=name if group == "sku" else sku,
            location=name if group == "location" else location,
            stocks=stocks,
            on_hand=sellable + quarantine + damaged + returned + blocked,
            sellable=sellable,
            quarantine=quarantine,
            damaged=damaged,
            returned=returned,
            blocked=blocked,
            reserved=reserved,
            available=sellable - reserved,
            in_transit=in_transit,
        )


class TotalsPage(Struct, frozen=True, kw_only=True):
    """Sums over stocks, one or a group each, at a pair of clocks."""

    items: list[Total]
    clocks: Clocks
    position: int
    next_cursor: str | None


class StockPage(Struct, frozen=True, kw_only=True):
    """Balances at `as_of` as known at `known_at_position`, and where the answer was read.

    `settled`: nothing recorded later can belong to that past any more. `known_at` is None where
    the question named neither a time nor a position: everything known so far.
    """

    items: list[Balance]
    as_of: Instant
    known_at: Instant | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None
