"""Blocks of statements that a short history fills, on several levels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from projections.audit import statements
from projections.bookkeeping import blocks

SMALL: Final = blocks.Sizes(stock=2, place=5)


@contextmanager
def small_blocks() -> Iterator[None]:
    """For projecting, asking and auditing alike."""
    usual = blocks.SIZES, statements.STOCK_BLOCK, statements.PLACE_BLOCK
    blocks.SIZES, statements.STOCK_BLOCK, statements.PLACE_BLOCK = SMALL, SMALL.stock, SMALL.place
    try:
        yield
    finally:
        blocks.SIZES, statements.STOCK_BLOCK, statements.PLACE_BLOCK = usual
