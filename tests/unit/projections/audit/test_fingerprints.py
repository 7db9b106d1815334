"""What binds rows together: the same rows come to the same, and no others do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.audit.fingerprints import ON_THE_WAY, Fingerprint, fingerprints_of_stocks
from projections.audit.row import BLOCK_EVENTS, Chain, Row, canonical

ROW = Row(7, "stock/a/b", 2, "stock.sold.v1", b'{"quantity":1}', 1_764_000_000_000_000)


@pytest.mark.parametrize(
    "other",
    [
        ROW._replace(position=8),
        ROW._replace(stream="stock/a/c"),
        ROW._replace(version=3),
        ROW._replace(topic="stock.sold.v2"),
        ROW._replace(state=b'{"quantity":2}'),
        ROW._replace(recorded_at=ROW.recorded_at + 1),
        ROW._replace(stream="stock/a/b\nstock.sold.v1", topic=""),
        ROW._replace(topic='stock.sold.v1\n{"quantity":1}', state=b""),
    ],
)
def test_rows_that_differ_in_anything_are_hashed_as_different_bytes(other: Row) -> None:
    """Also where the same letters stand in other columns."""
    assert canonical(ROW) != canonical(other)


def rows(last: int) -> list[Row]:
    """A log, up to a position."""
    return [ROW._replace(position=n, version=n) for n in range(1, last + 1)]


def chain(log: list[Row], stops: list[int]) -> Chain:
    """A chain over a log, read in pages that end at some positions."""
    made = Chain()
    for stop in sorted({*stops, BLOCK_EVENTS, 2 * BLOCK_EVENTS, len(log)}):
        if made.position < stop <= len(log):
            made.add(log[made.position : stop], stop)
    return made


def test_it_does_not_matter_in_which_pages_a_log_was_read() -> None:
    """A round in small pages and an audit in large ones come to the same."""
    log = rows(2 * BLOCK_EVENTS + 50)
    one, other = chain(log, []), chain(log, [3, 9_999, 15_000, 20_001])

    assert (one.fingerprint, one.blocks) == (other.fingerprint, other.blocks)
    assert 2 == len(one.blocks)
    assert one.first_change(other.position, other.fingerprint, other.blocks) is None


@pytest.mark.parametrize(
    ("changed", "block"), [(1, 1), (10_000, 1), (10_001, 10_001), (20_050, 20_001)]
)
def test_where_a_row_was_changed_is_known_to_the_block(changed: int, block: int) -> None:
    """Whoever looks for the row has ten thousand to look at, not the whole log."""
    log = rows(2 * BLOCK_EVENTS + 50)
    before = chain(log, [])
    log[changed - 1] = log[changed - 1]._replace(state=b"{}")
    after = chain(log, [])

    assert block == after.first_change(before.position, before.fingerprint, before.blocks)


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(1, 7))
def test_a_table_comes_to_what_its_rows_were_added_up_to(counts: list[int], page: int) -> None:
    """However many rows a stock has, and wherever a page of the table ends."""
    table: list[tuple[int, ...]] = [
        (stock, position, 0, 0, -1, stock - position)
        for stock, count in enumerate(counts)
        for position in range(1, count + 1)
    ]
    added = {stock: Fingerprint() for stock in range(len(counts))}
    for row in table:
        added[row[0]].add(ON_THE_WAY.pack(*row))
    pages = (table[start : start + page] for start in range(0, len(table), page))

    values, count = fingerprints_of_stocks(ON_THE_WAY, pages, head=100)
    assert len(table) == count
    assert {stock: one.value for stock, one in added.items() if one.value} == values


def test_rows_beyond_the_head_do_not_count() -> None:
    """A projection may be ahead of the audit."""
    table: list[tuple[int, ...]] = [(1, 5, 0, 0, 1, 1), (1, 9, 0, 0, 1, 2)]

    values, _ = fingerprints_of_stocks(ON_THE_WAY, iter([table]), head=5)
    assert values == fingerprints_of_stocks(ON_THE_WAY, iter([table[:1]]), head=9)[0]
