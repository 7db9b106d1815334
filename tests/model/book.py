"""What the model remembers with: quantities as sums of what was told, and a no that leaves nothing.

There is no rule here; those are in `reference.py`, and how the service puts things in `answers.py`.
"""

import pickle
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

EVER = 1 << 62

Stock = tuple[str, str]  # A location and a SKU.
Json = dict[str, Any]


class Refused(Exception):
    """The answer is a no with this code and these facts."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code, self.facts = code, facts


def require(condition: object, code: str, **facts: Any) -> None:
    """The answer is a no unless this holds."""
    if not condition:
        raise Refused(code, **facts)


@contextmanager
def whole(model: Any) -> Iterator[None]:
    """Everything in here happens, or, where it is refused, nothing."""
    before = pickle.dumps(model.__dict__)
    try:
        yield
    except Refused:
        model.__dict__ = pickle.loads(before)
        raise


def added_up(lines: Any) -> Counter[Any]:
    """Units by stock, or by SKU: lines about the same count together."""
    total: Counter[Any] = Counter()
    for line in lines:
        item = (line["location"], line["sku"]) if "location" in line else line["sku"]
        total[item] += line["quantity"]
    return total


class Document:
    """Something with lines: of each item, units in some columns.

    Every quantity is a sum of steps: so many units more, or fewer, at a business time, told by a
    command. Commands are numbered, so that the past can be asked for as it was known after any.
    """

    def __init__(self, name: str = "", **asked: Any) -> None:
        self.name, self.asked, self.channel, self.made = name, asked, asked.get("channel"), ""
        self.steps: list[tuple[Any, str, int, int, int]] = []
        self.runs: list[tuple[int, int, int]] = []  # When a promise runs out, as said when.
        self.figures: dict[tuple[str, str], Json] = {}  # Of a count, by SKU and bucket.

    def of(self, item: Any, *columns: str) -> list[tuple[int, int, int]]:
        """The steps of some units: how many, when, told by which command."""
        return [step[2:] for step in self.steps if step[0] == item and step[1] in columns]

    def total(self, item: Any, *columns: str, at: int = EVER, known: int = EVER) -> int:
        """Units at a business time, as known after a command."""
        steps = self.of(item, *columns)
        return sum(units for units, when, told in steps if when <= at and told <= known)

    def least(self, item: Any, column: str, *, since: int) -> int:
        """The fewest units at any business time from one on."""
        times = [when for _, when, _ in self.of(item, column) if when > since]
        return min(self.total(item, column, at=at) for at in (since, *times))

    def since(self, item: Any, column: str) -> int:
        """The command since which there have always been some."""
        steps = self.of(item, column)
        before = accumulate((units for units, _, _ in steps), initial=0)
        return max(told for (_, _, told), units in zip(steps, before, strict=False) if not units)

    def lines(self) -> dict[Any, Counter[str]]:
        """Everything as it stands now."""
        lines: dict[Any, Counter[str]] = {}
        for item, column, units, _, _ in self.steps:
            lines.setdefault(item, Counter())[column] += units
        return lines

    def column(self, *names: str) -> Counter[Any]:
        """Units of every item in one column, or in some together."""
        return Counter({item: sum(line[n] for n in names) for item, line in self.lines().items()})
