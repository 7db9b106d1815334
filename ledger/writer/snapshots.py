"""Saving states of long streams, so that reading one back never means its whole history."""

import logging
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from ledger.settings import Settings
from ledger.store.journal import ContentError, Journal, StorageError
from ledger.working_set import SNAPSHOT_TOPIC, WorkingSet
from ledger.writer.deciding import Decided

log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """A stream's state as of a position that may not be durable yet."""

    position: int
    stream: str
    version: int
    state: bytes


class Snapshots:
    """Takes states on the writer's thread, writes them on its own once they are durable."""

    def __init__(self, settings: Settings, timeout_ms: int) -> None:
        """Write over a connection of its own."""
        assert settings.database_url is not None
        self._journal = Journal(settings.database_url, timeout_ms)
        self._early: list[Snapshot] = []
        self._queue: SimpleQueue[Snapshot | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="ledger-snapshots", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is durable, then end the thread."""
        self._queue.put(None)
        self._thread.join()
        self._journal.close()

    def consider(self, world: WorkingSet, durable: Decided) -> None:
        """A batch is durable: pass on what waited for it, take new states where due."""
        committed = durable.expected + len(durable.batch.streams)
        for snapshot in self._early:
            if snapshot.position <= committed:
                self._queue.put(snapshot)
        self._early = [s for s in self._early if s.position > committed]
        for due in world.snapshots_due():
            self._early.append(Snapshot(world.head, *due))

    def forget(self) -> None:
        """What was taken early may never become durable."""
        self._early.clear()

    def _run(self) -> None:
        while (snapshot := self._queue.get()) is not None:
            try:
                self._journal.save_snapshot(
                    snapshot.stream, snapshot.version, SNAPSHOT_TOPIC, snapshot.state
                )
            except (StorageError, ContentError) as error:
                log.warning("a snapshot was not saved, the next one will be: %s", error)
