"""SIGSTOP past a take-over, and SIGCONT: who wakes up writes nothing into a line that went on."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from typing import Final

import nats
import pytest

from subscribers import messages
from tests.faults.conftest import Drive
from tests.faults.driving import assert_clean, eventually
from tests.faults.telling import (
    CHANNELS,
    Desk,
    Rival,
    differences,
    lines_of,
    log_of,
    rows,
    told,
    watched_tail,
)
from tests.support.figures import Tell
from tests.support.servers import RunningService
from tests.support.told_checker import check_line, check_log

ROUNDS: Final = int(os.environ.get("CHANNEL_STOPS", "2"))
WORK: Final = 15
"""So many values and events are told meanwhile, and afterwards."""

LEASE_MS: Final = 600
"""An office ends soon after its holder has been stopped."""

_CODE: Final = """
import threading
from ledger.settings import load_settings
from subscribers.{role} import run
run(load_settings(), threading.Event())
"""


@pytest.fixture
def rival() -> Iterator[Callable[[RunningService, str], Rival]]:
    """Starts a second relay or teller; ended with the test."""
    rivals: list[Rival] = []

    def start(service: RunningService, role: str) -> Rival:
        rivals.append(Rival(service, _CODE.format(role=role), lease_ms=LEASE_MS))
        return rivals[-1]

    yield start
    for one in rivals:
        one.kill()


def _in_office(service: RunningService) -> int:
    """The process id of the active teller."""
    holder = rows(service, "select holder from telling.place")[0][0]
    return int(holder.split(":")[-2])


@pytest.mark.timeout(0)  # Any number of rounds; every wait inside has its own end.
def test_who_was_stopped_past_a_take_over_writes_nothing_when_it_wakes(
    service_factory: Callable[..., RunningService],
    rival: Callable[[RunningService, str], Rival],
    drive: Drive,
    tell: Tell,
) -> None:
    """Two relays and two tellers: whoever is at work is stopped, the other takes over, and there is
    no message in any stream that is not in line; of what channels are told, all is kept to see it.
    """
    service = service_factory(environ={"LEDGER_LEASE_MS": str(LEASE_MS)})
    asyncio.run(_keep_all(service))
    desk = Desk(service)
    for channel in CHANNELS:
        desk.define(channel, "begin")
    driver = drive(service, channels=CHANNELS)
    relays = [service.pids()["relay"], rival(service, "relay").pid]
    rival(service, "teller")
    with watched_tail(service) as tail:
        for number in range(ROUNDS):
            stopped = _in_office(service), relays[number % 2]
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            eventually(lambda pid=stopped[0]: _in_office(service) != pid, "another teller")  # type: ignore[misc]
            _goes_on(service, tail)
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            _goes_on(service, tail)
            driver.acknowledged()
    entries = driver.finish()
    for channel in CHANNELS:
        desk.define(channel, "end")
    eventually(lambda: not differences(service, desk, []), "agreement of the streams")

    log, line = log_of(service), lines_of(service)
    assert ([], []) == (check_log(log), check_line(line))
    head = assert_clean(service, [*entries, *desk.entries])
    tell(f"{ROUNDS} x 2 stopped; {head} events, {len(log)} values, {len(line)} messages")
    desk.close()


def _goes_on(service: RunningService, tail: Callable[[], int]) -> None:
    values, events = told(service) + WORK, tail() + WORK
    eventually(lambda: told(service) >= values and tail() >= events, "a teller and a relay at work")


async def _keep_all(service: RunningService) -> None:
    """Nothing that channels are told makes room for what is newer."""
    client = await nats.connect(service.runtime()["nats"], **service.bus_login())
    try:
        js = client.jetstream()
        config = (await js.stream_info(messages.ATS_STREAM)).config
        await js.update_stream(config.evolve(max_msgs_per_subject=-1))
    finally:
        await client.close()
