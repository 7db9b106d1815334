"""Sums of statements changed behind the projector's back: found, and named."""

from collections.abc import Iterator

import psycopg
import pytest

from ledger.domain.commands import ClosePeriod
from tests.support.audited import Audited, project
from tests.support.histories import BEGIN, Histories, append
from tests.support.servers import Database
from tests.support.small_blocks import small_blocks

COMMANDS = 300


@pytest.fixture
def summed(database: Database) -> Iterator[Audited]:
    """A history that fills blocks of several levels, and a period that was closed."""
    histories = Histories(7)
    items = list(histories.items(COMMANDS))
    period = histories.attempt(ClosePeriod(period_id="2025-11", starts_at=BEGIN, ends_at=BEGIN + 1))
    assert period is not None
    with psycopg.connect(database.owner_url) as connection, small_blocks():
        head = append(connection, [*items, period])
        project(database.service_url)
        yield Audited(database, head)


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


@pytest.mark.parametrize(
    "change",
    [
        "update projections.statement_periods set known_position = known_position - 1",
        "update projections.statement_periods set ends_at = ends_at + 1",
        "update projections.statement_periods set location = 'ams-1'",
        "delete from projections.statement_periods",
    ],
)
def test_an_altered_period_is_found(summed: Audited, change: str) -> None:
    """Whoever moves its pin would move what it was closed with."""
    summed.forge(change)

    (breach,) = summed.breaches()
    assert "statement_periods" in breach.what
