"""Cursors come back as they were given out, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.clocks import Asked, Clocks
from projections.cursors import BadCursor, decode, encode
from projections.questions import Place


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**62), st.text(), st.text())
def test_a_cursor_keeps_the_question_it_was_given_for(
    as_of: int, known: int, location: str, sku: str
) -> None:
    """Every page answers the same question."""
    try:
        place = Place(Clocks(as_of, None, known, True), (location, sku))
        place_again = decode(encode(place, location, None), Place, location, None)
    except UnicodeEncodeError:
        return  # Half a surrogate pair is no name.

    assert place == place_again


@pytest.mark.parametrize("cursor", ["", "nonsense", "ä", "gA", "=" * 5, "kwEC"])
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    """It is the caller's mistake, and says so."""
    with pytest.raises(BadCursor):
        decode(cursor, Place)


PLACE = Place(Clocks(7, None, 3, False), ("ams-1", "MUG"))
GIVEN = encode(PLACE, "stock", "MUG", None)


@pytest.mark.parametrize("question", [("stock", None, None), ("stock", "LAMP", None), ("totals",)])
def test_a_cursor_goes_on_with_its_own_question_only(question: tuple[str | None, ...]) -> None:
    """Under another filter it would skip what it never looked at, or carry another's balances."""
    assert PLACE == decode(GIVEN, Place, "stock", "MUG", None)
    with pytest.raises(BadCursor):
        decode(GIVEN, Place, *question)


def test_an_altered_cursor_is_refused() -> None:
    """Whatever it would have said: a place that no page has ended at reaches no database."""
    for at in range(len(GIVEN) - 1):  # The last one holds bits that count for nothing.
        other = "A" if GIVEN[at] != "A" else "B"
        altered = GIVEN[:at] + other + GIVEN[at + 1 :]
        with pytest.raises(BadCursor):
            decode(altered, Place, "stock", "MUG", None)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        (Asked(), True),
        (Asked(as_of=7), True),
        (Asked(known_position=3), True),
        (Asked(as_of=8), False),
        (Asked(known_position=4), False),
        (Asked(known_at=7), False),
    ],
)
def test_a_cursor_keeps_its_clocks_whoever_names_others(asked: Asked, *, fits: bool) -> None:
    """Naming the same again is fine; another one would get an answer to a question not asked."""
    assert fits == PLACE.clocks.fit(asked)
