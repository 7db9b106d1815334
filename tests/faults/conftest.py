"""What every fault test is given: its seed, its cycles, and a way to tell its figures.

`FAULT_SEED` replays a run, `FAULT_CYCLES` says how often each victim is killed, `FAULT_RUNS` how
often the sale with 10,000 units is repeated.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from tests.faults.driving import Driver
from tests.support.servers import RunningService

CYCLES: Final = 10
RUNS: Final = 3

Tell: TypeAlias = Callable[[str], None]
Drive: TypeAlias = Callable[..., Driver]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures are part of the result, also of a green one."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "figure" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {value}")


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says a figure, in the test's output and in the summary."""

    def say(figure: str) -> None:
        sys.stdout.write(f"{figure}\n")
        record_property("figure", figure)

    return say


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

    def start(service: RunningService, *urls: str) -> Driver:
        path = tmp_path / f"driver-{len(drivers)}.jsonl"
        drivers.append(Driver(path, seed, urls or (service.url,), service.key))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()
