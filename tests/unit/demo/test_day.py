"""The made-up day: the same seed, the same day, and a story that holds for every seed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from api.demo import day as d

SEEDS = st.integers(0, 2**32)


def test_the_same_seed_makes_the_same_day() -> None:
    """To the last unit; another seed makes another day."""
    assert d.retail_day(7) == d.retail_day(7)
    assert d.retail_day(7) != d.retail_day(8)


@settings(max_examples=10)  # A day takes some hundredths of a second.
@given(seed=SEEDS)
def test_nothing_is_sold_that_is_not_there(seed: int) -> None:
    """At the end of the day every shelf has something left, the unseen sales included."""
    day = d.retail_day(seed)
    for sku in d.ARTICLES:
        for place in (d.WAREHOUSE, *d.SHOPS):
            assert day.level(sku, place, 24 * 60, unseen=True) > 0


@settings(max_examples=10)  # A day takes some hundredths of a second.
@given(seed=SEEDS)
def test_the_island_is_missed_when_the_question_is_asked(seed: int) -> None:
    """The answers before and after its report differ, else there would be nothing to tell."""
    day = d.retail_day(seed)
    sku = day.most_missed()

    known = day.level(sku, d.ISLAND, d.QUESTION_AT, unseen=False)
    assert known > day.level(sku, d.ISLAND, d.QUESTION_AT, unseen=True)
    assert all(deed.location == d.ISLAND and deed.minute >= d.LINE_LOST for deed in day.unseen)


@settings(max_examples=10)  # A day takes some hundredths of a second.
@given(seed=SEEDS)
def test_the_report_breaks_exactly_one_promise(seed: int) -> None:
    """The island sells more of the rare article than the marketplace's promise leaves."""
    day = d.retail_day(seed)

    assert d.RARE_DELIVERED == day.level(d.RARE, d.ISLAND, 24 * 60, unseen=False)
    left = day.level(d.RARE, d.ISLAND, 24 * 60, unseen=True)
    assert 0 <= left < d.RARE_PROMISED
    assert d.FLASH_LEFT == day.level(d.FLASH, d.WAREHOUSE, 24 * 60, unseen=True)


def test_every_request_has_a_key_of_its_own() -> None:
    """A key used twice would be answered from the first."""
    day = d.retail_day(7)
    keys = [deed.key for deed in (*day.deliveries, *day.trading, *day.unseen)]

    assert len(keys) == len(set(keys))
