"""What every fault test is given: its seed, its cycles, and a way to tell its figures.

`FAULT_SEED` replays a run, `FAULT_CYCLES` says how often each victim is killed, `FAULT_RUNS` how
often the sale with 10,000 units is repeated, `DAMAGES` how often files of the copies are damaged.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from api.runtime.natsd import EmbeddedNats
from ledger.settings import Settings
from tests.faults.copies import Mirrors, Scene
from tests.faults.driving import Driver
from tests.support.event_log import EventLog
from tests.support.figures import Tell
from tests.support.mirrors import EventMirror, PresentMirror
from tests.support.servers import Database, RunningService

DAMAGES: Final = 5
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
def event_log(database: Database) -> Iterator[EventLog]:
    """Events of this test's own database."""
    log = EventLog(database.owner_url)
    yield log
    log.close()


@pytest.fixture
def scene(database: Database, nats_server: EmbeddedNats, tmp_path: Path) -> Iterator[Scene]:
    """A ledger and a message server of this test's own; its relays end with it."""
    settings = Settings(
        database_url=database.service_url,
        nats_url=nats_server.url,
        data_dir=str(tmp_path / "data"),
        poll_ms=20,
    )
    scene = Scene(settings, nats_server, tmp_path / "nats-server", tmp_path / "relay.log")
    yield scene
    scene.end()


@pytest.fixture
def mirrors(nats_server: EmbeddedNats) -> Mirrors:
    """Two subscribers, started by who needs them."""
    return EventMirror(nats_server.url), PresentMirror(nats_server.url)


@pytest.fixture
def damages() -> int:
    """How often files of the message server are damaged."""
    return int(os.environ.get("DAMAGES", str(DAMAGES)))


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
