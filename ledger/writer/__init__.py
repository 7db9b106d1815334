"""Group commit: one thread that decides everything waiting, one that makes it durable.

Only the active writer decides. A process competes for the lease as long as it runs; while
another holds it, `submit` raises `NoWriter` and callers forward their commands instead.
"""

import logging
from threading import Event, Thread

from ledger.clock import Clock, SystemClock, monotonic
from ledger.lease import Lease
from ledger.settings import Settings
from ledger.store.journal import Journal, StorageError
from ledger.submission import (
    Accepted,
    CommandFailed,
    NoWriter,
    Reply,
    Sink,
    StorageUnavailable,
    Submission,
    Unavailable,
)
from ledger.writer.committing import Committer, Counters, Trouble, append, deliver, hand_out
from ledger.writer.deciding import Decided, Decider
from ledger.writer.heartbeat import Heartbeat
from ledger.writer.lanes import Lanes, Waiting
from ledger.writer.remembering import Unsettled
from ledger.writer.snapshots import Snapshots
from ledger.writer.wakeup import Notifier

log = logging.getLogger(__name__)

# Commands. Below, a second commit costs more than deciding and committing side by side saves.
_WORTH_HALVING = 16

_RETRY_S = 0.1  # Between attempts to reach a database that is gone.
_CALM_S = 1.0  # An answer lost within this time of the one before is no accident: a full disk, say.


class Writer:
    """Implements `CommandPort`; see the module's docstring."""

    def __init__(self, settings: Settings, *, holder: str, clock: Clock | None = None) -> None:
        """Prepare to compete for the lease under a name operators can recognise."""
        assert settings.database_url is not None, "the supervisor names the database"
        timeout_ms = settings.append_timeout_ms
        self.counters = Counters()
        self._settings = settings
        self._lanes = Lanes(settings.queue_commands_max)
        self._journal = Journal(settings.database_url, timeout_ms)
        self._append_journal = Journal(settings.database_url, timeout_ms)
        self._lease = Lease(self._journal, holder, settings.lease_ms)
        self._heartbeat = Heartbeat(settings, self._lease)
        self._decider = Decider(settings, clock or SystemClock(), self._journal)
        self._committer = Committer(self._append_journal, self._lease, self.counters)
        self._notifier = Notifier(settings.database_url, timeout_ms)
        self._snapshots = Snapshots(settings, timeout_ms)
        self._suspects: list[list[Waiting]] = []
        self._unanswered_at = 0.0
        self._stop = Event()
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)

    # --- for everybody ------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether this process decides: it holds the lease, as far as its clock can tell.

        And it has read what it begins with, so that it lets commands in.
        """
        return self._lease.held and self._lanes.is_open

    @property
    def head(self) -> int:
        """The last position decided here."""
        return self._decider.world.head

    @property
    def queued(self) -> int:
        """How many commands wait."""
        return len(self._lanes)

    @property
    def cached_bytes(self) -> int:
        """About how much memory the working set takes."""
        return self._decider.world.size

    def submit(self, submission: Submission, sink: Sink, ticket: object) -> None:
        """Queue a command, raising `Overloaded` or `NoWriter`; its reply comes to the sink."""
        self._lanes.put(Waiting(submission, sink, ticket))

    def start(self) -> None:
        """Begin to compete for the lease."""
        self._committer.start()
        self._heartbeat.start()
        self._notifier.start()
        self._snapshots.start()
        self._thread.start()

    def stop(self) -> None:
        """Decide what was accepted, let no more in, resign, and return when all of it is done."""
        self._stop.set()
        self._lanes.close()
        self._thread.join()
        self._committer.stop()
        self._notifier.stop()
        self._snapshots.stop()
        self._journal.close()
        self._append_journal.close()

    # --- the writer's thread ------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            self._heartbeat.progressed()
            try:
                if not self._lease.held and not self._take_office():
                    self._stop.wait(self._settings.lease_poll_ms / 1_000)
                    continue
                self._serve()
            except StorageError as error:
                log.warning("the database does not answer: %s", error)
                self._stop.wait(_RETRY_S)
            except Exception:
                log.exception("the writer stumbled and starts over from the ledger")
                self._lease.lose()
                self._stop.wait(_RETRY_S)
            self._leave_office()
        self._heartbeat.stop()  # A renewal after the resignation would undo it.
        self._resign()

    def _take_office(self) -> bool:
        tenure = self._lease.acquire()
        if tenure is None:
            return False
        self._decider.resume()
        self._begin(tenure.head, tenure.instant)
        log.info("active writer", extra={"epoch": tenure.epoch, "position": tenure.head})
        self._lanes.open()
        if self._stop.is_set():  # `stop` has closed the door already, just before.
            self._lanes.close()
        return True

    def _begin(self, head: int, instant: int) -> None:
        self._decider.begin(head, instant)
        self._snapshots.forget()

    def _leave_office(self) -> None:
        """Let nobody wait for a writer that is none."""
        self._put_suspects_back()
        try:
            self._settle(self._committer.idle())
        except Trouble as trouble:
            self._committer.clear()
            waiting = [one for batch in trouble.batches for one in batch.waiting]
            # Nobody knows what became of these, but the next writer will: its epoch ends every
            # append of ours before it looks. So they are sent on, not back to their callers.
            refuse(waiting, NoWriter("the term ended while this was being written"))
        self._lanes.close()
        refuse(self._lanes.drain(), NoWriter("this process is no longer the active writer"))

    def _resign(self) -> None:
        try:
            self._lease.resign()
        except StorageError as error:
            log.warning("could not resign, the lease will run out: %s", error)

    def _serve(self) -> None:
        """Decide and hand over batches until the term ends, or the stop is served."""
        trouble: Trouble | None = None
        while self._lease.epoch is not None:
            try:
                if trouble is not None:
                    known, trouble = trouble, None
                    self._recover(known)
                elif not self._cycle():
                    return
            except Trouble as new:
                trouble = new
            except StorageError as error:
                log.warning("could not read the ledger: %s", error)
                trouble = Trouble(error, [])

    def _cycle(self) -> bool:
        """One batch. False when stopping and nothing is left."""
        committer, lanes = self._committer, self._lanes
        self._settle(committer.ready())
        if self._lease.renewal_due and self._lease.renew() is None:
            log.warning("another writer has taken over")
            return True
        if 0 < len(lanes) < committer.commands_under_way:
            # Deciding so few ahead of the disk would only make many small commits of a few big
            # ones: let them gather until the disk is done.
            self._settle(committer.idle())
        waiting = self._take()
        if not waiting:
            self._settle(committer.idle())
            if self._stop.is_set() and not len(lanes):
                return False
            lanes.wait(self._lease.lease_ms / 4_000)
            return True
        self._decide(waiting)
        return True

    def _decide(self, waiting: list[Waiting]) -> None:
        try:
            if self._decider.unread(waiting, self._committer.under_way):
                unread, waiting = waiting, []
                waiting = self._take_when_idle(unread)
            try:
                decided, rest = self._decider.decide(waiting)
            except Unsettled:
                unread, waiting = waiting, []
                waiting = self._take_when_idle(unread)
                decided, rest = self._decider.decide(waiting)
        except Trouble:
            raise
        except StorageError:
            self._lanes.put_back(waiting)
            raise
        except Exception as mistake:  # Ours, and not inside one decision: find whose it was.
            log.exception("a batch could not be decided")
            self._suspects.append(waiting)
            raise Trouble(mistake, []) from mistake
        self._lanes.put_back(rest)
        self._committer.hand_over(decided)

    def _take_when_idle(self, waiting: list[Waiting]) -> list[Waiting]:
        """Let everything become durable first, where what is asked for is on its way to disk."""
        self._lanes.put_back(waiting)
        self._settle(self._committer.idle())
        return self._take()

    def _take(self) -> list[Waiting]:
        """What waits, without those whose callers have given up.

        Of a long queue no more than half of all commands, those on their way to disk included:
        then one half is decided while the other commits, and neither waits for the other.
        """
        half = (len(self._lanes) + self._committer.commands_under_way + 1) // 2
        movements_max = min(self._settings.batch_movements_max, max(half, _WORTH_HALVING))
        return drop_late(self._lanes.take(movements_max))

    def _settle(self, done: list[Decided]) -> None:
        """Batches are durable: wake the readers, save states, make room."""
        self._heartbeat.progressed()
        for decided in done:
            self._decider.settled(decided)
            self._snapshots.consider(self._decider.world, decided)
        if any(decided.writes for decided in done):
            self._notifier.wake()
            if self._decider.world.is_full:
                self._decider.world.evict(self._committer.under_way())

    # --- when something went wrong ------------------------------------------------------------

    def _recover(self, trouble: Trouble) -> None:
        """Find out what became of the batches in question, and decide again what did not."""
        try:
            self._settle(self._committer.idle())
        except Trouble as newer:
            # An append under way comes first: until it is settled, nothing is known.
            # The committer repeats its batches until it is cleared. Nothing may be decided twice:
            # a command that was refused the first time could be accepted the second.
            others = [one for one in trouble.batches if one not in newer.batches]
            trouble = Trouble(newer.cause or trouble.cause, [*newer.batches, *others])
        self._committer.clear()
        waiting = [one for batch in trouble.batches for one in batch.waiting]
        if trouble.cause is None:
            self._after_move(waiting)
        elif isinstance(trouble.cause, StorageError):
            log.warning("no answer from the database: %s", trouble.cause)
            again = monotonic() - self._unanswered_at < _CALM_S
            self._unanswered_at = monotonic()
            if again:
                self._stop.wait(_RETRY_S)
            self._fence(waiting)
        else:
            log.error("a batch cannot be stored as it is: %s", trouble.cause)
            self._suspects.append(waiting)
            self._find_culprits()

    def _after_move(self, waiting: list[Waiting]) -> None:
        """The head is not where we left it: another writer, or a hand on the tables."""
        self._put_suspects_back()
        self._lanes.put_back(waiting)
        head = self._lease.renew()
        if head is not None:
            log.error("somebody else appended under our epoch; reading everything again")
            self._decider.resume()
            self._begin(head, self._decider.instant)

    def _fence(self, waiting: list[Waiting]) -> None:
        """End the epoch before looking: what is absent after that will never come.

        Deciding again then finds the receipts of what had been appended after all.
        """
        self._put_suspects_back()
        self._lanes.put_back(waiting)
        while self._lease.epoch is not None:
            try:
                tenure = self._lease.fence()
            except StorageError as error:
                log.warning("the database does not answer: %s", error)
                self._lanes.put_back(drop_late(self._lanes.drain()))
                if self._stop.wait(_RETRY_S):
                    self._lease.lose()
            else:
                if tenure is not None:
                    self._begin(tenure.head, tenure.instant)
                return

    def _find_culprits(self) -> None:
        """Append half by half until a command that cannot be stored stands alone."""
        while self._suspects:
            self._heartbeat.progressed()
            head = self._lease.renew()
            if head is None:
                self._put_suspects_back()
                return
            self._begin(head, self._decider.instant)
            if not self._try_alone(self._suspects.pop()):
                # Nothing of it was stored, so nothing of it may be known to what comes next:
                # no effect to refuse others for, no receipt to answer its repeat from.
                self._begin(head, self._decider.instant)

    def _put_suspects_back(self) -> None:
        """A search that something else interrupts starts over with the next batch."""
        self._lanes.put_back([one for part in reversed(self._suspects) for one in part])
        self._suspects.clear()

    def _try_alone(self, waiting: list[Waiting]) -> bool:
        """Append some of the suspects. False: they cannot be stored as they are."""
        if not waiting:
            return True
        try:
            decided, rest = self._decider.decide(waiting)
            kept = not decided.writes or append(
                decided, self._append_journal, self._lease, self.counters
            )
        except StorageError as error:
            self._lanes.put_back(waiting)
            raise Trouble(error, []) from error
        except Exception as mistake:
            middle = len(waiting) // 2
            if middle:
                self._suspects += (waiting[middle:], waiting[:middle])
            else:
                log.exception("a command cannot be stored")
                refuse(waiting, CommandFailed(f"it cannot be stored: {mistake}"))
            return False
        if not kept:
            raise Trouble(None, [decided])
        deliver(decided, self._lease, self.counters)
        self._settle([decided])
        self._lanes.put_back(rest)
        return True


def drop_late(waiting: list[Waiting]) -> list[Waiting]:
    """Answer those whose deadline has passed, before their turn; returns the others."""
    now = monotonic()
    late = [one for one in waiting if one.submission.deadline < now]
    if not late:
        return waiting
    refuse(late, StorageUnavailable("the deadline passed; try again with the same key"))
    return [one for one in waiting if one.submission.deadline >= now]


def refuse(waiting: list[Waiting], reason: Unavailable | CommandFailed) -> None:
    """Answer commands that were not decided."""
    by_sink: dict[Sink, list[tuple[object, Reply]]] = {}
    for one in waiting:
        by_sink.setdefault(one.sink, []).append((one.ticket, reason))
    hand_out(by_sink)


__all__ = ["Accepted", "Counters", "Writer"]
