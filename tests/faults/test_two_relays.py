"""One relay stopped past the take-over and resumed: each of the streams stays one line.

`RELAY_STOPS` says how often they change places.
"""

import os
import signal
from random import Random
from typing import Final

from tests.faults.copies import Scene, until
from tests.faults.relaying import RELAY, UNFENCED
from tests.support.copies import mixed
from tests.support.event_log import EventLog
from tests.support.figures import Tell

STOPS: Final = int(os.environ.get("RELAY_STOPS", "1"))
EVENTS: Final = 2_000


async def _changed_places(log: EventLog, scene: Scene, random: Random, code: str) -> None:
    """The one at work is stopped in the middle, its successor tells all, and it goes on."""
    mixed(log, EVENTS, random)
    stopped = scene.relay(code)
    await scene.told(log.position // 4)
    stopped.signal(signal.SIGSTOP)
    mixed(log, EVENTS // 10, random)
    successor = scene.relay(code)
    await scene.told(log.position)
    stopped.signal(signal.SIGCONT)
    mixed(log, EVENTS // 10, random)
    await scene.told(log.position)
    successor.kill()


async def test_a_resumed_relay_writes_into_no_stream_out_of_turn(
    event_log: EventLog, scene: Scene, seed: int, tell: Tell
) -> None:
    """Events, states and conflicts are what the ledger says, each event and conflict once."""
    random = Random(seed)
    for _ in range(STOPS):
        await _changed_places(event_log, scene, random, RELAY)

        await scene.is_clean()

    tell(f"{STOPS} times, {event_log.position} events")


async def test_control_without_fences_streams_are_no_line(
    event_log: EventLog, scene: Scene, seed: int
) -> None:
    """The control: relays that do not say what they follow repeat events and conflicts."""
    random = Random(seed)
    for _ in range(2):
        scene.relay(UNFENCED, audit_percent=0)

    async def differ() -> bool:
        await scene.told(mixed(event_log, 50, random))
        return any("events in the stream" in found for found in await scene.differences())

    await until(differ)
