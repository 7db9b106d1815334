"""Relays and servers killed or stopped in the middle: the stream stays the ledger, in line."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final

import nats
import pytest

from api.runtime.natsd import EmbeddedNats
from ledger.settings import Settings, to_environ
from subscribers.messages import EVENTS_STREAM
from subscribers.streams import FIRST_GENERATION, GENERATION_KEY, STREAMS
from tests.integration.subscribers.conftest import PATIENCE_S, eventually, kill_and_wait
from tests.integration.subscribers.test_relaying import compared
from tests.support.event_log import EventLog
from tests.support.servers import REPOSITORY

EVENTS: Final = 40_000
"""Some seconds of work: enough to be in the middle of."""

_RELAY: Final = """
import threading
from ledger.settings import load_settings
from subscribers.relay import run
run(load_settings(), threading.Event())
"""

_UNFENCED: Final = (
    """
from subscribers.fenced import FencedStream
fenced = FencedStream._wire
FencedStream._wire = lambda *a: fenced(*a).replace(b"Nats-Expected", b"Free-Expected")
FencedStream._judge = staticmethod(lambda sequence, answer: None)
"""
    + _RELAY
)

StartProcess = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_process(settings: Settings) -> Iterator[StartProcess]:
    """Relays as processes of their own; killed with the test."""
    processes: list[subprocess.Popen[bytes]] = []
    environ = os.environ | to_environ(settings)

    def start(code: str = _RELAY) -> "subprocess.Popen[bytes]":
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=REPOSITORY,
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait(PATIENCE_S)


async def in_stream(server: EmbeddedNats) -> int:
    """The stream's last sequence; 0 where nobody answers."""
    try:
        client = await nats.connect(
            server.url, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0.05
        )
    except (nats.errors.Error, OSError):
        return 0
    try:
        return int((await client.jetstream().stream_info(EVENTS_STREAM)).state.last_seq)
    except nats.errors.Error:
        return 0
    finally:
        await client.close()


async def holds(server: EmbeddedNats, messages: int) -> None:
    """Wait until the stream holds so many."""

    async def enough() -> bool:
        return await in_stream(server) >= messages

    await eventually(enough)


async def test_a_killed_message_server_loses_and_repeats_nothing(
    event_log: EventLog, start_process: StartProcess, nats_server: EmbeddedNats, settings: Settings
) -> None:
    """Kill -9 in the middle of publishing, several times, always on the same store."""
    start_process()
    head = event_log.fill(EVENTS)
    for part in (1, 2, 3):
        await holds(nats_server, part * EVENTS // 5)
        kill_and_wait(nats_server)
        nats_server.start()

    await holds(nats_server, head)

    assert [] == await compared(settings)


async def test_a_killed_relay_loses_and_repeats_nothing(
    event_log: EventLog, start_process: StartProcess, nats_server: EmbeddedNats, settings: Settings
) -> None:
    """Kill -9 in the middle of publishing; its successor goes on at the stream's tail."""
    head = event_log.fill(EVENTS)
    for part in (1, 2, 3):
        relay = start_process()
        await holds(nats_server, part * EVENTS // 5)
        relay.kill()
        relay.wait(PATIENCE_S)

    start_process()
    await holds(nats_server, head)

    assert [] == await compared(settings)


async def test_a_stopped_and_resumed_relay_cannot_write_into_the_past(
    event_log: EventLog, start_process: StartProcess, nats_server: EmbeddedNats, settings: Settings
) -> None:
    """SIGSTOP in the middle, another relay takes over, SIGCONT: the fence keeps the line."""
    await _stopped_and_resumed(event_log, start_process, nats_server, _RELAY)

    more = event_log.fill(1_000)
    await holds(nats_server, more)

    assert [] == await compared(settings)


async def test_control_without_a_fence_the_same_story_ends_badly(
    event_log: EventLog, start_process: StartProcess, nats_server: EmbeddedNats, settings: Settings
) -> None:
    """The control: relays that do not say what they follow repeat events, and the audit sees it."""
    await _forgets(nats_server)
    await _stopped_and_resumed(event_log, start_process, nats_server, _UNFENCED)

    await holds(nats_server, event_log.position + 1)

    assert await compared(settings)


async def _forgets(server: EmbeddedNats) -> None:
    """The stream remembers what it has had for a moment only: nothing else may stand in the way."""
    client = await nats.connect(server.url)
    (events,) = [stream for stream in STREAMS if stream.name == EVENTS_STREAM]
    own = events.evolve(duplicate_window=0.1, metadata={GENERATION_KEY: str(FIRST_GENERATION)})
    await client.jetstream().add_stream(own)
    await client.close()


async def _stopped_and_resumed(
    event_log: EventLog, start_process: StartProcess, nats_server: EmbeddedNats, code: str
) -> None:
    event_log.fill(EVENTS)
    first = start_process(code)
    await holds(nats_server, EVENTS // 10)
    first.send_signal(signal.SIGSTOP)
    start_process(code)
    await holds(nats_server, EVENTS)
    first.send_signal(signal.SIGCONT)


async def test_two_relays_at_once_tell_every_event_once(
    event_log: EventLog, start_process: StartProcess, nats_server: EmbeddedNats, settings: Settings
) -> None:
    """Two at work at the same moment: one of them stands by, the stream stays linear."""
    for _ in range(2):
        start_process()
    head = event_log.fill(EVENTS // 2)

    await holds(nats_server, head)

    assert [] == await compared(settings)
