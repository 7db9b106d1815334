"""What waits for the writer: three lanes, bounded, drained all at once."""

from collections import deque
from threading import Condition
from typing import Final

from msgspec import Struct

from ledger.domain.commands import RecordMovements
from ledger.submission import Lane, NoWriter, Overloaded, Sink, Submission

# Of one batch, in hundredths. Promises go first because somebody waits at a checkout; facts keep
# a share that a rush of promises cannot take; bulk takes what costs nobody else much, and one
# command where there is no room at all: a rush may delay the sweeper, never silence it.
_PROMISE_SHARE: Final = 75
_BULK_SHARE: Final = 10


class Waiting(Struct, frozen=True, gc=False):
    """A submission with where its reply goes."""

    submission: Submission
    sink: Sink
    ticket: object


class Lanes:
    """A bounded queue for many submitters and one drainer."""

    def __init__(self, commands_max: int) -> None:
        """Hold at most `commands_max` commands."""
        self._max = commands_max
        self._promises: deque[Waiting] = deque()
        self._facts: deque[Waiting] = deque()
        self._bulk: deque[Waiting] = deque()
        self._lanes: dict[Lane, deque[Waiting]] = {
            "promise": self._promises,
            "fact": self._facts,
            "bulk": self._bulk,
        }
        self._again: deque[Waiting] = deque()  # Taken before, not yet decided: first in line.
        self._filled = Condition()
        self._closed = True
        self._asleep = False

    def __len__(self) -> int:
        """How many commands wait."""
        return len(self._again) + len(self._promises) + len(self._facts) + len(self._bulk)

    @property
    def is_open(self) -> bool:
        """Whether commands may come in."""
        return not self._closed

    def open(self) -> None:
        """Let commands in."""
        self._closed = False

    def close(self) -> None:
        """Let no more commands in; those inside stay."""
        with self._filled:
            self._closed = True
            self._filled.notify()

    def put(self, waiting: Waiting) -> None:
        """Queue a command, raising `Overloaded` or `NoWriter` without keeping it."""
        if self._closed:
            raise NoWriter("this process is not the active writer")
        if len(self) >= self._max:
            raise Overloaded(f"{self._max} commands are waiting already")
        lane = self._lanes[waiting.submission.lane]
        lane.append(waiting)
        if self._withdrawn(lane, waiting):
            raise NoWriter("this process is no longer the active writer")
        if self._asleep:  # Set before the drainer's last look, so no wake-up is ever lost.
            with self._filled:
                self._filled.notify()

    def _withdrawn(self, lane: deque[Waiting], waiting: Waiting) -> bool:
        """Take back what came in while the door was closing, unless it was taken already."""
        if not self._closed:
            return False
        try:
            lane.remove(waiting)
        except ValueError:
            return False
        return True

    def put_back(self, waiting: list[Waiting]) -> None:
        """Return commands that were taken and not decided, ahead of all others."""
        self._again.extendleft(reversed(waiting))

    def wait(self, timeout_s: float) -> None:
        """Sleep until something is queued, the queue is closed, or the time is up."""
        with self._filled:
            self._asleep = True
            if not len(self) and not self._closed:
                self._filled.wait(timeout_s)
            self._asleep = False

    def take(self, movements_max: int) -> list[Waiting]:
        """Everything that waits, up to a number of movements, by the lanes' shares."""
        taken: list[Waiting] = []
        room = _move(self._again, taken, movements_max)
        share = room * _PROMISE_SHARE // 100
        room -= share - _move(self._promises, taken, share)
        room = _move(self._facts, taken, room)
        room = _move(self._promises, taken, room)
        _move(self._bulk, taken, max(1, min(room, movements_max * _BULK_SHARE // 100)))
        return taken

    def drain(self) -> list[Waiting]:
        """Take everything, whatever it weighs."""
        taken = list(self._again)
        self._again.clear()
        for lane in self._lanes.values():
            while lane:
                taken.append(lane.popleft())
        return taken


def _move(lane: deque[Waiting], taken: list[Waiting], room: int) -> int:
    """Take from a lane while there is room; returns the room left, below zero for one too big."""
    while lane and room > 0:
        waiting = lane.popleft()
        command = waiting.submission.command
        room -= len(command.movements) if type(command) is RecordMovements else 1
        taken.append(waiting)
    return room
