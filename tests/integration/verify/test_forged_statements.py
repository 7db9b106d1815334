"""Sums of statements changed behind the projector's back: found, and named."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.audited import Audited
from tests.support.servers import Database
from tests.support.small_blocks import small_blocks


@pytest.fixture
def summed(database: Database, grow: Callable[[Database, int], int]) -> Iterator[Audited]:
    """A history that fills blocks of several levels."""
    with small_blocks():
        yield Audited(database, grow(database, 7))


def test_sums_of_an_honest_ledger_are_the_auditors(summed: Audited) -> None:
    """He works them out from the log, and from entries that he has compared with it."""
    levels = summed.database.execute(
        "select distinct level from projections.statement_cells where book = 0 order by 1"
    )

    assert [(0,), (1,)] == levels
    assert [] == summed.breaches()


@pytest.mark.parametrize("book", ["book = 0", "book < 0", "book > 0"])
@pytest.mark.parametrize("change", ["quantity = quantity + 1", "entries = entries + 1", "day = 1"])
def test_an_altered_sum_is_found(summed: Audited, book: str, change: str) -> None:
    """Of the network, of a location, of a stock: one too many, and one too few."""
    summed.forge(
        "with one as (select ctid as place from projections.statement_cells"
        f" where {book} order by level desc limit 1)"
        f" update projections.statement_cells t set {change} from one where t.ctid = one.place"
    )

    breaches = summed.breaches()
    assert [12, 12] == [breach.law for breach in breaches]
    assert all("statement_cells" in breach.what for breach in breaches), breaches


def test_a_deleted_sum_is_found(summed: Audited) -> None:
    """A statement that leaves something out must not pass for one that adds up."""
    summed.forge(
        "delete from projections.statement_cells where ctid ="
        " (select min(ctid) from projections.statement_cells)"
    )

    (breach,) = summed.breaches()
    assert "does not hold" in breach.what
