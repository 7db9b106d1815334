"""Files in the service's own words through the real service: every type, units, repeats, kills."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest

from api.runtime.processes import wait_until
from tests.support.http import Api
from tests.support.servers import REPOSITORY, RunningService

LINES = """\
document,type,sku,location,quantity,uom,delta,counted,of,replaces,from_bucket,to_bucket,reason,occurred_at
D-1,opening,MUG,ams-1,5,,,,,,,,,2026-01-01T08:00:00Z
D-1,receive,MUG,ams-1,2,case,,,,,,,,2026-01-01T09:00:00Z
D-2,sale,MUG,ams-1,4,,,,,,,,,2026-01-02T10:00:00Z
D-2,sale_void,MUG,ams-1,1,,,,D-2:1,,,,,
D-2,return,MUG,ams-1,2,,,,,,,sellable,,2026-01-02T12:00:00Z
D-2,adjust,MUG,ams-1,,,-1,,,,,,broken,2026-01-02T13:00:00Z
D-2,move,MUG,ams-1,3,,,,,,sellable,damaged,,2026-01-02T14:00:00Z
D-2,scrap,MUG,ams-1,1,,,,,,,,,2026-01-02T15:00:00Z
D-3,count,MUG,ams-1,,,,20,,,,,,2026-01-03T10:00:00Z
D-3,count,MUG,ams-1,,case,,2,,D-3:1,,,,2026-01-03T10:00:00Z
D-4,receive,MUG,ams-1,10,,,,,,,,,2026-01-04T10:00:00Z
D-4,correct,MUG,ams-1,7,,,,D-4:1,,,,,
D-4,receive,MUG,ams-1,9,,,,,,,,,2026-01-04T11:00:00Z
D-4,cancel,MUG,ams-1,,,,,D-4:3,,,,,
D-5,receive,FLOUR,ams-1,2.5,kg,,,,,,,,2026-01-05T10:00:00Z
D-5,sale,FLOUR,ams-1,1.25,,,,,,,,,2026-01-05T11:00:00Z
D-5,sale,DELIVERY,ams-1,1,,,,,,,,,2026-01-05T11:00:00Z
"""
MOVEMENTS = LINES.count("\n") - 1


def imported(service: RunningService, file: Path, *, code: int = 0) -> tuple[dict[str, int], str]:
    """Run an import to its end: what it printed by label, and what it complained of."""
    command = [sys.executable, "-m", "api.cli.main", "import", str(file)]
    result = subprocess.run(
        [*command, "--format", "movements", "--data-dir", str(service.data_dir)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert code == result.returncode, result.stderr[-2_000:]
    found = re.findall(r"^([a-z ]+?) +([0-9,]+)(?:  |$)", result.stdout, re.MULTILINE)
    return {label: int(count.replace(",", "")) for label, count in found}, result.stderr


def on_hand(service: RunningService, sku: str) -> dict[str, int]:
    """What a stock holds."""
    with httpx.Client(base_url=service.url, headers=service.headers(), timeout=30) as client:
        (item,) = client.get("/v1/stock", params={"sku": sku}).json()["items"]
    return {name: item[name] for name in ("sellable", "damaged", "on_hand")}


@pytest.fixture(scope="module")
def service(running_service: RunningService) -> RunningService:
    """A service that knows what a case, a kilogram and a delivery are."""
    api = Api.of(running_service)
    for sku, body in {
        "MUG": {"packs": {"case": 12}},
        "FLOUR": {"base_unit": "kg", "scale": 3},
        "DELIVERY": {"service": True},
    }.items():
        answer = api.http.put(f"/v1/skus/{sku}", json=body, headers={"Idempotency-Key": sku})
        assert answer.is_success, answer.text
    api.close()
    return running_service


def test_a_line_of_every_type_is_recorded_and_once(service: RunningService, tmp_path: Path) -> None:
    """Counts, corrections and cancels among them; the file again, as Parquet too, adds nothing."""
    path = tmp_path / "movements.csv"
    path.write_text(LINES)

    first, _ = imported(service, path)
    again, _ = imported(service, path)
    as_parquet, _ = imported(service, _as_parquet(tmp_path))

    assert MOVEMENTS == first["recorded"]
    assert (0, MOVEMENTS) == (again["recorded"], again["already recorded"])
    assert (0, MOVEMENTS) == (as_parquet["recorded"], as_parquet["already recorded"])
    assert {"sellable": 31, "damaged": 3, "on_hand": 34} == on_hand(service, "MUG")
    assert 1_250 == on_hand(service, "FLOUR")["on_hand"]


def _as_parquet(folder: Path) -> Path:
    header, *rows = [line.split(",") for line in LINES.strip().split("\n")]
    columns = {
        name: pa.array([row[place] or None for row in rows], pa.string())
        for place, name in enumerate(header)
    }
    path = folder / "movements.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def test_a_line_that_cannot_be_counted_stops_the_import_and_is_named(
    service: RunningService, tmp_path: Path
) -> None:
    """Once it is put right, the same file goes on from there."""
    path = tmp_path / "wrong.csv"
    head = "document,type,sku,location,quantity,uom\nE-1,receive,MUG,nyc-2,1,case\n"
    path.write_text(head + "E-2,receive,MUG,nyc-2,1,crate\n")
    _, complaint = imported(service, path, code=1)
    path.write_text(head + "E-2,receive,MUG,nyc-2,1,\n")
    right, _ = imported(service, path)

    assert "'crate' is not a unit of it" in complaint
    assert 2 == right["recorded"] + right["already recorded"]


def test_a_killed_import_resumes_to_the_same_result(
    service_factory: Callable[..., RunningService], tmp_path: Path
) -> None:
    """SIGKILL at some point, and the same command again: every line is there once."""
    service = service_factory()
    path, lines = tmp_path / "many.csv", 20_000
    rows = [f"D-{n // 5},receive,SKU-{n % 97},ams-1,1" for n in range(lines)]
    path.write_text("\n".join(["document,type,sku,location,quantity", *rows]) + "\n")
    command = [sys.executable, "-m", "api.cli.main", "import", str(path)]
    process = subprocess.Popen(
        [*command, "--format", "movements", "--data-dir", str(service.data_dir)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    api = Api.of(service)
    assert wait_until(lambda: _position(api) > 0, timeout_s=60)
    process.send_signal(signal.SIGKILL)
    process.wait()

    rest, _ = imported(service, path)
    again, _ = imported(service, path)

    assert lines == rest["recorded"] + rest["already recorded"]
    assert lines == again["already recorded"]
    assert lines == _position(api)
    api.close()


def _position(api: Api) -> int:
    position: int = api.get("/v1/events", limit=1).json()["position"]
    return position
