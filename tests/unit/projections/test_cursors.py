"""Cursors come back as they were given out, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.clocks import Clocks
from projections.cursors import BadCursor, decode, encode
from projections.questions import Place


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**62), st.text(), st.text())
def test_a_cursor_keeps_the_question_it_was_given_for(
    as_of: int, known: int, location: str, sku: str
) -> None:
    """Every page answers the same question."""
    try:
        place = Place(Clocks(as_of, None, known, True), "location", (location, sku))
        place_again = decode(encode(place), Place)
    except UnicodeEncodeError:
        return  # Half a surrogate pair is no name.

    assert place == place_again


@pytest.mark.parametrize("cursor", ["", "nonsense", "ä", "gA", "=" * 5, "kwEC"])
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    """It is the caller's mistake, and says so."""
    with pytest.raises(BadCursor):
        decode(cursor, Place)
