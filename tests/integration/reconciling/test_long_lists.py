"""A list of any length in bounded memory: `RECONCILE_KEYS` (10,000), one in a hundred wrong."""

import http.client
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.figures import Tell
from tests.support.http import Api
from tests.support.servers import RunningService

KEYS: Final = int(os.environ.get("RECONCILE_KEYS", "10000"))
PLACES: Final = 20
GROWTH_MIB_MAX: Final = 96
"""Pieces under way, and what the allocator keeps of them: the same for any number of keys."""

pytestmark = pytest.mark.timeout(3_600)


def key(number: int) -> dict[str, str]:
    """One of the keys."""
    return {"sku": f"SKU-{number // PLACES}", "location": f"place-{number % PLACES}"}


def fill(api: Api) -> int:
    """Ten units of every key."""
    position = 0
    for start in range(0, KEYS, 1_000):
        numbers = range(start, min(KEYS, start + 1_000))
        facts = [{"type": "receive", "quantity": 10, **key(number)} for number in numbers]
        position = api.record(*facts)["position"]
    deadline = time.monotonic() + 600
    while api.get(
        "/v1/stock", as_of="2100-01-01T00:00:00Z", limit=1, min_position=position
    ).is_error:
        assert time.monotonic() < deadline, "history does not catch up"
    return position


def body() -> Iterator[bytes]:
    """The list, made while it is sent."""
    yield json.dumps({"source": "wms", "complete": True}).encode() + b"\n"
    for start in range(0, KEYS, 1_000):
        lines = [
            json.dumps({**key(number), "quantity": 10 + 3 * (number % 100 == 0)}).encode()
            for number in range(start, min(KEYS, start + 1_000))
        ]
        yield b"\n".join(lines) + b"\n"


def memory(pid: int, what: str) -> int:
    """KiB: `VmRSS` now, `VmHWM` at most since it was last forgotten."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1])
    raise AssertionError(f"no {what}")


def test_a_long_list_takes_no_more_memory_than_a_short_one(
    running_service: RunningService, tell: Tell
) -> None:
    """And every wrong key of it is found."""
    api = Api.of(running_service)
    fill(api)
    pid = running_service.pids()["api"]
    # A first list brings in what any list needs.
    first = {"source": "wms", "balances": [{**key(0), "quantity": 11}]}
    assert 201 == api.post("/v1/reconciliations", first).status_code
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory(pid, "VmRSS")
    started = time.monotonic()
    found, variances = streamed(running_service)
    seconds = time.monotonic() - started
    grown = (memory(pid, "VmHWM") - before) / 1_024
    api.close()

    wrong = len(range(0, KEYS, 100))
    totals = found["totals"]
    assert (KEYS, wrong, KEYS - wrong) == (totals["keys"], totals["beyond"], totals["matched"])
    assert (wrong, {3}) == (len(variances), {one["variance"] for one in variances})
    tell(f"{KEYS:,} keys, {wrong:,} wrong: {KEYS / seconds:,.0f} keys/s, peak +{grown:,.0f} MiB")
    assert grown < GROWTH_MIB_MAX


def streamed(service: RunningService) -> tuple[Any, list[Any]]:
    """The head of the answer, and its variances."""
    connection = http.client.HTTPConnection(service.url.partition("//")[2], timeout=3_600)
    headers = service.headers(**{"Content-Type": "application/x-ndjson", "Idempotency-Key": "long"})
    connection.request("POST", "/v1/reconciliations", body(), headers, encode_chunked=True)
    response = connection.getresponse()
    first = response.readline()
    assert 201 == response.status, first
    variances = [json.loads(line) for line in response]
    connection.close()
    return json.loads(first), variances
