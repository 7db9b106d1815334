"""Callers who wait: a fixed number of commands in flight, each reply followed by the next one."""

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from api.runtime import memory
from ledger.clock import monotonic
from ledger.domain.commands import AnyCommand
from ledger.settings import Settings
from ledger.submission import Accepted, CommandPort, Lane, Reply, Submission
from ledger.writer import Writer

_DEADLINE_S = 600.0
_PACE_S = 0.001  # Callers come in small bursts, as they do behind a loop.


def submission(command: AnyCommand, command_id: str, lane: Lane) -> Submission:
    """A command as a benchmark's caller sends it."""
    return Submission(
        command=command,
        principal="bench",
        command_id=command_id,
        source="bench",
        correlation_id=command_id,
        deadline=monotonic() + _DEADLINE_S,
        lane=lane,
    )


class Callers:
    """A closed loop of `waiting` callers over prepared commands."""

    def __init__(self, port: CommandPort, waiting: int) -> None:
        """Call through a port."""
        self._port = port
        self._waiting = waiting
        self._rest: Iterator[Submission] = iter(())
        self._open = 0
        self._done = Event()
        self.failures: list[Reply] = []

    def run(self, submissions: list[Submission]) -> float:
        """Send them all and wait for every reply; returns the seconds it took."""
        self._rest = iter(submissions)
        self._open = len(submissions)
        self._done.clear()
        begun = monotonic()
        self._send(min(self._waiting, len(submissions)))
        self._done.wait()
        return monotonic() - begun

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Take replies, send as many new commands."""
        for _, reply in replies:
            if not isinstance(reply, Accepted):
                self.failures.append(reply)
        self._open -= len(replies)
        if self._open == 0:
            self._done.set()
        self._send(len(replies))

    def _send(self, number: int) -> None:
        for _ in range(number):
            one = next(self._rest, None)
            if one is None:
                return
            self._port.submit(one, self, None)


class _Stopwatch:
    """Takes replies and notes how long each was waited for."""

    def __init__(self, expected: int) -> None:
        self.waits: list[float] = []
        self.failures: list[Reply] = []
        self.done = Event()
        self._expected = expected

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """The ticket is the moment at which the command should have been sent."""
        now = monotonic()
        for due, reply in replies:
            assert isinstance(due, float)
            self.waits.append(now - due)
            if isinstance(reply, Exception):
                self.failures.append(reply)
        if len(self.waits) >= self._expected:
            self.done.set()


def at_rate(port: CommandPort, commands: list[Submission], rate: float) -> list[float]:
    """An open loop: commands are due by the clock, whether or not earlier ones are answered.

    How long each was waited for, in seconds.
    """
    total = len(commands)
    watch, pause, begun, sent = _Stopwatch(total), Event(), monotonic(), 0
    while sent < total:
        due = min(total, int((monotonic() - begun) * rate))
        for number in range(sent, due):
            port.submit(commands[number], watch, begun + number / rate)
        sent = due
        pause.wait(_PACE_S)
    watch.done.wait()
    assert not watch.failures, watch.failures[0]
    return watch.waits


def p99_ms(waits: list[float]) -> float:
    """What one in a hundred waits longer than, in milliseconds."""
    return sorted(waits)[int(len(waits) * 0.99)] * 1_000


def with_writer(settings: Settings, work: Callable[[Writer], Any]) -> Any:
    """Run something with an active writer of its own."""
    writer = Writer(settings, holder="bench")
    writer.start()
    begun = monotonic()
    pause = Event()
    while not writer.active:
        if monotonic() - begun > 10:
            raise TimeoutError("nobody became the active writer")
        pause.wait(0.01)
    memory.settle()
    try:
        return work(writer)
    finally:
        writer.stop()
