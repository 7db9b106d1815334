"""A year of real invoices, and a marketplace that sees stock half an hour late."""

import csv
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import msgspec
import pyarrow.parquet
import pytest

from tests.integration.importing.real_file import SHARED, needs_the_file
from tests.integration.importing.test_importing import imported
from tests.integration.what_if.simulation import Numbers, Simulation, least_opening, lines_of
from tests.support.figures import Tell
from tests.support.servers import RunningService

pytestmark = [needs_the_file, pytest.mark.timeout(1_800)]

LINES: Final = int(os.environ.get("WHAT_IF_LINES", "8000"))
"""Lines of the file that are looked at: 541909 are all of them."""

LATE_S: Final = 1_800
BUFFERS: Final = {"0": 0, "1": 100, "2": 200, "5": 500}
FIRST_DAY_US: Final = 1_291_161_600_000_000  # 2010-12-01
LAST_DAY_US: Final = 1_325_376_000_000_000  # 2012-01-01
WHOLE_YEAR: Final = {"from": "2010-12-01T00:00:00Z", "to": "2012-01-01T00:00:00Z"}


class Shop(NamedTuple):
    """A service with the invoices in it, and the same invoices simulated."""

    service: RunningService
    simulation: Simulation
    position: int

    def ask(self, channel: str = "marketplace", **body: Any) -> list[dict[str, Any]]:
        """The lines of an answer."""
        asked = WHOLE_YEAR | {"sales": "all", "known_at": str(self.position)} | body
        response = self._post(channel, asked, {"Accept": "application/x-ndjson"})
        return [msgspec.json.decode(line) for line in response.content.splitlines()]

    def ask_briefly(self, **body: Any) -> dict[str, Any]:
        """The answer in one object."""
        asked = WHOLE_YEAR | {"sales": "all", "known_at": str(self.position)} | body
        answer: dict[str, Any] = self._post("marketplace", asked, {}).json()
        return answer

    def _post(self, channel: str, asked: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        url = f"{self.service.url}/v1/channels/{channel}/what-if"
        headers = self.service.headers() | headers
        response = httpx.post(url, json=asked, headers=headers, timeout=300)
        assert 200 == response.status_code, response.text
        return response


@pytest.fixture(scope="module", params=["auto", "scarce"])
def shop(
    request: pytest.FixtureRequest,
    service_factory: Callable[..., RunningService],
    tmp_path_factory: pytest.TempPathFactory,
) -> Shop:
    """Opened with just enough for every line; or with four fifths of that, and so with conflicts.

    The channel's actual rules are a buffer of three units.
    """
    file = tmp_path_factory.mktemp("file") / "part.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(SHARED).slice(0, LINES), file)
    lines = lines_of(file)
    opening, told = least_opening(lines), "auto"
    if request.param == "scarce":
        opening = {sku: units * 4 // 5 for sku, units in opening.items()}
        told = str(opening_file(file.with_name("opening.csv"), opening))
    service = service_factory()
    printed = imported(service, file, "--opening", told)
    assert (request.param == "scarce") == (printed["conflicts opened"] > 0)
    body = {"locations": ["warehouse"], "rules": {"buffers": [{"units": 3}]}}
    headers = service.headers() | {"Idempotency-Key": "define"}
    url = f"{service.url}/v1/channels/marketplace"
    defined = httpx.put(url, json=body, headers=headers, timeout=30).json()
    return Shop(service, Simulation(lines, opening), defined["position"])


def opening_file(path: Path, opening: dict[str, int]) -> Path:
    """Opening stock, as the import reads it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("sku", "quantity"), *sorted(opening.items())])
    return path


def numbers_of(tally: dict[str, Any], side: str = "what_if") -> Numbers:
    """The service's numbers in the simulation's form."""
    assert 0 == tally["units_held_before"]
    return Numbers(tally["sales"], tally["units"], tally["oversells"], **tally[side])


@pytest.mark.parametrize("percent", BUFFERS)
@pytest.mark.parametrize("late_s", [LATE_S, 0])
def test_a_replay_is_what_a_simulation_of_the_raw_file_says(
    shop: Shop, percent: str, late_s: int, tell: Tell
) -> None:
    """Every SKU, every day and the sums; with no buffer, or with a share of what was there."""
    expected = shop.simulation.run(FIRST_DAY_US, LAST_DAY_US, late_s, BUFFERS[percent])
    rules = {"buffers": [{"percent": percent}]}
    started = time.perf_counter()
    head, *middle, last = shop.ask(rules=rules, staleness_s=late_s)
    took_s = time.perf_counter() - started
    found = {line["sku"]: numbers_of(line) for line in middle if "sku" in line}
    days = {line["day"]: numbers_of(line) for line in last["days"]}
    total = Numbers()
    for numbers in expected.skus.values():
        total = total.plus(numbers)

    assert expected.skus == found
    assert list(expected.days.values()) == list(days.values())
    assert total == numbers_of(last["totals"])
    assert (late_s, shop.position) == (head["staleness_s"], head["known_at_position"])
    tell(f"{percent} %, {late_s} s late: {total}, {took_s:.1f} s")


def test_the_actual_rules_stand_beside_the_others(shop: Shop) -> None:
    """Three units kept back, as late as the others or as is said: simulated like any other."""
    answer = shop.ask_briefly(staleness_s=LATE_S, rules={}, limit=3)
    again = shop.ask_briefly(staleness_s=0, rules={"buffers": [{"units": 3}]}, limit=3)
    mixed = shop.ask_briefly(
        staleness_s=0, actual_staleness_s=LATE_S, rules={"buffers": [{"units": 3}]}
    )

    assert numbers_of(again["totals"]) == numbers_of(again["totals"], "actual")
    assert numbers_of(again["totals"]) == numbers_of(mixed["totals"])
    assert numbers_of(answer["totals"], "actual") == numbers_of(mixed["totals"], "actual")
    assert answer["totals"]["actual"]["sales_lost"] > answer["totals"]["what_if"]["sales_lost"]
    assert answer["skus_total"] - 3 == answer["skus_left_out"]
    lost = [sku["what_if"]["sales_lost"] for sku in answer["skus"]]
    assert sorted(lost, reverse=True) == lost


def test_an_interval_begins_with_what_was_there(shop: Shop) -> None:
    """A part of the time is that part of the whole, whatever was sold before it."""
    start, end = FIRST_DAY_US + 86_400_000_000 * 2 // 5, FIRST_DAY_US + 5 * 86_400_000_000
    expected = shop.simulation.run(start, end, LATE_S, 0)
    span = {"from": "2010-12-01T09:36:00Z", "to": "2010-12-06T00:00:00Z"}
    lines = shop.ask(staleness_s=LATE_S, rules={}, **span)

    assert expected.skus
    assert expected.skus == {line["sku"]: numbers_of(line) for line in lines if "sku" in line}


def test_one_sku_is_that_part_of_all(shop: Shop) -> None:
    """Named, it alone is read."""
    expected = shop.simulation.run(FIRST_DAY_US, LAST_DAY_US, LATE_S, 0).skus["85123A"]
    answer = shop.ask_briefly(staleness_s=LATE_S, rules={}, sku="85123A")

    assert [("85123A", expected)] == [(one["sku"], numbers_of(one)) for one in answer["skus"]]
    assert expected == numbers_of(answer["totals"])


def test_without_a_channel_no_sale_is_a_channels(shop: Shop) -> None:
    """The invoices name none: only who asks for all sales sees them."""
    answer = shop.ask_briefly(staleness_s=LATE_S, sales="channel")

    assert Numbers() == numbers_of(answer["totals"])
    assert [] == answer["skus"]
