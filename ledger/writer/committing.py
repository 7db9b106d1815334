"""Committing decided batches, in order, on a thread of its own.

While one batch is on its way to disk the next is being decided. Replies leave only after the
commit that earns them, and after every commit before it.
"""

import logging
from threading import Condition, Thread

from msgspec import Struct

from ledger.clock import monotonic
from ledger.domain.refusals import Refusal
from ledger.lease import Lease
from ledger.store.journal import Journal
from ledger.submission import Accepted, NoWriter, Reply, Sink
from ledger.writer.deciding import Decided

log = logging.getLogger(__name__)


class Counters(Struct):
    """What the writer has done since it was made; read by metrics, written by one thread."""

    batches: int = 0
    commands: int = 0
    movements: int = 0
    events: int = 0
    refusals: int = 0
    replays: int = 0
    commit_seconds: float = 0.0
    largest_batch: int = 0


class Trouble(Exception):
    """A batch was not, or not surely, appended. `moved`: the head or the epoch is another."""

    def __init__(self, cause: Exception | None, batches: list[Decided]) -> None:
        """Carry the batch in question, and those decided after it."""
        super().__init__(str(cause) if cause else "the head has moved")
        self.cause = cause
        self.batches = batches


class Committer:
    """One slot before one append: hand a batch over, learn what became of it."""

    def __init__(self, journal: Journal, lease: Lease, counters: Counters) -> None:
        """Append over a connection of its own."""
        self._journal = journal
        self._lease = lease
        self._counters = counters
        self._changed = Condition()
        self._slot: Decided | None = None
        self._current: Decided | None = None
        self._done: list[Decided] = []
        self._cause: Exception | None = None
        self._failed: list[Decided] = []
        self._stopping = False
        self._thread = Thread(target=self._run, name="ledger-committer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread once the slot is empty."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def ready(self) -> list[Decided]:
        """Wait for the slot to be free; returns the batches that became durable since.

        Raises `Trouble` with every batch that did not.
        """
        with self._changed:
            while self._slot is not None and not self._failed:
                self._changed.wait()
            return self._take_done()

    def idle(self) -> list[Decided]:
        """Wait until nothing is under way; like `ready` otherwise."""
        with self._changed:
            while (self._slot is not None or self._current is not None) and not self._failed:
                self._changed.wait()
            return self._take_done()

    @property
    def commands_under_way(self) -> int:
        """How many commands are on their way to disk."""
        return sum(len(b.waiting) for b in (self._slot, self._current) if b is not None)

    def under_way(self) -> set[str]:
        """The streams of batches that are not durable yet."""
        with self._changed:
            batches = [b for b in (self._slot, self._current) if b is not None]
        return set().union(*(b.touched for b in batches))

    def hand_over(self, decided: Decided) -> None:
        """Put a batch into the free slot."""
        with self._changed:
            assert self._slot is None, "one batch waits at most"
            self._slot = decided
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget the trouble; its batches have been dealt with."""
        with self._changed:
            self._failed, self._cause = [], None

    def _take_done(self) -> list[Decided]:
        if self._failed:
            while self._current is not None:
                self._changed.wait()
            if self._slot is not None:
                self._failed, self._slot = [*self._failed, self._slot], None
            raise Trouble(self._cause, self._failed)
        done, self._done = self._done, []
        return done

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._failed or (self._slot is None and not self._stopping):
                    self._changed.wait(0.05 if self._failed else None)
                if self._slot is None:
                    return
                self._current, self._slot = self._slot, None
                self._changed.notify_all()
            cause, kept = self._append(self._current)
            if kept:
                deliver(self._current, self._lease, self._counters)
            with self._changed:
                if kept:
                    self._done.append(self._current)
                else:
                    self._failed, self._cause = [self._current], cause
                self._current = None
                self._changed.notify_all()

    def _append(self, decided: Decided) -> tuple[Exception | None, bool]:
        if not decided.writes:
            return None, True
        try:
            return None, append(decided, self._journal, self._lease, self._counters)
        except Exception as error:  # noqa: BLE001 - the decider's thread sorts it out.
            return error, False


def append(decided: Decided, journal: Journal, lease: Lease, counters: Counters) -> bool:
    """Append one batch. False: the head or the epoch has moved, and nothing was written."""
    epoch = lease.epoch  # Read once: the decider's thread may lose the lease meanwhile.
    if epoch is None:
        return False
    asked = monotonic()
    kept = journal.append(
        decided.batch,
        epoch=epoch,
        expected=decided.expected,
        instant=decided.instant,
        lease_ms=lease.lease_ms,
    )
    if kept:
        lease.extended(epoch, asked)
        counters.batches += 1
        counters.events += len(decided.batch.streams)
        counters.movements += decided.movements
        counters.commit_seconds += monotonic() - asked
        counters.largest_batch = max(counters.largest_batch, len(decided.waiting))
    return kept


def deliver(decided: Decided, lease: Lease, counters: Counters) -> None:
    """Send the replies a durable batch has earned, one call per sink."""
    refusals_stand = lease.held
    by_sink: dict[Sink, list[tuple[object, Reply]]] = {}
    accepted = replayed = 0
    for waiting, reply in zip(decided.waiting, decided.replies, strict=True):
        stands: Reply = reply
        if type(reply) is Accepted:
            accepted += 1
            replayed += reply.replayed
        elif isinstance(reply, Refusal):
            counters.refusals += 1
            if not refusals_stand:  # Decided on what may be another writer's past by now.
                stands = NoWriter("the lease ran out while this was being decided")
        of_sink = by_sink.get(waiting.sink)
        if of_sink is None:
            of_sink = by_sink[waiting.sink] = []
        of_sink.append((waiting.ticket, stands))
    counters.commands += accepted
    counters.replays += replayed
    hand_out(by_sink)


def hand_out(by_sink: dict[Sink, list[tuple[object, Reply]]]) -> None:
    """Give each sink its replies; a sink that breaks breaks only itself."""
    for sink, replies in by_sink.items():
        try:
            sink.deliver(replies)
        except Exception:
            log.exception("a caller could not take its replies")
