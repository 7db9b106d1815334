"""The real file through the real service, compared with DuckDB's reading of the raw file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyarrow.parquet
import pytest

from api.runtime.processes import wait_until
from tests.integration.importing.real_file import SHARED, Oracle, needs_the_file
from tests.support.servers import REPOSITORY, RunningService

pytestmark = [needs_the_file, pytest.mark.timeout(900)]

SEED = 20_101_201
MONTHS = ["2010-12", *(f"2011-{month:02}" for month in range(1, 13))]
EVERY_OPENING = os.environ.get("IMPORT_OPENINGS") == "all"
EVERY_MONTH = os.environ.get("STATEMENT_MONTHS") == "all"
WHOLE = {"recorded": 542_783, "already recorded": 0, "conflicts opened": 0, "conflicts open": 0}


def arguments(service: RunningService, file: Path, *more: str) -> list[str]:
    """The command line of an import into a running service."""
    command = [sys.executable, "-m", "api.cli.main", "import", str(file)]
    return [*command, "--format", "online-retail", "--data-dir", str(service.data_dir), *more]


def imported(service: RunningService, file: Path, *more: str) -> dict[str, int]:
    """Run an import to its end; what it printed, by label."""
    result = subprocess.run(
        arguments(service, file, *more), cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert 0 == result.returncode, result.stderr[-2_000:]
    found = re.findall(r"^([a-z ]+?) +([0-9,]+)(?:  |$)", result.stdout, re.MULTILINE)
    return {label: int(count.replace(",", "")) for label, count in found}


def levels(service: RunningService, **question: Any) -> dict[str, int]:
    """On hand per SKU, as the service answers."""
    found: dict[str, int] = {}
    with httpx.Client(base_url=service.url, headers=service.headers(), timeout=60) as client:
        cursor: dict[str, str] = {}
        while True:
            page = client.get("/v1/stock", params={"limit": 1000, **question, **cursor}).json()
            found |= {item["sku"]: item["on_hand"] for item in page["items"]}
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


def without_zeros(found: dict[str, int]) -> dict[str, int]:
    """A stock that does not exist yet and one with nothing on hand are the same level."""
    return {sku: level for sku, level in found.items() if level}


def following(month: str) -> str:
    """The month after one."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02}"


def statements(service: RunningService, **question: Any) -> dict[str, dict[str, int]]:
    """Of every SKU at the warehouse, as the service answers."""
    asked = {"location": "warehouse", "group_by": "sku", "limit": 1000, **question}
    found: dict[str, dict[str, int]] = {}
    with httpx.Client(base_url=service.url, headers=service.headers(), timeout=60) as client:
        while True:
            page = client.get("/v1/statements", params=asked).json()
            found |= {item["sku"]: in_plain_numbers(item) for item in page["items"]}
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]


def in_plain_numbers(item: dict[str, Any]) -> dict[str, int]:
    """Both ends of a statement, and its lines by the type of their events."""
    told = dict.fromkeys(("opened", "sold", "returned", "adjusted", "entries"), 0)
    for line in (line for counter in item["counters"] for line in counter["lines"]):
        told[line["type"].split(".")[1]] += line["quantity"]
        told["entries"] += line["entries"]
    ends = {name: int(item[name]["on_hand"]) for name in ("opening", "closing")}
    assert [] == item["moves"]
    return ends | told


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 60,000 lines."""
    path = tmp_path_factory.mktemp("file") / "part.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(SHARED).slice(0, 60_000), path)
    return path


@pytest.fixture(scope="module")
def whole(running_service: RunningService) -> tuple[RunningService, dict[str, int]]:
    """A service with the whole file in it, and what the import printed."""
    return running_service, imported(running_service, SHARED, "--opening", "auto")


def test_every_line_is_recorded_and_no_level_breaks(
    whole: tuple[RunningService, dict[str, int]],
) -> None:
    """The known counts, no conflict, and the final levels of an independent computation."""
    service, printed = whole

    assert WHOLE | {"skipped": 2_995} == {name: printed[name] for name in [*WHOLE, "skipped"]}
    assert Oracle().final() == levels(service)


def test_the_past_is_what_duckdb_makes_of_the_raw_file(
    whole: tuple[RunningService, dict[str, int]],
) -> None:
    """On hand of every SKU at twenty random instants of the year."""
    oracle = Oracle()
    for moment in oracle.instants(20, SEED):
        assert without_zeros(oracle.as_of(moment)) == without_zeros(
            levels(whole[0], as_of=moment)
        ), moment


@pytest.mark.parametrize("month", MONTHS if EVERY_MONTH else MONTHS[::6])
def test_statements_of_every_sku_are_what_duckdb_makes_of_the_raw_file(
    whole: tuple[RunningService, dict[str, int]], month: str
) -> None:
    """What there was, what came and went in which way, what there was then: every month adds up.

    CI looks at the first, one in the middle and the last; STATEMENT_MONTHS=all at all of them.
    """
    start, end = f"{month}-01T00:00:00Z", f"{following(month)}-01T00:00:00Z"
    expected = {
        sku: told for sku, told in Oracle().statements(start, end).items() if any(told.values())
    }
    found = statements(whole[0], **{"from": start, "to": end})
    for sku, told in found.items():
        ways = sum(told[name] for name in ("opened", "sold", "returned", "adjusted"))
        assert told["opening"] + ways == told["closing"], sku

    assert expected == {sku: told for sku, told in found.items() if any(told.values())}


def test_importing_again_records_nothing(whole: tuple[RunningService, dict[str, int]]) -> None:
    """The same lines are the same movements."""
    service, printed = whole
    again = imported(service, SHARED, "--opening", "auto")

    assert (0, 542_783) == (again["recorded"], again["already recorded"])
    assert printed["ledger position"] == again["ledger position"]


def test_killed_in_the_middle_it_resumes_to_the_same_result(
    service_factory: Callable[..., RunningService], part: Path
) -> None:
    """After kill -9 of the import, started again, it ends where an undisturbed one would."""
    service = service_factory()
    process = subprocess.Popen(
        arguments(service, part), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    recorded = lambda: head(service) > 15_000  # noqa: E731 - a name for the condition
    assert wait_until(recorded, timeout_s=120), "the import did not get going"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    interrupted_at = head(service)
    printed = imported(service, part)

    oracle = Oracle(part)
    assert 0 < printed["already recorded"] >= interrupted_at - 1_000
    assert printed["recorded"] + printed["already recorded"] == head(service)
    assert 0 == printed["conflicts open"]
    assert oracle.final() == levels(service)


def head(service: RunningService) -> int:
    """The ledger's position, read where nobody can be behind."""
    with psycopg.connect(service.runtime()["database"]) as connection:
        row = connection.execute("select position from ledger.heads").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.skipif(not EVERY_OPENING, reason="takes a minute: IMPORT_OPENINGS=all runs it")
def test_a_longer_file_adds_what_is_new_in_it(
    service_factory: Callable[..., RunningService], part: Path, tmp_path: Path
) -> None:
    """However the lines are packed into requests, each is recorded once, invoice by invoice."""
    service = service_factory()
    shorter = tmp_path / "shorter.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(part).slice(0, 20_500), shorter)
    first = imported(service, shorter, "--opening", "none")
    more = imported(service, part, "--opening", "none")

    assert first["recorded"] == more["already recorded"]
    assert first["recorded"] + more["recorded"] == more["movements"]


@pytest.mark.skipif(not EVERY_OPENING, reason="takes minutes: IMPORT_OPENINGS=all runs it")
def test_without_opening_stock_every_sale_is_recorded_all_the_same(
    service_factory: Callable[..., RunningService],
) -> None:
    """A fact is never refused: levels below zero are conflicts, cleared when stock comes back."""
    printed = imported(service_factory(), SHARED, "--opening", "none")

    expected = {
        "recorded": 538_914,
        "conflicts opened": 3_974,
        "of these cleared": 140,
        "conflicts open": 3_834,
    }
    assert expected == {name: printed[name] for name in expected}
