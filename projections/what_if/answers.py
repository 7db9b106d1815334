"""The shapes of a replay in an answer."""

from typing import Self

from msgspec import Struct


class Seen(Struct, gc=False):
    """What became of recorded sales under one set of rules.

    `sales_lost` are units of sales above what the channel saw, `sales_cut` the sales they belong
    to. Of the sales that opened a conflict, those were prevented that lost so many units that
    they had opened none.
    """

    sales_lost: int = 0
    sales_cut: int = 0
    oversells_prevented: int = 0
    oversells_left: int = 0

    def add(self, other: Self) -> None:
        """Take in another one."""
        self.sales_lost += other.sales_lost
        self.sales_cut += other.sales_cut
        self.oversells_prevented += other.oversells_prevented
        self.oversells_left += other.oversells_left


class Tally(Struct, gc=False):
    """Recorded sales, and what became of them under the other rules and under the actual ones.

    `units_held_before`: of `units`, those whose promise was older than the interval.
    """

    what_if: Seen
    actual: Seen
    sales: int = 0
    units: int = 0
    units_held_before: int = 0
    oversells: int = 0

    @classmethod
    def empty(cls) -> Self:
        """No sale yet."""
        return cls(Seen(), Seen())

    def add(self, other: Self) -> None:
        """Take in another one."""
        self.sales += other.sales
        self.units += other.units
        self.units_held_before += other.units_held_before
        self.oversells += other.oversells
        self.what_if.add(other.what_if)
        self.actual.add(other.actual)


class OfSku(Struct, frozen=True):
    """One SKU's part: in all, and by the day of the sales, counted from 1970."""

    sku: str
    whole: Tally
    days: dict[int, Tally]


class Progress(Struct, frozen=True):
    """How far a replay has come: changes of stocks gone through, of about so many."""

    done: int
    of: int
