"""A marketplace that sees stock late, simulated from the raw file: none of the service's code.

One line after the other in plain Python. What was on the shelf at an instant is a sum over lines
up to it; whether a line was sold short is said by the order of the lines alone.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

_LINES: Final = """
    select upper(trim(stock_code)), epoch_us(invoice_ts), quantity, invoice like 'C%',
           price = 0 and customer_id is null
      from read_parquet(?)
     where regexp_matches(upper(trim(stock_code)), '^[0-9]{5}') and invoice not like 'A%'
       and not (invoice like 'C%' and quantity >= 0)
     order by row_no
"""
_MINUTE: Final = 60_000_000
_DAY: Final = 24 * 60 * _MINUTE


class Line(NamedTuple):
    """A line of the file: what it does to the shelf, and whether it is a sale."""

    sku: str
    moment: int
    delta: int
    sale: bool


class Numbers(NamedTuple):
    """What became of sales: the same numbers for a SKU, for a day, and for all."""

    sales: int = 0
    units: int = 0
    oversells: int = 0
    sales_lost: int = 0
    sales_cut: int = 0
    oversells_prevented: int = 0
    oversells_left: int = 0

    def plus(self, other: "Numbers") -> "Numbers":
        return Numbers(*(one + more for one, more in zip(self, other, strict=True)))


class Result(NamedTuple):
    """By SKU, and by day since 1970."""

    skus: dict[str, Numbers]
    days: dict[int, Numbers]


def lines_of(path: Path) -> list[Line]:
    """The lines of a file that move stock."""
    found = []
    for sku, moment, quantity, cancels, adjusts in duckdb.execute(_LINES, [str(path)]).fetchall():
        sale = not cancels and not adjusts
        found.append(Line(sku, moment, quantity if adjusts else -quantity, sale))
    return found


def least_opening(lines: list[Line]) -> dict[str, int]:
    """The least stock of each SKU with which no line goes below zero."""
    level: dict[str, int] = defaultdict(int)
    least: dict[str, int] = defaultdict(int)
    for line in lines:
        level[line.sku] += line.delta
        least[line.sku] = max(least[line.sku], -level[line.sku])
    return {sku: units for sku, units in least.items() if units}


class Simulation:
    """The file with an opening stock, which comes a minute before the first line."""

    def __init__(self, lines: list[Line], opening: Mapping[str, int]) -> None:
        self._lines = lines
        first = min(line.moment for line in lines) - _MINUTE
        happened: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for sku, units in opening.items():
            happened[sku].append((first, -1, units))
        for number, line in enumerate(lines):
            happened[line.sku].append((line.moment, number, line.delta))
        self._places: dict[str, list[tuple[int, float]]] = {}
        self._levels: dict[str, list[int]] = {}
        for sku, some in happened.items():
            some.sort()
            self._places[sku] = [(moment, number) for moment, number, _ in some]
            self._levels[sku] = [0, *accumulate(delta for _, _, delta in some)]
        self._short = self._shorts(opening)

    def _shorts(self, opening: Mapping[str, int]) -> list[int]:
        """By line: how short a sale was that took the shelf below zero."""
        level: dict[str, int] = defaultdict(int, opening)
        shorts = []
        for line in self._lines:
            before = level[line.sku]
            after = level[line.sku] = before + line.delta
            shorts.append(-after if line.sale and after < 0 <= before else 0)
        return shorts

    def run(self, start: int, end: int, stale_s: int, basis_points: int) -> Result:
        """Every sale from `start` on and before `end`, seen so late and with a buffer."""
        skus: dict[str, Numbers] = defaultdict(Numbers)
        days: dict[int, Numbers] = defaultdict(Numbers)
        for number, (line, short) in enumerate(zip(self._lines, self._short, strict=True)):
            if not line.sale or not start <= line.moment < end:
                continue
            # Who sees at once sees what came before the line, and not the line itself.
            seen_at = (line.moment - stale_s * 1_000_000, inf) if stale_s else (line.moment, number)
            level = self._levels[line.sku][bisect_left(self._places[line.sku], seen_at)]
            seen = max(0, level) - -(-max(0, level) * basis_points // 10_000)
            lost = max(0, -line.delta - seen)
            prevented = 0 < short <= lost
            one = Numbers(
                1, -line.delta, short > 0, lost, lost > 0, prevented, short > 0 and not prevented
            )
            skus[line.sku] = skus[line.sku].plus(one)
            days[line.moment // _DAY] = days[line.moment // _DAY].plus(one)
        return Result(dict(skus), dict(days))
