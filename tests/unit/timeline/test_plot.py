"""The level over time in a few columns, however long the history is."""

from itertools import pairwise
from random import Random

import pytest

from api.timeline.plot import Column, Levels, plot


def kept(changes: list[tuple[int, int]], columns_max: int = 200) -> Levels:
    """Levels from times and levels."""
    levels = Levels(columns_max)
    before = 0
    for at, level in changes:
        levels.add(at, level, before)
        before = level
    return levels


def slow(changes: list[tuple[int, int]], count: int, width: int) -> list[Column]:
    """The same columns, each looked for in the whole history."""
    start = changes[0][0]
    used = (changes[-1][0] - start) // width + 1
    found = []
    for first, last in pairwise(place * used // count for place in range(count + 1)):
        begin, end = start + first * width, start + max(first + 1, last) * width
        inside = [level for at, level in changes if begin <= at < end]
        earlier = [level for at, level in changes if at < begin]
        seen = [*earlier[-1:], *inside]
        found.append(Column(min(seen), max(seen), seen[-1]))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_columns_say_what_the_whole_history_says(seed: int) -> None:
    """The lowest, the highest and the last level of every stretch, whatever was merged."""
    random = Random(seed)
    at, changes = 1_767_254_400_000_000, []
    for _ in range(random.randrange(1, 400)):
        changes.append((at, random.randrange(-20, 100)))
        at += random.choice((0, 1, 1_000, 10**6, 10**9, 10**12))
    levels = kept(changes)

    assert slow(changes, 80, levels._width) == levels.drawn(80)


def test_the_number_of_columns_does_not_grow_with_the_history() -> None:
    """A million changes take the memory of some hundred."""
    levels = kept([(10**9 * number, number % 50) for number in range(50_000)])

    assert 200 >= len(levels._found)
    assert (0, 49) == levels.range


def test_a_plot_is_labelled_at_both_ends_of_both_axes() -> None:
    """Without numbers a curve says nothing."""
    levels = kept([(0, 4), (10, 8), (20, 2), (30, 6)])
    drawn = [*plot(levels, ("monday", "tuesday"), 34, rows=4)]

    assert drawn == [
        "8 ┤          ░█████████░",
        "  ┤          ░█████████░         ░",
        "  ┤████████████████████░         ░",
        "0 ┤███████████████████████████████",
        "  └───────────────────────────────",
        "   monday                  tuesday",
    ]


def test_a_level_below_zero_is_seen_to_be() -> None:
    """The axis shows where nothing is."""
    levels = kept([(0, 4), (10, -4), (20, 0)])
    drawn = [*plot(levels, ("a", "b"), 27, rows=4)]

    assert ["4", "0", "", "-4"] == [line.partition("┤")[0].strip() for line in drawn[:4]]


def test_a_single_change_can_be_drawn() -> None:
    """One moment is a history, too."""
    drawn = [*plot(kept([(7, 3)]), ("now", "now"), 20, rows=2)]

    assert ["3 ┤" + "█" * 17, "0 ┤" + "█" * 17] == drawn[:2]


def test_a_little_is_not_drawn_as_nothing() -> None:
    """One unit beside a million is one unit."""
    drawn = [*plot(kept([(0, 1_000_000), (10, 1), (100, 0)]), ("a", "b"), 40, rows=2)]

    assert "▁" in drawn[1]
