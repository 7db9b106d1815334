"""A list that was right but for planted errors: each is found and explained, none is invented.

`RECONCILE_ERRORS` (12) of each kind, `RECONCILE_LINES` (15,000) lines of the real file.
"""

import datetime as dt
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow.parquet
import pytest
from msgspec import Struct

from api.schemas.fields import rfc3339
from ledger.clock import SystemClock
from tests.integration.importing.real_file import SHARED, needs_the_file
from tests.integration.reconciling.planting import BIG, Garden, Planted, levels, shelves
from tests.support.figures import Tell
from tests.support.http import Api
from tests.support.servers import REPOSITORY, RunningService

ERRORS: Final = int(os.environ.get("RECONCILE_ERRORS", "12"))
LINES: Final = int(os.environ.get("RECONCILE_LINES", "15000"))
SEED: Final = 20_260_301

pytestmark = pytest.mark.timeout(900)


class Scene(Struct):
    """A ledger, and the moment at which another system drew its balances up."""

    api: Api
    service: RunningService
    location: str
    at: dt.datetime
    window: dt.timedelta

    def bounds(self) -> tuple[str, str, str]:
        """From when movements are looked at, and the window around the moment."""
        first = self.at - dt.timedelta(days=30)
        return stamp(first), stamp(self.at - self.window), stamp(self.at + self.window)


def stamp(at: dt.datetime) -> str:
    """A time as the service writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def generated(service: RunningService) -> Scene:
    """A month of sales of some hundred SKUs, a few of them around a noon."""
    random = Random(SEED)
    noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    api = Api.of(service)
    facts: list[tuple[dt.datetime, dict[str, Any]]] = []
    for number in range(14 * ERRORS):
        sku = f"SKU-{number}"
        facts.append((noon - dt.timedelta(days=29, minutes=number % 50), fact(sku, "receive", 900)))
        for _ in range(12):
            at = noon - dt.timedelta(minutes=random.randrange(120, 28 * 1_440))
            facts.append((at, sold(sku, random, at)))
        for _ in range(random.randrange(2, 6)):
            at = noon + dt.timedelta(seconds=random.randrange(-3_000, 3_000))
            facts.append((at, sold(sku, random, at)))
    facts.sort(key=lambda one: one[0])
    bodies = [{**body, "occurred_at": stamp(at)} for at, body in facts]
    position = 0
    for start in range(0, len(bodies), 1_000):
        position = api.record(*bodies[start : start + 1_000])["position"]
    api.get("/v1/stock", as_of=stamp(noon), min_position=position, limit=1)
    return Scene(api, service, "gen-1", noon, dt.timedelta(hours=1))


def fact(sku: str, kind: str, quantity: int, **more: Any) -> dict[str, Any]:
    """A movement at the generated location."""
    return {"type": kind, "sku": sku, "location": "gen-1", "quantity": quantity, **more}


def sold(sku: str, random: Random, at: dt.datetime) -> dict[str, Any]:
    """A sale with a receipt of its own."""
    return fact(sku, "sale", random.randrange(1, 40), reference=f"till/{sku}/{at.timestamp()}")


def imported(service: RunningService, folder: Path) -> Scene:
    """The first lines of the real file, and a moment of its fourth trading day."""
    part = folder / "part.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(SHARED).slice(0, LINES), part)
    command = [sys.executable, "-m", "api.cli.main", "import", str(part)]
    done = subprocess.run(
        [*command, "--format", "online-retail", "--data-dir", str(service.data_dir)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    noon = dt.datetime(2010, 12, 5, 13, tzinfo=dt.UTC)
    api = Api.of(service)
    (location,) = {item["location"] for item in api.get("/v1/stock", limit=1).json()["items"]}
    return Scene(api, service, location, noon, dt.timedelta(hours=20))


@pytest.fixture(
    params=["generated", pytest.param("real", marks=needs_the_file)], ids=["generated", "real"]
)
def scene(
    request: pytest.FixtureRequest,
    service_factory: Callable[..., RunningService],
    tmp_path: Path,
) -> Iterator[Scene]:
    """One ledger or the other."""
    service = service_factory()
    found = generated(service) if request.param == "generated" else imported(service, tmp_path)
    yield found
    found.api.close()


def plant(scene: Scene, garden: Garden) -> str:
    """As many errors of each kind as are asked for; returns when the other list was drawn up."""
    garden.in_flight(ERRORS)
    recorded_twice(scene, garden, ERRORS // 2)
    garden.duplicates(ERRORS - ERRORS // 2)
    garden.unknown(ERRORS - 2 * (ERRORS // 3))
    garden.missing(ERRORS // 3)
    for number in range(ERRORS // 3):
        garden.add(Planted(f"GHOST-{number}", "unknown", "", 5 + number))
    taken_at = rfc3339(SystemClock().now())
    late(scene, garden, ERRORS)
    return taken_at


def recorded_twice(scene: Scene, garden: Garden, count: int) -> None:
    """Ours has a receipt twice, under two ids: a scanner that sent its day again."""
    at = stamp(scene.at - scene.window - dt.timedelta(hours=5))
    for number, shelf in enumerate(garden.take(count)):
        quantity = 50_000 + number
        line = {"type": "receive", "sku": shelf.sku, "location": scene.location}
        again = {**line, "quantity": quantity, "reference": f"PO-{number}", "occurred_at": at}
        made = [scene.api.record(again)["results"][0] for _ in range(2)]
        # Theirs has it once.
        theirs, seen = shelf.level + quantity, frozenset(one["position"] for one in made)
        garden.add(Planted(shelf.sku, "duplicate", "recorded_twice", theirs, seen))


def late(scene: Scene, garden: Garden, count: int) -> None:
    """Ours has since learned of one or two movements of before: theirs is right as of then."""
    chosen = garden.take(count)
    facts, owners = [], []
    for number, shelf in enumerate(chosen):
        for minutes in (400, 300)[: 1 + number % 2]:
            at = scene.at - scene.window - dt.timedelta(minutes=minutes)
            more = {
                "occurred_at": stamp(at),
                "quantity": BIG + number,
                "reference": f"late-{number}",
            }
            line = {"type": "receive", "sku": shelf.sku, "location": scene.location}
            facts.append({**line, **more, "quantity": BIG + number + minutes})
            owners.append(shelf.sku)
    made = scene.api.record(*facts)
    for shelf in chosen:
        results = zip(owners, made["results"], strict=True)
        positions = frozenset(r["position"] for sku, r in results if sku == shelf.sku)
        garden.add(Planted(shelf.sku, "late", "not_seen", shelf.level, positions))


def test_every_planted_error_is_found_and_none_is_invented(scene: Scene, tell: Tell) -> None:
    """The class, the role and the very events; and a key without an error is equal."""
    api, at = scene.api, stamp(scene.at)
    right = {item["sku"]: item["on_hand"] for item in levels(api, scene.location, at)}
    some = shelves(api, scene.location, at, scene.bounds(), 13 * ERRORS)
    garden = Garden(some, Random(SEED))
    taken_at = plant(scene, garden)
    theirs = {**right, **{sku: one.theirs for sku, one in garden.planted.items()}}
    head = {
        "source": "erp",
        "as_of": at,
        "taken_at": taken_at,
        "complete": True,
        "window_s": int(scene.window.total_seconds()),
        "locations": [scene.location],
    }
    lines = [
        {"sku": sku, "location": scene.location, "quantity": quantity}
        for sku, quantity in theirs.items()
        if quantity is not None
    ]
    answer = api.post("/v1/reconciliations", {**head, "balances": lines})
    assert answer.status_code == 201, answer.text
    found = {one["sku"]: one for one in answer.json()["variances"]}

    assert set(garden.planted) == set(found)
    wrong = {
        sku: (planted, found[sku])
        for sku, planted in garden.planted.items()
        if told(found[sku]) != (planted.kind, planted.role, planted.positions)
    }
    assert {} == wrong
    assert all(one["missing"] == (garden.planted[sku].theirs is None) for sku, one in found.items())
    assert all(one["unfamiliar"] == sku.startswith("GHOST") for sku, one in found.items())
    kinds = Counter(one["class"] for one in found.values())
    assert dict.fromkeys(("in_flight", "late", "duplicate", "unknown"), ERRORS) == kinds
    tell(f"{len(lines):,} keys, {len(found)} planted errors found, none invented")
    by_lines(scene, answer.json(), head, lines)


def told(variance: dict[str, Any]) -> tuple[str, str, frozenset[int]]:
    """What an explanation says: class, role, positions."""
    parts = variance["explanation"]
    roles = {part["role"] for part in parts}
    positions = frozenset(m["position"] for part in parts for m in part["movements"])
    return variance["class"], " ".join(roles), positions


def by_lines(scene: Scene, whole: Any, head: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    """The same list as a file through the command line: the same findings, exit code 1."""
    file = scene.service.data_dir / "list.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, "-m", "api.cli.main", "reconcile", str(file), "--source", "erp"]
    asked = ["--as-of", head["as_of"], "--taken-at", head["taken_at"], "--complete", "--json"]
    done = subprocess.run(
        [*command, *asked, "--data-dir", str(scene.service.data_dir)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)

    assert 1 == done.returncode, done.stderr
    assert whole["totals"]["keys"] == found["totals"]["keys"]
    assert whole["totals"]["beyond"] == found["totals"]["beyond"]
