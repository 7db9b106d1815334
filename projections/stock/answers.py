"""The shape of the present."""

from msgspec import Struct

from projections.answers import Balance, Total


class Present(Struct, frozen=True, kw_only=True):
    """A page of present balances, the position they reflect, and whether there are more."""

    items: list[Balance]
    position: int
    more: bool


class PresentTotals(Struct, frozen=True, kw_only=True):
    """The first page of present sums, the position they reflect, and whether there are more."""

    items: list[Total]
    position: int
    more: bool
