"""The channel log, value by value, while events are read: each when its position is reached.

What was told is worked out anew, from the auditor's books as they stand at that position, by the
rules of that version, at that instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from ledger.domain.laws import Breach, Breaches
from projections.audit.availability import expected

if TYPE_CHECKING:
    from projections.audit.checker import Checker
    from projections.audit.log import Source
    from projections.audit.row import Row

_START = -(2**63)


class Last(Struct):
    """The last value that was judged: the next one follows it."""

    generation: int = 0
    told: int = 0
    position: int = 0
    instant: int = _START


class _Value(NamedTuple):
    """A row of the channel log."""

    generation: int
    told: int
    channel: str
    sku: str
    location: str
    ats: int
    position: int
    rule_version: int
    instant: int
    expires: int | None
    inputs: str


class Tellings:
    """Judges what channels were told as a checker comes to it."""

    def __init__(self, source: Source, checker: Checker) -> None:
        """Go on after the last value that the checker's books have judged."""
        self._source = source
        self._checker = checker
        self._waiting: deque[_Value] = deque()
        self._read = checker.told.generation, checker.told.told
        self._more = True
        self.judged = 0

    def take_all(self, rows: Sequence[Row]) -> None:
        """Check a page of events, and the values that were told at each of their positions."""
        if not rows:
            return
        last = rows[-1].position
        self._more = True
        if not self._due(last, last):
            self._checker.take_all(rows)
            return
        for row in rows:
            while self._due(row.position - 1, last):
                self._judge(self._waiting.popleft())
            self._checker.take(row)
        while self._due(last, last):
            self._judge(self._waiting.popleft())

    def _due(self, position: int, last: int) -> bool:
        """Whether there is a value of a position or an earlier one; those up to `last` are read."""
        if not self._waiting and self._more:
            rows = self._source.all("told", (*self._read, last, self._source.page_rows))
            self._more = len(rows) >= self._source.page_rows
            self._waiting.extend(map(_Value._make, rows))
            if rows:
                self._read = rows[-1][0], rows[-1][1]
        return bool(self._waiting) and self._waiting[0].position <= position

    def _judge(self, value: _Value) -> None:
        self.judged += 1
        checker, last = self._checker, self._checker.told
        found = [*self._follows(value, last)]
        book = checker.channels.get(value.channel)
        at = checker.place.position
        if book is None:
            found.append("the channel was not defined")
        elif value.position == at:  # Else it was told after we had passed: the next round's work.
            if book.version != value.rule_version:
                found.append(f"rules of version {value.rule_version}, they were {book.version}")
            anew = expected(checker, book, value.sku, value.location, value.instant)
            found += _differences(value, anew.ats, anew.expires, anew.inputs)
        where = f"{value.channel!r} of {value.sku!r}" + (
            f" at {value.location!r}" if value.location else ""
        )
        name = f"value {value.told} of generation {value.generation}, told {where}"
        checker.found([Breach(16, value.position, f"channel log, {name}: {w}") for w in found])
        last.generation, last.told = value.generation, value.told
        last.position, last.instant = value.position, value.instant

    def _follows(self, value: _Value, last: Last) -> list[str]:
        """Numbered without a gap in each generation; positions and instants never go back."""
        found = []
        expected_told = last.told + 1 if value.generation == last.generation else 1
        if value.told != expected_told or value.generation < last.generation:
            found.append(f"the value before is {last.told} of generation {last.generation}")
        if value.position < last.position or value.instant < last.instant:
            found.append(f"the value before is of {last.position} and {last.instant}")
        recorded_at = self._checker.place.recorded_at
        if value.position == self._checker.place.position and value.instant < recorded_at:
            found.append(f"it is of {value.instant}, its position of {recorded_at}")
        return found


def _differences(value: _Value, ats: int, expires: int | None, inputs: list[object]) -> list[str]:
    found = []
    if value.ats != ats:
        found.append(f"it says {value.ats}, the events say {ats}")
    if value.expires != expires:
        found.append(f"it runs out at {value.expires}, the events say {expires}")
    try:
        kept = msgspec.json.decode(value.inputs)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        return [*found, f"what it was made from cannot be read: {problem}"]
    if kept != inputs:
        found.append(f"it was made from {kept}, the events say {inputs}")
    return found


def log_ends(source: Source) -> Breaches:
    """The channel log ends with the value that the teller says it told last."""
    generation, told, last_generation, last_told = source.one("told_last") or (0, 0, None, None)
    if (last_generation, last_told) == (generation, told):
        return []
    if told == 0 and (last_generation or 0) < generation:
        return []
    where = f"value {last_told} of generation {last_generation}"
    what = f"channel log ends with {where}, the teller has told {told} of generation {generation}"
    return [Breach(16, 1, what)]
