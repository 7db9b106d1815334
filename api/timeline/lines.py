"""Lines for a terminal: a change each, and under them the plot of the level."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from api.schemas.fields import rfc3339, time_of
from api.schemas.questions import MovementItem
from api.timeline.plot import Levels, plot
from api.timeline.words import reporter, rests, sentence
from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant
from projections.history.movements import Order

LATE_FROM: Final = 60 * MICROSECONDS_PER_SECOND
"""Between the moment something happened and its record: below a minute nobody is late."""

WIDTH_MIN: Final = 72
WIDTH_MAX: Final = 400

_HEAD: Final = f"{'when (UTC)':<19} {'change':>8} {'on hand':>8} {'available':>9}  what"
_INDENT: Final = 48


class Timeline:
    """Tells changes of one stock, in the order in which they are given, in constant memory."""

    def __init__(self, sku: str, location: str, order: Order, width: int) -> None:
        """Begin for a terminal of a width."""
        self.told = 0
        self._title = f"{sku} at {location}"
        self._order = order
        self._width = max(WIDTH_MIN, min(WIDTH_MAX, width))
        self._levels = Levels(2 * self._width)

    def _beginning(self) -> Iterator[str]:
        how = "happened" if self._order == "occurred" else "was recorded"
        yield f"{self._title}, as it {how}"
        yield "change: units on hand; in brackets, units reserved"
        yield ""
        yield _HEAD

    def change(self, item: MovementItem) -> Iterator[str]:
        """The lines of one change; before the first one, what they are about."""
        if not self.told:
            yield from self._beginning()
        occurred = time_of(item.occurred_at, "occurred_at")
        recorded = time_of(item.recorded_at, "recorded_at")
        at = {"occurred": occurred, "recorded": recorded}[self._order]
        on_hand = item.balances.on_hand
        shift = sum(delta for name, delta in item.changes.items() if name != "reserved")
        self._levels.add(at, on_hand, on_hand - shift)
        self.told += 1
        figures = f"{_change(item, shift):>8} {on_hand:>8,} {item.balances.available:>9,}"
        other = self._other_time(item, recorded - occurred)
        parts = (sentence(item), rests(item), reporter(item), other)
        words = self._wrapped("; ".join(filter(None, parts)))
        yield f"{_shown(rfc3339(at)):<19} {figures}  {words[0]}"
        yield from (f"{'':{_INDENT}}{line}" for line in words[1:])

    def end(self, *, more: bool) -> Iterator[str]:
        """What comes after the last change: the level over time, and where to go on."""
        if not self._levels:
            yield f"{self._title}: nothing happened"
            return
        if more:
            yield f"and more: go on with --from {rfc3339(self._levels.end)}"
        yield ""
        yield "on hand"
        start, end = (_shown(rfc3339(at)) for at in (self._levels.start, self._levels.end))
        yield from plot(self._levels, (start, end), self._width)

    def _wrapped(self, text: str) -> list[str]:
        width = self._width - _INDENT
        return [text] if len(text) <= width else wrap(text, width)

    def _other_time(self, item: MovementItem, lag: Instant) -> str:
        if item.claimed_at is not None:
            return f"its reporter's clock said {_shown(item.claimed_at)}"
        if lag < LATE_FROM:
            return ""
        if self._order == "recorded":
            return f"happened {_shown(item.occurred_at)}"
        late = "reported late, " if item.occurred_at < item.effective_at else ""
        return f"{late}recorded {_shown(item.recorded_at)}"


def _shown(time: str) -> str:
    """To the second, as people write it."""
    return time[:19].replace("T", " ")


def _change(item: MovementItem, shift: int) -> str:
    held = item.changes.get("reserved", 0)
    on_hand = f"{shift:+,}" if shift else "" if held else "0"
    return " ".join(filter(None, (on_hand, f"({held:+,})" if held else "")))
