"""The whole service behind a wire to PostgreSQL that is cut, stalled and robbed of its answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.faults.conftest import Drive
from tests.faults.driving import PATIENCE_S, api_urls, assert_clean
from tests.faults.writing import Head
from tests.support.figures import Tell
from tests.support.proxy import Proxy, postgres_proxy
from tests.support.servers import Database, RunningService

AN_APPEND = b'"correlation_id"'  # Every event row carries one, and nothing else that is sent does.


class Wire(NamedTuple):
    """A wire to a database: the owner's URL through it, and the one past it."""

    proxy: Proxy
    url: str
    direct_url: str


@pytest.fixture
def wire(database: Database) -> Iterator[Wire]:
    """A wire to this test's own database."""
    proxy, url = postgres_proxy(database.owner_url)
    yield Wire(proxy, url, database.owner_url)
    proxy.stop()


@pytest.fixture
def service(wire: Wire, tmp_path: Path) -> Iterator[RunningService]:
    """Two API processes, a projector and a relay, all behind the wire."""
    service = RunningService(
        tmp_path / "service", "--api-processes", "2", environ={"DATABASE_URL": wire.url}
    )
    yield service
    service.stop()


@pytest.mark.timeout(0)  # Any number of cycles; every wait inside has its own end.
def test_a_bad_wire_costs_time_and_nothing_else(
    wire: Wire,
    service: RunningService,
    drive: Drive,
    seed: int,
    cycles: int,
    tell: Tell,
) -> None:
    """Answers lost after the commit, connections cut while an append waits for the head, by one
    side or both, and a server that cannot be reached at all: one effect a command.
    """
    driver = drive(service, *api_urls(service, 2))
    faults: list[Callable[[], None]] = [
        lambda: lose_an_answer(wire.proxy),
        lambda: cut_a_waiting_append(wire, server_learns=True),
        lambda: cut_a_waiting_append(wire, server_learns=False),
        lambda: be_unreachable(wire.proxy),
    ]
    draw = Random(seed)
    for _ in range(cycles):
        draw.choice(faults)()
        driver.acknowledged()
    entries = driver.finish()

    head = assert_clean(service, entries)
    tell(f"{cycles} faults of the wire, {len(entries)} lines, {head} events")


def lose_an_answer(proxy: Proxy) -> None:
    """The next append is committed, and nobody hears of it."""
    assert proxy.swallow_answer(to=AN_APPEND).wait(PATIENCE_S)


def cut_a_waiting_append(wire: Wire, *, server_learns: bool) -> None:
    """The head row is taken, an append waits for it, and its connection breaks."""
    head = Head(wire.direct_url)
    while not head.keeps_an_append_waiting():  # It was the lease: let it go, and try again.
        head.release()
        head = Head(wire.direct_url)
    wire.proxy.cut(server_learns=server_learns)
    head.release()


def be_unreachable(proxy: Proxy) -> None:
    """Everybody is cut off and refused for a moment."""
    proxy.stop()
    proxy.start()
