"""The checker of what was told is checked first: whatever is planted is found."""

import pytest

from tests.support.told_checker import (
    Effect,
    Row,
    Subject,
    Value,
    check_effects,
    check_line,
    check_log,
    check_values,
)

MUG: Subject = ("web", "MUG", "")
LAMP: Subject = ("web", "LAMP", "")
LOG = [Row(1, *MUG, 10, 1), Row(2, *LAMP, 4, 2), Row(3, *MUG, 9, 3)]
VALUES = {LAMP: Value(2, 4, 2), MUG: Value(3, 9, 3)}
EFFECTS = [Effect(*MUG, 1, 10), Effect(*LAMP, 2, 4), Effect(*MUG, 3, 9)]
LINE = [(1, MUG, 1), (2, LAMP, 2), (3, MUG, 3)]


def test_what_was_told_once_and_in_line_has_no_findings() -> None:
    """The control of the controls; who was busy may have passed over what was overtaken."""
    assert [] == check_log(LOG) + check_values(LOG, VALUES) + check_line(LINE)
    assert [] == check_effects(LOG, EFFECTS) + check_effects(LOG, EFFECTS[1:])


@pytest.mark.parametrize(
    "log",
    [LOG[1:], [*LOG, Row(3, *MUG, 8)], [*LOG, Row(4, *MUG, 9)]],
    ids=["missing", "number twice", "nothing new"],
)
def test_a_log_with_a_hole_or_a_repetition_is_found(log: list[Row]) -> None:
    """Numbers without a gap, and something new under each."""
    assert check_log(log)


@pytest.mark.parametrize(
    "values",
    [
        {MUG: VALUES[MUG]},
        VALUES | {MUG: Value(1, 10, 1)},
        VALUES | {MUG: Value(3, 8, 3)},
        VALUES | {MUG: Value(3, 9, 4)},
        VALUES | {("till", "MUG", ""): Value(1, 1, 4)},
    ],
    ids=["missing", "old", "forged", "elsewhere", "never told"],
)
def test_a_stream_that_does_not_end_as_the_log_does_is_found(values: dict[Subject, Value]) -> None:
    """Subject by subject: the last value, its place, and nothing besides."""
    assert check_values(LOG, values)


@pytest.mark.parametrize(
    "effects",
    [
        EFFECTS[:2],
        [*EFFECTS, EFFECTS[2]],
        [*EFFECTS, EFFECTS[0], EFFECTS[2]],
        [*EFFECTS[:2], Effect(*MUG, 3, 8)],
        [*EFFECTS[:2], Effect("till", "MUG", "", 3, 9)],
    ],
    ids=["not the last", "twice", "backwards", "another value", "another channel"],
)
def test_effects_that_are_not_once_and_the_present_are_found(effects: list[Effect]) -> None:
    """Lost, repeated, out of order, or of something that nobody told."""
    assert check_effects(LOG, effects)


@pytest.mark.parametrize(
    "line",
    [[*LINE, (1, MUG, 4)], [LINE[0], LINE[2], (2, LAMP, 3)], [LINE[0], (2, LAMP, 3)]],
    ids=["old again", "late", "hole"],
)
def test_a_stream_that_is_not_in_line_is_found(line: list[tuple[int, Subject, int]]) -> None:
    """Who was overtaken has written into it."""
    assert check_line(line)
