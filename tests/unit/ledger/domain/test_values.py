"""What names may look like, and that two of them never become one."""

import pytest

from ledger.domain.values import (
    QUANTITY_MAX,
    StockId,
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


@pytest.mark.parametrize("text", ["MUG", "a b", "é", "☕", "x" * 64, "/", "*", ">", "."])
def test_a_printable_name_is_a_code(text: str) -> None:
    """Shops name their things as they like."""
    assert code_problem(text) is None


@pytest.mark.parametrize(
    "text", ["", "x" * 65, "e\u0301", "a\x00", "a\nb", "\ud800", "a\u2028b", "\x7f"]
)
def test_what_would_break_subjects_or_logs_is_no_code(text: str) -> None:
    """Too long, not normalised, or with characters nobody can see."""
    assert code_problem(text) is not None


@pytest.mark.parametrize(("text", "fine"), [("till 7/8841 é", True), ("a\x00b", False)])
def test_free_text_is_printable(text: str, fine: bool) -> None:
    """References and reasons may hold anything that a reader can see."""
    assert fine == (text_problem(text) is None)


def test_sums_of_quantities_fit_into_what_stores_them() -> None:
    """Nine million of the largest lines stay below 2^63."""
    assert 2**63 > 9_000_000 * QUANTITY_MAX
