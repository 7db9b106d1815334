"""What names may look like, and that two of them never become one."""

import pytest

from ledger.domain.values import (
    QUANTITY_MAX,
    StockId,
    asked_code_problem,
    code_problem,
    encode_part,
    stream_id,
    text_problem,
)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("MUG", "MUG"),
        ("a-b_9", "a-b_9"),
        ("a.b", "a%2Eb"),
        ("a/b c", "a%2Fb%20c"),
        ("*>", "%2A%3E"),
        ("%41", "%2541"),
        ("é", "%C3%A9"),
        ("☕", "%E2%98%95"),
        ("", ""),
    ],
)
def test_a_part_of_a_name_is_percent_encoded(text: str, encoded: str) -> None:
    """Everything outside letters, digits, underscore and hyphen, byte by byte."""
    assert encoded == encode_part(text)


def test_a_slash_in_a_name_is_no_border_between_names() -> None:
    """The streams of `a/b` at `c` and of `c` at `a/b`'s neighbour differ."""
    assert StockId("a/b", "c").stream != StockId("a", "b/c").stream
    assert "movement/a%2Fb/c" == stream_id("movement", "a/b", "c")


JOINED = ["\U0001f469\u200d\U0001f4bb", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"]
UNSEEN = ["\u200b", "\ufeff", "\u202e", "\ue000", "\uffff", "\u00ad", "\u00a0", "\u3000", "\u0378"]
LOOSE = ["\u200dMUG", "MUG\u200c", "M\u200c\u200dUG", "\u200d"]


@pytest.mark.parametrize(
    "text", ["MUG", "a b", " MUG ", " ", "é", "☕", "x" * 64, "/", "*", ">", ".", "日本", *JOINED]
)
def test_a_printable_name_is_a_code(text: str) -> None:
    """Shops name their things as they like."""
    assert code_problem(text) is None


@pytest.mark.parametrize(
    "text", ["", "x" * 65, "e\u0301", "a\x00", "a\nb", "\ud800", "a\u2028b", "\x7f"]
)
def test_what_would_break_subjects_or_logs_is_no_code(text: str) -> None:
    """Too long, not normalised, or with characters nobody can see."""
    assert code_problem(text) is not None


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_nobody_sees_makes_no_other_code(unseen: str) -> None:
    """Two stocks of one article would look the same on every screen; the refusal names it."""
    problems = [code_problem(text) for text in (f"M{unseen}UG", f"MUG{unseen}", f"é{unseen}é")]

    assert all(problems)
    assert f"U+{ord(unseen):04X}" in (problems[0] or "")


@pytest.mark.parametrize("text", LOOSE)
def test_a_joiner_that_joins_nothing_is_no_part_of_a_code(text: str) -> None:
    """It would only hide that this is another code."""
    assert code_problem(text) is not None


@pytest.mark.parametrize("text", ["M\u200bUG", "\ue000", *LOOSE])
def test_what_was_recorded_before_can_still_be_asked_for(text: str) -> None:
    """Only the door became narrower."""
    assert asked_code_problem(text) is None


@pytest.mark.parametrize(("text", "fine"), [("till 7/8841 é", True), ("a\x00b", False)])
def test_free_text_is_printable(text: str, fine: bool) -> None:
    """References and reasons may hold anything that a reader can see."""
    assert fine == (text_problem(text) is None)


def test_sums_of_quantities_fit_into_what_stores_them() -> None:
    """Nine million of the largest lines stay below 2^63."""
    assert 2**63 > 9_000_000 * QUANTITY_MAX
