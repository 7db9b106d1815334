"""What a stream of events holds, weighed against what is known: the whole table."""

import pytest

from subscribers.judgement import Found, Kept, Ledger, Verdict, judge
from subscribers.witness import Place

NAME = "witness-1"
WHOLE = Found(1, first=1, last=9, messages=9, reach=9, end=Place(1, 9, "row-9"))
EMPTY = Found(1)
KEPT = Kept(1, 9, NAME)
KNOWS = Place(1, 9, "row-9")
LEDGER = Ledger(12, "row-9", "row-9")


def cut(reach: int, last: int | None = None) -> Found:
    """A stream that ends earlier; `last` where the server still counts what was in it."""
    return Found(1, 1, last or reach, reach, reach, Place(1, reach, f"row-{reach}"))


@pytest.mark.parametrize(
    ("found", "kept", "witness", "ledger", "word"),
    [
        # A true prefix, with all that was told in it.
        (EMPTY, Kept(1), None, Ledger(0, "", ""), "continue"),
        (WHOLE, KEPT, KNOWS, LEDGER, "continue"),
        (WHOLE, KEPT, None, Ledger(12, "row-9", ""), "continue"),
        (WHOLE, Kept(1), None, Ledger(12, "row-9", ""), "continue"),
        (WHOLE, KEPT, Place(1, 7, "row-7"), Ledger(12, "row-9", "row-7"), "continue"),
        # It lost its end, and the ledger is known to be the one that was told.
        (cut(5), KEPT, KNOWS, Ledger(12, "row-5", "row-9"), "continue"),
        (cut(5, 9), KEPT, KNOWS, Ledger(12, "row-5", "row-9"), "rebuild"),
        (EMPTY, KEPT, KNOWS, LEDGER, "continue"),
        (Found(1, last=9), KEPT, KNOWS, LEDGER, "rebuild"),
        # It lost its end, and nobody who would have to know can say so.
        (cut(5), KEPT, None, Ledger(12, "row-5", ""), "refuse"),
        (cut(5), KEPT, Place(1, 7, "row-7"), Ledger(12, "row-5", "row-7"), "refuse"),
        (cut(5), Kept(1, 9, "other"), KNOWS, Ledger(12, "row-5", "row-9"), "refuse"),
        (EMPTY, KEPT, None, Ledger(12, "", ""), "refuse"),
        (Found(1, last=9), Kept(1), None, Ledger(12, "", ""), "refuse"),
        # The ledger is another one.
        (WHOLE, KEPT, KNOWS, Ledger(8, "", ""), "refuse"),
        (WHOLE, KEPT, KNOWS, Ledger(12, "other", "other"), "refuse"),
        (WHOLE, KEPT, None, Ledger(8, "", ""), "refuse"),
        (WHOLE, KEPT, None, Ledger(12, "other", ""), "refuse"),
        (EMPTY, Kept(1, 4, NAME), KNOWS, Ledger(8, "", ""), "refuse"),
        (cut(5), Kept(1, 4, NAME), KNOWS, Ledger(12, "row-5", "other"), "refuse"),
        # A hole, or an end that cannot be read.
        (WHOLE._replace(messages=8), KEPT, KNOWS, LEDGER, "refuse"),
        (WHOLE._replace(first=2, messages=8), KEPT, KNOWS, LEDGER, "refuse"),
        (WHOLE._replace(reach=0, end=None), KEPT, KNOWS, LEDGER, "refuse"),
        # Another generation: an older copy came back, or a new one was begun.
        (WHOLE, Kept(2), None, Ledger(12, "row-9", ""), "refuse"),
        (EMPTY, Kept(2), KNOWS, Ledger(4, "", ""), "continue"),
        (Found(2), KEPT, KNOWS, LEDGER, "continue"),
        (EMPTY, Kept(1, 4, NAME), Place(2, 9, "row-9"), LEDGER, "continue"),
        (EMPTY, Kept(1, 4, NAME), Place(2, 9, "row-9"), Ledger(12, "", "other"), "refuse"),
    ],
)
def test_a_stream_is_continued_made_anew_or_left_to_people(
    found: Found, kept: Kept, witness: Place | None, ledger: Ledger, word: str
) -> None:
    """Only what tells nobody anything untrue happens by itself."""
    assert word == judge(found, kept, witness, NAME, ledger).word


@pytest.mark.parametrize(
    ("found", "kept", "generation"),
    [
        (WHOLE, KEPT, 1),
        (EMPTY, Kept(3), 3),
        (Found(4), Kept(3), 4),
    ],
)
def test_the_highest_generation_anybody_knows_is_told(
    found: Found, kept: Kept, generation: int
) -> None:
    """A stream that was lost and made anew is the copy it was, not the first again."""
    assert generation == judge(found, kept, None, NAME, Ledger(12, "row-9", "")).generation


def test_a_hole_can_be_repaired_only_where_the_ledger_is_vouched_for() -> None:
    """People are told which of the two commands is right."""
    hole = WHOLE._replace(messages=8)

    def why(witness: Place | None) -> Verdict:
        return judge(hole, KEPT, witness, NAME, LEDGER._replace(at_witness="row-9"))

    assert "streams repair" in why(KNOWS).why
    assert why(KNOWS).vouched
    assert "streams regenerate" in why(None).why
    assert not why(None).vouched
