"""What every fault test is given: its seed, its cycles, and a way to tell its figures.

`FAULT_SEED` replays a run, `FAULT_CYCLES` says how often each victim is killed, `FAULT_RUNS` how
often the sale with 10,000 units is repeated.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from tests.faults.driving import Driver
from tests.support.figures import Tell
from tests.support.servers import RunningService

CYCLES: Final = 10
RUNS: Final = 3

Drive: TypeAlias = Callable[..., Driver]


@pytest.fixture
def seed(tell: Tell) -> int:
    """What this run draws from; the same seed, the same faults and the same commands."""
    found = int(os.environ.get("FAULT_SEED", "0"))
    tell(f"FAULT_SEED={found}")
    return found


@pytest.fixture
def cycles() -> int:
    """How often each victim is killed."""
    return int(os.environ.get("FAULT_CYCLES", str(CYCLES)))


@pytest.fixture
def runs() -> int:
    """How often the big sale is held."""
    return int(os.environ.get("FAULT_RUNS", str(RUNS)))


@pytest.fixture
def drive(tmp_path: Path, seed: int) -> Iterator[Drive]:
    """Starts drivers against a service; those still running are killed with the test."""
    drivers: list[Driver] = []

    def start(service: RunningService, *urls: str, channels: Iterable[str] = ()) -> Driver:
        path = tmp_path / f"driver-{len(drivers)}.jsonl"
        drivers.append(Driver(path, seed, urls or (service.url,), service.key, channels))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()
