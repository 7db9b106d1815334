"""A writer without a ledger: accepts every command and answers from a thread, batch by batch."""

import threading
from collections.abc import Callable
from typing import assert_never

from ledger.domain import commands
from ledger.domain.commands import AnyCommand
from ledger.domain.outcomes import (
    ConflictState,
    HoldsSwept,
    LineState,
    MovementResult,
    MovementsRecorded,
    Outcome,
    ReservationState,
)
from ledger.submission import Accepted, NoWriter, Reply, Sink, Submission

Answering = Callable[[Submission], Reply]


class FakePort:
    """A CommandPort whose replies a test can choose; otherwise everything is accepted.

    `submitted` keeps what came in. Like the real one it remembers accepted commands by principal
    and command id, and replays them.
    """

    def __init__(self, answering: Answering | None = None) -> None:
        self.active = True
        self.head = 0
        self.submitted: list[Submission] = []
        self.answering = answering
        self.keep = True  # Benchmarks do not want a growing list.
        self._receipts: dict[tuple[str, str], Outcome] = {}
        self._queue: list[tuple[Submission, Sink, object]] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Starts the answering thread."""
        self._thread.start()

    def stop(self) -> None:
        """Answers what waits, and ends."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def submit(self, submission: Submission, sink: Sink, ticket: object) -> None:
        """Queues a command; like the real one, only while active."""
        if not self.active:
            raise NoWriter("this process is not the active writer")
        with self._wake:
            self._queue.append((submission, sink, ticket))
            if len(self._queue) == 1:
                self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopping:
                    self._wake.wait()
                batch, self._queue = self._queue, []
            if not batch:
                return
            by_sink: dict[Sink, list[tuple[object, Reply]]] = {}
            for submission, sink, ticket in batch:
                by_sink.setdefault(sink, []).append((ticket, self._reply(submission)))
            for sink, replies in by_sink.items():
                sink.deliver(replies)

    def _reply(self, submission: Submission) -> Reply:
        if self.keep:
            self.submitted.append(submission)
        if self.answering is not None:
            return self.answering(submission)
        return self.accept(submission)

    def accept(self, submission: Submission) -> Accepted:
        """The answer of a ledger in which there is always enough."""
        known = submission.principal, submission.command_id
        if known in self._receipts:
            return Accepted(self._receipts[known], replayed=True)
        self.head += 1
        outcome = outcome_of(submission.command, self.head)
        if self.keep:
            self._receipts[known] = outcome
        return Accepted(outcome)


def outcome_of(command: AnyCommand, position: int) -> Outcome:
    """What a ledger without a past would answer to a command it accepts."""
    match command:
        case commands.RecordMovements():
            results = tuple(MovementResult(position=position, version=1) for _ in command.movements)
            return MovementsRecorded(position=position, results=results)
        case commands.ResolveConflict():
            return ConflictState(
                conflict_id=command.conflict_id,
                kind="negative_stock",
                status="resolved",
                resolution=command.resolution,
                note=command.note,
                position=position,
            )
        case commands.ExpireHolds():
            return HoldsSwept(position=position, holds=0)
        case commands.PlaceReservation():
            return _reservation(command, position)
        case _:
            return _unknown_reservation(getattr(command, "reservation_id", "unknown"), position)
    assert_never(command)


def _unknown_reservation(reservation_id: str, position: int) -> ReservationState:
    return ReservationState(
        reservation_id=reservation_id,
        status="confirmed",
        channel=None,
        kind="hard",
        expires_at=None,
        lines=(),
        position=position,
    )


def _reservation(command: commands.PlaceReservation, position: int) -> ReservationState:
    return ReservationState(
        reservation_id=command.reservation_id,
        status="placed",
        channel=command.channel,
        kind=command.kind,
        expires_at=command.expires_at,
        lines=tuple(
            LineState(
                sku=line.sku,
                location=line.location,
                requested=line.quantity,
                granted=line.quantity,
                rejected=0,
                open=line.quantity,
                fulfilled=0,
                released=0,
                expired=0,
            )
            for line in command.lines
        ),
        position=position,
    )
