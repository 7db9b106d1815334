"""How entries are summed: blocks of them, sixteen of which make one of the next level.

A stock's blocks are of so many of its entries, a location's and the network's of so many
positions, so that what is known at a position is a number of whole blocks and a few entries more.
Within a block, entries are summed by the business day on which they happened.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ledger.domain.values import EARLIEST, MICROSECONDS_PER_SECOND, Instant


class Sizes(Struct, frozen=True):
    """What is summed first: entries of a stock; positions, for locations and the network."""

    stock: int
    place: int


SIZES = Sizes(stock=256, place=4_096)
"""What is in no full block yet is read one by one: that takes a millisecond, or ten of them."""

FANOUT_BITS: Final = 4
LEVELS: Final = 10
"""Enough for 2**48 blocks, which no ledger will have."""

NETWORK: Final = 0
"""The book of everything."""

DAY: Final = 86_400 * MICROSECONDS_PER_SECOND


def day_of(at: Instant) -> int:
    """The business day of an instant: days since the first that the ledger can name."""
    return (at - EARLIEST) // DAY


def day_begins(day: int) -> Instant:
    """The first instant of a day."""
    return EARLIEST + day * DAY


def filled(before: int, after: int, size: int) -> Iterator[tuple[int, int, int]]:
    """What became full between two counts: level, first block, first one that is not full."""
    for level in range(LEVELS):
        width = size << (FANOUT_BITS * level)
        first, until = before // width, after // width
        if first == until:
            return  # Nor has a larger one.
        yield level, first, until
