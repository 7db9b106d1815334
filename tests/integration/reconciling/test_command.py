"""`inventory-ledger reconcile`, as whoever keeps the other system runs it at night."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.http import Api, receive
from tests.support.servers import REPOSITORY, RunningService


@pytest.fixture(scope="module")
def service(running_service: RunningService) -> RunningService:
    """Ten mugs and five lamps."""
    api = Api.of(running_service)
    api.record(receive("MUG", 10), receive("LAMP", 5))
    api.close()
    return running_service


def run(service: RunningService, file: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """The command against a running service."""
    command = [sys.executable, "-m", "api.cli.main", "reconcile", str(file), "--source", "wms"]
    return subprocess.run(
        [*command, "--data-dir", str(service.data_dir), *more],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def listed(folder: Path, *rows: str) -> Path:
    """A CSV file of balances."""
    path = folder / "list.csv"
    path.write_text("sku,location,quantity\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_a_list_that_agrees_ends_well(service: RunningService, tmp_path: Path) -> None:
    """Exit 0, also within a tolerance."""
    agrees = run(service, listed(tmp_path, "MUG,ams-1,10", "LAMP,ams-1,5"), "--complete")
    within = run(service, listed(tmp_path, "MUG,ams-1,12"), "--tolerance", "2")

    assert (0, 0) == (agrees.returncode, within.returncode), agrees.stderr + within.stderr
    assert "keys compared" in agrees.stdout
    assert "largest variances" not in agrees.stdout


def test_what_differs_is_shown_and_written_down(service: RunningService, tmp_path: Path) -> None:
    """Exit 1, the worst first, and all of it in a file."""
    file, out = listed(tmp_path, "MUG,ams-1,70", "GHOST,ams-1,3"), tmp_path / "variances.csv"
    done = run(service, file, "--complete", "-o", str(out))
    rows = list(csv.DictReader(out.read_text().splitlines()))

    assert 1 == done.returncode, done.stderr
    shown = [line.split()[1] for line in done.stdout.splitlines() if "ams-1" in line]
    assert ["MUG", "LAMP", "GHOST"] == shown
    assert {("MUG", "60"), ("GHOST", "3"), ("LAMP", "-5")} == {
        (row["sku"], row["variance"]) for row in rows
    }


def test_the_summary_may_be_json(service: RunningService, tmp_path: Path) -> None:
    """For the job that runs it; the same file under the same id is the same reconciliation."""
    file = listed(tmp_path, "MUG,ams-1,8")
    first, again = (run(service, file, "--json", "--id", "night-1") for _ in range(2))
    found = json.loads(first.stdout)

    assert (1, "night-1", 1) == (
        first.returncode,
        found["reconciliation_id"],
        found["totals"]["beyond"],
    )
    assert [-2] == [one["variance"] for one in found["worst"]]
    assert found["position"] == json.loads(again.stdout)["position"]


@pytest.mark.parametrize(
    ("row", "more", "what"),
    [
        ("MUG,ams-1,some", (), "row 1: its quantity cannot be read"),
        ("MUG,ams-1,1", ("--known-at", "99999999"), "is at position"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    service: RunningService, tmp_path: Path, row: str, more: tuple[str, ...], what: str
) -> None:
    """Exit 1 and no traceback, whether the file is wrong or what was asked."""
    done = run(service, listed(tmp_path, row), *more)

    assert 1 == done.returncode
    assert what in done.stderr
    assert "Traceback" not in done.stderr
