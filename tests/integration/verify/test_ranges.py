"""A range of the log by itself: what its rows show alone is found, what is not covered is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli.verify import command
from tests.support.audited import Audited

FIRST = 100


def run(audited: Audited, *options: str) -> dict[str, Any]:
    """What the command prints with `--json`."""
    urls = ["--database-url", audited.database.service_url, "--json"]
    found: dict[str, Any] = json.loads(CliRunner().invoke(command, [*urls, *options]).stdout)
    return found


def found(audited: Audited, *options: str) -> list[tuple[int, int]]:
    """Law and position of every breach."""
    return [(one["law"], one["position"]) for one in run(audited, *options)["breaches"]]


def test_a_range_that_nobody_touched_passes(audited: Audited) -> None:
    """And it says what it did not look at."""
    answer = run(audited, "--from", str(FIRST), "--to", str(audited.head - 50))

    assert (True, FIRST, audited.head - 50) == (answer["ok"], answer["from"], answer["position"])
    assert audited.head - 50 - FIRST + 1 == answer["events"] == answer["checked"]["events"]
    assert "need the books of all earlier events" in " ".join(answer["uncovered"])
    assert "projections" in " ".join(answer["uncovered"])


def test_a_range_from_the_first_event_on_is_judged_by_every_law(audited: Audited) -> None:
    """There is nothing before it that would be missing."""
    position = audited.position_of("stock.received.v1", 10)
    audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), '\"quantity\":',"
        " '\"quantity\":9')::bytea where position = %s",
        position,
    )

    answer = run(audited, "--to", str(audited.head - 10))
    assert answer["breaches"]
    assert "books" not in " ".join(answer["uncovered"])


def test_books_that_end_within_a_range_are_of_no_use_to_it(
    audited: Audited, tmp_path: Path
) -> None:
    """They have seen what is to be judged; that its laws are left out is said."""
    directory = ("--data-dir", str(tmp_path))
    assert run(audited, *directory)["ok"]

    answer = run(audited, *directory, "--incremental", "--from", str(FIRST))
    assert (True, FIRST) == (answer["ok"], answer["from"])
    assert "need the books" in " ".join(answer["uncovered"])


FORGERIES = {
    "an actor": ("replace(convert_from(state, 'UTF8'), 'till-7', 'till-8')::bytea", 13),
    "no actor": ("replace(convert_from(state, 'UTF8'), 'till-7', '')::bytea", 18),
    "another SKU": ("regexp_replace(convert_from(state, 'UTF8'), 'MUG', 'GUM')::bytea", 17),
    "nothing readable": ("'{'::bytea", 17),
}


@pytest.mark.parametrize(("change", "law"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_row_is_found_in_its_range_and_in_no_other(
    audited: Audited, change: str, law: int
) -> None:
    """What a row says about itself needs nobody else's word."""
    position = audited.database.execute(
        "select position from ledger.events where topic = 'stock.sold.v1' and stream like '%/MUG'"
        " and position > 150 order by position limit 1"
    )[0][0]
    audited.forge(f"update ledger.events set state = {change} where position = %s", position)

    assert (law, position) in found(audited, "--from", "100")
    assert [] == found(audited, "--from", str(position + 5))
    assert [] == found(audited, "--from", "2", "--to", str(position - 1))


def test_a_missing_event_is_found_by_its_neighbour_and_by_its_stream(audited: Audited) -> None:
    """Also where it is the first or the last of the range."""
    position = audited.position_of("stock.received.v1", 12)
    audited.forge("delete from ledger.events where position = %s", position)

    for first, last in ((position - 5, position + 5), (position, position + 5)):
        laws = found(audited, "--from", str(first), "--to", str(last))
        assert (10, position) in laws, (first, last)
    assert (17, position) in found(audited, "--from", str(position - 5), "--to", str(position))


def test_a_stream_that_does_not_go_on_from_before_the_range_is_found(audited: Audited) -> None:
    """The version before the first one of a range stands in the ledger, and before the range."""
    position, stream, version = audited.database.execute(
        "select position, stream, version from ledger.events where version > 3 and position > 150"
        " and stream like 'stock/%' order by position limit 1"
    )[0]
    audited.forge(
        "delete from ledger.events where stream = %s and version = %s", stream, version - 1
    )

    assert (15, position) in found(audited, "--from", str(position), "--to", str(position))


@pytest.mark.parametrize("options", [("--from", "0"), ("--from", "9", "--to", "8"), ("--to", "x")])
def test_a_range_that_is_none_is_bad_usage(audited: Audited, options: tuple[str, ...]) -> None:
    """Exit 2, and a sentence."""
    urls = ["--database-url", audited.database.service_url]

    result = CliRunner().invoke(command, [*urls, *options])
    assert 2 == result.exit_code, result.output


def test_a_range_beyond_the_head_is_bad_usage(audited: Audited) -> None:
    """Nothing is verified by asking for what is not there."""
    urls = ["--database-url", audited.database.service_url]

    result = CliRunner().invoke(command, [*urls, "--to", str(audited.head + 1)])
    assert 2 == result.exit_code
    assert f"1 to {audited.head}" in result.output
